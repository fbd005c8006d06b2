import { Builder } from '../src/ir/builder.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { takeAlongAxis } from '../src/ir/slices.js';
import { isBranch } from '../src/ops/control-flow.js';
import { operatorOf, relationsOf } from '../src/ops/index.js';
import { slotsAt, weightedSum } from '../src/ops/relations.js';
import { sides } from '../src/passkit/branches/branches.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';
import type { Target } from '../src/passkit/target.js';
import { at } from '../src/support/assert.js';

/**
 * For an engine that runs convolutions with channels last and transposes around them: lets images come and go with channels
 * last wherever no operator needs them first, written as a Transpose that meets the engine's own, so that both vanish.
 * - What gives an image one channel or one position (inputs, masks) by a reshape gives it channels last: the same elements in
 *   the same order.
 * - What flattens an image for sums of products with constant weights flattens it channels last, for weights in that order.
 * - What branches read and give they read and give channels last: engines look for transposes in each graph alone.
 * Sound as a Transpose and its inverse are nothing together, and a sum is the same in any order of its terms.
 */
export const layChannelsLast = definePass({
  name: 'lay-channels-last',
  contract: 'exact',
  run(graph, { target }) {
    const findings: Finding[] = [];
    if (target.channelsLast === undefined) return { findings };
    const images = imagesLast(graph, target);
    for (const image of images) {
      const what = [layFlattened(image), layCaptured(image), layMade(image)].filter((text) => text !== undefined);
      if (what.length > 0) findings.push(done(image.name, what.join(', ')));
    }
    for (const node of [...graph.allNodes()].filter(isBranch)) {
      for (const [index, output] of node.outputs.entries()) {
        if (!images.has(output)) continue;
        layGiven(node, index);
        findings.push(done(output.name, 'a branch gives it channels last'));
      }
    }
    for (const each of graph.allGraphs()) each.sort();
    graph.removeUnused();
    return { findings };
  },
});

/** To channels last, and back. */
const [last, first] = [
  [0, 2, 3, 1],
  [0, 3, 1, 2],
];

/**
 * Images that the engine holds channels last: what its operators read and make, and what is computed of it elementwise. Truth
 * values are none: engines have no Transpose of them, but what they are computed of is.
 */
function imagesLast(graph: Graph, target: Target): ReadonlySet<Value> {
  const images = new Set<Value>();
  const nodes = [...graph.allNodes()];
  const groups = nodes.flatMap((node): (readonly Value[])[] => {
    if (target.channelsLast?.(node) === true) {
      for (const value of [node.input(0), node.output]) if (isImage(value)) images.add(value);
      return [];
    }
    if (operatorOf(node)?.elementwise === true) return [[...node.inputs, ...node.outputs].filter(isImage)];
    if (!isBranch(node)) return [];
    return node.outputs.map((output, index) =>
      [output, ...sides.map((side) => at(node.subgraph(side).outputs, index))].filter(isImage),
    );
  });
  for (let size = -1; size !== images.size; ) {
    size = images.size;
    for (const group of groups) {
      if (group.some((value) => images.has(value))) for (const value of group) images.add(value);
    }
  }
  return new Set([...images].filter(({ elementType }) => elementType !== 'bool'));
}

function isImage(value: Value | undefined): value is Value {
  return value?.shape?.length === 4 && value.constant === undefined;
}

function transposed(value: Value, perm: readonly number[], graph: Graph, origin: string | undefined): Value {
  const result = new Builder(graph, { origin }).transpose(value, perm);
  const { type, shape = [] } = value;
  graph.setType(result, type && { ...type, shape: perm.map((axis) => at(shape, axis)) });
  return result;
}

/** True if channels last are the same elements in the same order. */
function isSameOrder([, channels, height, width]: readonly (number | string)[]): boolean {
  return channels === 1 || (height === 1 && width === 1);
}

