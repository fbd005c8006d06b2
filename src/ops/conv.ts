import { type Attributes, int } from '../ir/attribute.js';
import type { Node } from '../ir/graph.js';
import { at } from '../support/assert.js';
import { Bounds, boundSums } from './bounds.js';
import { elementsPerSample, inputType, type Operator, type Padding, ShapeError, staticShape } from './operator.js';
import { contract, input, output, type Relation, tie } from './relations.js';
import { unknownDim } from './symbols.js';
import { padsAttributes, slide, widerPads, windowOf } from './window.js';

/**
 * ONNX Conv: x [N, C, ...], weights [M, C / group, ...kernel], optional bias [M] to [N, M, ...].
 * Plain convolutions sum over input channels; depthwise ones tie input to output channels; other groupings are pinned.
 */
export const conv: Operator = {
  op: 'Conv',
  domain: '',
  inputs: [2, 3],
  linear: () => ({ weight: 1, bias: 2 }),
  infer: (node) => {
    const x = inputType(node, 0);
    const weights = staticShape(node.inputs[1]);
    if (x === undefined || weights === undefined) return [undefined];
    const channels = at(weights, 1) * node.int('group', 1);
    if (x.shape.length !== weights.length) throw new ShapeError(`rank ${x.shape.length} meets rank ${weights.length}`);
    if (typeof x.shape[1] === 'number' && x.shape[1] !== channels) {
      throw new ShapeError(`${x.shape[1]} channels meet weights for ${channels}`);
    }
    const window = windowOf(node, weights.slice(2));
    return [{ type: x.type, shape: [at(x.shape, 0), at(weights, 0), ...slide(node, window, x.shape.slice(2))] }];
  },
  bounds: (node, [x = Bounds.unknown]) => {
    const weights = node.input(1).constant;
    const bias = node.inputs[2];
    if (weights?.type !== 'float32') return undefined;
    if (bias !== undefined && bias.constant?.type !== 'float32') return undefined;
    const values = weights.floats();
    const [units, inputs] = [at(weights.dims, 0), at(weights.dims, 1)];
    const perUnit = weights.size / units;
    const group = node.int('group', 1);
    return boundSums({
      units,
      x: x.along(1),
      weights: values,
      first: (unit) => unit * perUnit,
      terms: perUnit,
      step: 1,
      firstSlot: (unit) => Math.floor(unit / (units / group)) * inputs,
      repeats: perUnit / inputs,
      bias: (unit) => bias?.constant?.floats()[unit] ?? 0,
      hasPadding:
        node.string('auto_pad', 'NOTSET') !== 'NOTSET' || (node.ints('pads') ?? []).some((amount) => amount > 0),
    });
  },
  flops: (node) => {
    const weights = staticShape(node.inputs[1]) ?? [];
    return 2 * elementsPerSample(node.output.shape) * elementsPerSample(weights.slice(1));
  },
  relations: (node) => {
    const batch = tie(input(0, 0), output(0));
    const group = node.int('group', 1);
    const outputChannels = [input(1, 0), ...(node.inputs[2] === undefined ? [] : [input(2, 0)]), output(1)];
    if (group === 1) return [batch, contract(input(0, 1), input(1, 1)), tie(...outputChannels)];
    if (!isDepthwise(node)) return [batch];
    const inner = (staticShape(node.inputs[1])?.[0] ?? group) / group;
    const repeat: Relation = { kind: 'repeat', from: input(0, 1), to: outputChannels, outer: 1, inner };
    return [batch, repeat];
  },
  padded: paddedConv,
  resize: (node, graph, sizes) => {
    const kept = node.int('group', 1) === 1 ? undefined : sizes.kept(node.input(0), 1);
    if (kept !== undefined) graph.setAttributes(node, { group: int(kept.length) });
  },
};

/** Padding with zeros is what a convolution can do itself. */
function paddedConv(node: Node, padding: Padding): Attributes | undefined {
  const weights = staticShape(node.inputs[1]);
  const pads = weights === undefined ? undefined : widerPads(windowOf(node, weights.slice(2)), padding);
  return pads === undefined || padding.value !== 0 ? undefined : padsAttributes(node, pads);
}

