import { int, ints } from '../../src/ir/attribute.js';
import { allLive, type Features, liveUnits, type NetworkForm, type Plan, spreadPlan } from './features.js';
import { type Network, NetworkWriter } from './writer.js';

interface TransformerSizes {
  readonly length: number;
  /** Width of the residual stream, which stays: LayerNormalization sees how many features it has. */
  readonly width: number;
  readonly heads: number;
  /** Features of a head. */
  readonly headWidth: number;
  readonly hidden: number;
  readonly blocks: number;
  readonly classes: number;
}

/**
 * Blocks of attention and dense layers, each behind a LayerNormalization. Planted are whole heads, whose gate stands
 * behind the attention, and hidden units of the dense layers: by turns a layer whose gate comes before SG-Blend, and the
 * product of two layers.
 */
export function buildTransformer(form: NetworkForm, sizes: TransformerSizes, seed: number): Network {
  const writer = new NetworkWriter('transformer', form, seed);
  let x = writer.sequence(sizes.length, sizes.width);
  for (let block = 0; block < sizes.blocks; block++) {
    x = writer.add(x, attention(writer, normalized(writer, x), sizes, `block${block}_heads`));
    const hidden = block % 2 === 0 ? blended : product;
    const units = writer.plant(sizes.hidden);
    x = writer.add(
      x,
      writer.dense(hidden(writer, normalized(writer, x), units, `block${block}_hidden`), allLive(x.size)),
    );
  }
  return writer.network(writer.dense(writer.meanOverSteps(normalized(writer, x)), allLive(sizes.classes)));
}

function normalized(writer: NetworkWriter, x: Features): Features {
  const parameters = [writer.uniform(x.size, 0.8, 1.2), writer.uniform(x.size, -0.1, 0.1)];
  const inputs = [x.value, ...parameters.map((weights) => writer.constant(weights, {}))];
  return { ...x, value: writer.builder.op('LayerNormalization', inputs, { axis: int(-1) }), density: 1 };
}

function attention(writer: NetworkWriter, x: Features, sizes: TransformerSizes, name: string): Features {
  const { heads, headWidth } = sizes;
  const { builder } = writer;
  const plan = writer.plant(heads);
  const projected = spreadPlan(plan, headWidth);
  const count = writer.form === 'cut' ? liveUnits(plan).length : heads;
  const split = (perm: readonly number[]) => {
    const features = writer.dense(x, projected);
    return builder.transpose(builder.reshape(features.value, [0, 0, count, headWidth]), perm);
  };
  const [query, key, value] = [split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])];
  const scores = builder.op('Mul', [builder.op('MatMul', [query, key]), builder.scalar(1 / Math.sqrt(headWidth))]);
  const attended = builder.op('MatMul', [builder.op('Softmax', [scores], { axis: int(-1) }), value]);
  const dead = new Map([...plan.dead.keys()].map((unit) => [unit, undefined]));
  const gated = writer.gate({ value: attended, axis: 1, rank: 4, size: heads, dead, density: 1 }, plan, name);
  const merged = builder.op('Reshape', [
    builder.op('Transpose', [gated.value], { perm: ints([0, 2, 1, 3]) }),
    builder.int64s([0, 0, count * headWidth], 'shape'),
  ]);
  const features = { ...gated, value: merged, axis: 2, rank: 3, size: heads * headWidth, dead: zeros(projected) };
  return writer.dense(features, allLive(x.size));
}

const zeros = ({ dead }: Plan): Features['dead'] => new Map([...dead.keys()].map((unit) => [unit, 0]));

function blended(writer: NetworkWriter, x: Features, units: Plan, name: string): Features {
  return writer.gateBlend(writer.dense(x, units), units, name);
}

/** One layer's features times the other's as a factor between 0 and 1. */
function product(writer: NetworkWriter, x: Features, units: Plan, name: string): Features {
  const factors = writer.sigmoid(writer.dense(x, units));
  return writer.gate(writer.multiply(writer.dense(x, units), factors), units, name);
}