/** What is reshaped to the image is reshaped to it channels last. */
function layMade(image: Value): string | undefined {
  const { producer, shape = [], graph } = image;
  if (producer === undefined || operatorOf(producer)?.reshapes !== true || !isSameOrder(shape)) return undefined;
  const source = producer.input(0);
  const dims = last.map((axis) => at(shape, axis));
  const builder = new Builder(graph, { origin: producer.origin });
  let laid = source;
  if (source.shape?.join() !== dims.join()) {
    if (dims.filter((dim) => typeof dim !== 'number').length > 1) return undefined;
    const { type } = image;
    laid = builder.reshape(
      source,
      dims.map((dim) => (typeof dim === 'number' ? dim : -1)),
    );
    graph.setType(laid, type && { ...type, shape: dims });
  }
  const result = transposed(laid, first, graph, producer.origin);
  graph.replaceUses(image, result);
  graph.swapNames(image, result);
  return 'made channels last';
}

/** What flattens the image flattens it channels last, and the weights that meet it are in that order. */
function layFlattened(image: Value): string | undefined {
  const { shape = [] } = image;
  let count = 0;
  for (const { node, index } of [...image.uses]) {
    const [rows, columns] = node.outputs[0]?.shape ?? [];
    const isFlat = node.outputs[0]?.shape?.length === 2 && rows === shape[0] && typeof columns === 'number';
    if (index !== 0 || operatorOf(node)?.reshapes !== true || !isFlat) continue;
    if (!isSameOrder(shape) && !reorderWeights(node, shape)) continue;
    const { graph, origin, output } = node;
    const flat = new Builder(graph, { origin }).reshape(transposed(image, last, graph, origin), [-1, columns]);
    graph.setType(flat, output.type);
    graph.replaceUses(output, flat);
    graph.swapNames(output, flat);
    count++;
  }
  return count === 0 ? undefined : 'flattened channels last';
}

/** Reorders the weights of all sums of products that read columns of an image, if nothing else does. */
function reorderWeights(flatten: Node, [, ...dims]: readonly (number | string)[]): boolean {
  const [channels = 0, height = 0, width = 0] = dims.map(Number);
  const size = channels * height * width;
  const { output } = flatten;
  const sums = output.uses.map(({ node, index }) => {
    const sum = weightedSum(relationsOf(node));
    const weights = sum === undefined ? undefined : node.inputs[sum.weight.index];
    const isData = sum?.data.index === index && sum.data.axis === 1 && slotsAt(node, sum.weight) === size;
    return isData && weights?.constant !== undefined && weights.onlyUse !== undefined ? { node, ...sum } : undefined;
  });
  if (output.isGraphOutput || !Number.isSafeInteger(size) || sums.some((sum) => sum === undefined)) return false;
  // Position p · channels + c of the new order was c · positions + p.
  const positions = height * width;
  const order = Array.from({ length: size }, (_, place) => {
    return (place % channels) * positions + Math.floor(place / channels);
  });
  for (const sum of sums) {
    const tensor = sum?.node.input(sum.weight.index).constant;
    if (sum === undefined || tensor === undefined) continue;
    const { node, weight } = sum;
    const name = node.input(weight.index).name;
    node.graph.setInput(node, weight.index, node.graph.addConstant(name, takeAlongAxis(tensor, weight.axis, order)));
  }
  return true;
}

/** Branches read the image channels last. */
function layCaptured(image: Value): string | undefined {
  const { graph, producer } = image;
  const uses = image.uses.filter(({ node }) => node.graph !== graph);
  if (uses.length === 0 || producer === undefined) return undefined;
  const outside = transposed(image, last, graph, producer.origin);
  const inside = new Map<Graph, Value>();
  for (const { node, index } of uses) {
    const value = inside.get(node.graph) ?? transposed(outside, first, node.graph, node.origin);
    inside.set(node.graph, value);
    node.graph.setInput(node, index, value);
  }
  return 'branches read it channels last';
}

/** Both branches give output `index` channels last. */
function layGiven(node: Node, index: number): void {
  const { graph, origin } = node;
  for (const side of sides) {
    const branch = node.subgraph(side);
    const laid = transposed(at(branch.outputs, index), last, branch, origin);
    branch.setOutputs(branch.outputs.with(index, laid));
  }
  const output = at(node.outputs, index);
  const { type, shape = [] } = output;
  const back = new Builder(graph, { origin }).transpose(output, first);
  graph.setType(back, type);
  graph.setType(output, type && { ...type, shape: last.map((axis) => at(shape, axis)) });
  graph.replaceUses(output, back, back.producer);
  graph.swapNames(output, back);
}
