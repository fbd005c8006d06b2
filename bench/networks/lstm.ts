import { int } from '../../src/ir/attribute.js';
import { at } from '../../src/support/assert.js';
import { allLive, type Features, liveUnits, type NetworkForm, type Plan } from './features.js';
import { type Network, NetworkWriter } from './writer.js';

interface LstmSizes {
  readonly length: number;
  readonly width: number;
  /** Units of the gated layer before the LSTM. */
  readonly projected: number;
  readonly hidden: number;
  readonly layers: number;
  readonly classes: number;
}

/**
 * LSTMs over gated dense layers. Planted are units of those layers, and hidden units: these are gated behind the LSTM,
 * and no other hidden unit reads them, their recurrent weights outwards being zero.
 */
export function buildLstm(form: NetworkForm, sizes: LstmSizes, seed: number): Network {
  const writer = new NetworkWriter('lstm', form, seed);
  let x = writer.sequence(sizes.length, sizes.width);
  for (let layer = 0; layer < sizes.layers; layer++) {
    const units = writer.plant(sizes.projected);
    const projected = writer.reluGate(writer.dense(x, units), units, `layer${layer}_projection`);
    const hidden = writer.plant(sizes.hidden);
    x = writer.gate(lstm(writer, projected, hidden), hidden, `layer${layer}_hidden`);
  }
  return writer.network(writer.dense(writer.meanOverSteps(x), allLive(sizes.classes)));
}

/** Hidden states of all steps, [N, steps, hidden], of features [N, steps, C]. */
function lstm(writer: NetworkWriter, x: Features, plan: Plan): Features {
  const { builder } = writer;
  const { size } = plan;
  const rows = repeatPlan(plan, 4);
  const input = writer.weights([1, 4 * size, x.size], 4 * x.size);
  const recurrent = writer.weights([1, 4 * size, size], 4 * size);
  for (let row = 0; row < 4 * size; row++) {
    for (const unit of plan.dead.keys()) recurrent.data[row * size + unit] = 0;
  }
  const bias = { ...writer.uniform(8 * size, -0.2, 0.2), dims: [1, 8 * size] };
  const hidden = writer.form === 'cut' ? liveUnits(plan).length : size;
  const steps = builder.multi(
    'LSTM',
    [
      builder.transpose(x.value, [1, 0, 2]),
      writer.constant(input, { 1: rows, 2: x }),
      writer.constant(recurrent, { 1: rows, 2: plan }),
      writer.constant(bias, { 1: repeatPlan(plan, 8) }),
    ],
    1,
    { hidden_size: int(hidden) },
  );
  const states = builder.transpose(builder.squeeze(at(steps, 0), [1]), [1, 0, 2]);
  const dead = new Map([...plan.dead.keys()].map((unit) => [unit, undefined]));
  return { value: states, axis: 2, rank: 3, size, dead, density: 1 };
}

/** The units `times` times one behind the other, as the rows of the weights of an LSTM's four gates. */
function repeatPlan({ size, dead }: Plan, times: number): Plan {
  const rows = Array.from({ length: times * size }, (_, row) => row).flatMap((row) => {
    const basis = dead.get(row % size);
    return basis === undefined ? [] : [[row, basis] as const];
  });
  return { size: times * size, dead: new Map(rows) };
}
