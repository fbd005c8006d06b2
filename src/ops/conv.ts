import { type Attributes, int } from '../ir/attribute.js';
import type { Graph, Node } from '../ir/graph.js';
import { isStatic } from '../ir/types.js';
import { at } from '../support/assert.js';
import { boundSums } from './bound-sums.js';
import { Bounds } from './bounds.js';
import {
  elementsPerSample,
  inputType,
  type Operator,
  type Padding,
  type Resized,
  ShapeError,
  staticShape,
} from './operator.js';
import { contract, input, output, type Relation, tie } from './relations.js';
import { unknownDim } from './symbols.js';
import { padsAttributes, slide, widerPads, windowOf } from './window.js';

/**
 * ONNX Conv: x [N, C, ...], weights [M, C / group, ...kernel], optional bias [M] to [N, M, ...].
 * Plain convolutions sum over input channels; depthwise ones tie input to output channels; those with larger groups do
 * the first in each group, and every group keeps the same number.
 */
export const conv: Operator = {
  op: 'Conv',
  domain: '',
  inputs: [2, 3],
  linear: () => ({ weight: 1, bias: 2 }),
  infer: (node) => {
    const x = inputType(node, 0);
    const weights = node.inputs[1]?.shape;
    // How many channels there are may be known at run time only: weights that are gathered for the units that fire.
    const kernel = weights?.slice(2) ?? [];
    if (x === undefined || weights === undefined || !isStatic(kernel)) return [undefined];
    const [, inputs] = weights;
    if (x.shape.length !== weights.length) throw new ShapeError(`rank ${x.shape.length} meets rank ${weights.length}`);
    if (typeof x.shape[1] === 'number' && typeof inputs === 'number') {
      const channels = inputs * node.int('group', 1);
      if (x.shape[1] !== channels) throw new ShapeError(`${x.shape[1]} channels meet weights for ${channels}`);
    }
    const window = windowOf(node, kernel);
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
      layout: {
        kind: 'rows',
        slots: inputs,
        repeats: perUnit / inputs,
        firstSlot: (unit) => Math.floor(unit / (units / group)) * inputs,
      },
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
    if (isDepthwise(node)) {
      const inner = (staticShape(node.inputs[1])?.[0] ?? group) / group;
      return [batch, { kind: 'repeat', from: input(0, 1), to: outputChannels, outer: 1, inner }];
    }
    const channels = [contract(input(0, 1), input(1, 1)), tie(...outputChannels)];
    return group === 1
      ? [batch, ...channels]
      : [batch, ...channels, { kind: 'grouped', port: output(1), groups: group }];
  },
  padded: paddedConv,
  resize: resizeGroups,
};

/** Groups of one input channel go with their channel; larger ones stay, all of one size. */
function resizeGroups(node: Node, graph: Graph, sizes: Resized): void {
  const kept = sizes.kept(node.input(0), 1);
  const group = node.int('group', 1);
  if (kept === undefined || group === 1 || group !== sizes.sizeBefore(node.input(0), 1)) return;
  graph.setAttributes(node, { group: int(kept.length) });
}

/** Padding with zeros is what a convolution can do itself. */
function paddedConv(node: Node, padding: Padding): Attributes | undefined {
  const weights = staticShape(node.inputs[1]);
  const pads = weights === undefined ? undefined : widerPads(windowOf(node, weights.slice(2)), padding);
  return pads === undefined || padding.value !== 0 ? undefined : padsAttributes(node, pads);
}

/** One group an input channel. */
function isDepthwise(node: Node): boolean {
  const group = node.int('group', 1);
  return group > 1 && group === node.input(0).shape?.[1];
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
    const groups = node.int('group', 1);
    const units = [output(1), ...(node.inputs[2] === undefined ? [] : [input(2, 0)])];
    if (isDepthwise(node)) {
      const inner = staticShape(node.inputs[1])?.[1] ?? 1;
      return [batch, { kind: 'repeat', from: input(0, 1), beside: [input(1, 0)], to: units, outer: 1, inner }];
    }
    const channels = contract(input(0, 1), input(1, 0));
    if (groups === 1) return [batch, channels, tie(input(1, 1), ...units)];
    // A slot of the weights' axis 1 makes one output channel in every group.
    const repeat: Relation = { kind: 'repeat', from: input(1, 1), to: units, outer: groups, inner: 1 };
    return [batch, channels, { kind: 'grouped', port: input(0, 1), groups }, repeat];
  },
  resize: resizeGroups,
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
    layout: {
      kind: 'rows',
      slots: inputs,
      repeats: positions,
      firstSlot: (unit) => Math.floor(unit / perGroup) * inputs,
    },
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