/** One group an input channel. */
function isDepthwise(node: Node): boolean {
  return node.int('group', 1) === node.input(0).shape?.[1] && staticShape(node.inputs[1])?.[1] === 1;
}

/** ONNX ConvTranspose: x [N, C, ...], weights [C, M / group, ...kernel], optional bias [M] to [N, M, ...]. */
export const convTranspose: Operator = {
  op: 'ConvTranspose',
  domain: '',
  inputs: [2, 3],
  linear: () => ({ weight: 1, bias: 2 }),
  infer: (node) => {
    const x = inputType(node, 0);
    const weights = staticShape(node.inputs[1]);
    if (x === undefined || weights === undefined) return [undefined];
    if (typeof x.shape[1] === 'number' && x.shape[1] !== weights[0]) {
      throw new ShapeError(`${x.shape[1]} channels meet weights for ${weights[0]}`);
    }
    const { kernel, strides, dilations, pads } = windowOf(node, weights.slice(2));
    const extra = node.ints('output_padding') ?? kernel.map(() => 0);
    const spatial = x.shape.slice(2).map((dim, axis) => {
      if (typeof dim === 'string') return unknownDim(node, axis + 2);
      if (node.string('auto_pad', 'NOTSET').startsWith('SAME')) return dim * at(strides, axis);
      const extent = (at(kernel, axis) - 1) * at(dilations, axis) + 1;
      const padding = at(pads, axis) + at(pads, axis + kernel.length);
      return (dim - 1) * at(strides, axis) + at(extra, axis) + extent - padding;
    });
    const sizes = node.ints('output_shape') ?? spatial;
    return [{ type: x.type, shape: [at(x.shape, 0), at(weights, 1) * node.int('group', 1), ...sizes] }];
  },
  bounds: transposedBounds,
  flops: (node) =>
    2 * elementsPerSample(node.input(0).shape) * elementsPerSample((staticShape(node.inputs[1]) ?? []).slice(1)),
  relations: (node) => {
    const batch = tie(input(0, 0), output(0));
    if (node.int('group', 1) !== 1) return [batch];
    const bias = node.inputs[2] === undefined ? [] : [input(2, 0)];
    return [batch, contract(input(0, 1), input(1, 0)), tie(input(1, 1), ...bias, output(1))];
  },
};

/**
 * An output element is the sum over the input channels of its group and over those kernel positions that its place is
 * reached by: the others count as zeros.
 */
function transposedBounds(node: Node, [x = Bounds.unknown]: readonly (Bounds | undefined)[]): Bounds | undefined {
  const weights = node.input(1).constant;
  const bias = node.inputs[2];
  if (weights?.type !== 'float32' || (bias !== undefined && bias.constant?.type !== 'float32')) return undefined;
  const group = node.int('group', 1);
  const [channels, perGroup] = [at(weights.dims, 0), at(weights.dims, 1)];
  const positions = weights.size / (channels * perGroup);
  const inputs = channels / group;
  const ordered = unitsFirst(weights.floats(), group, inputs, perGroup, positions);
  return boundSums({
    units: perGroup * group,
    x: x.along(1),
    weights: ordered,
    first: (unit) => unit * inputs * positions,
    terms: inputs * positions,
    step: 1,
    firstSlot: (unit) => Math.floor(unit / perGroup) * inputs,
    repeats: positions,
    bias: (unit) => bias?.constant?.floats()[unit] ?? 0,
    hasPadding: true,
  });
}

/** Weights [group, input, unit, position] as [group, unit, input, position]. */
function unitsFirst(
  weights: Float32Array,
  groups: number,
  inputs: number,
  units: number,
  positions: number,
): Float32Array {
  const ordered = new Float32Array(weights.length);
  let target = 0;
  for (let group = 0; group < groups; group++) {
    for (let unit = 0; unit < units; unit++) {
      for (let input = 0; input < inputs; input++, target += positions) {
        const start = ((group * inputs + input) * units + unit) * positions;
        ordered.set(weights.subarray(start, start + positions), target);
      }
    }
  }
  return ordered;
}
