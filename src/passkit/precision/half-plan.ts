import { Graph, type Node, type Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { operatorOf, relationsOf } from '../../ops/index.js';
import { elementsPerSample } from '../../ops/operator.js';
import { at } from '../../support/assert.js';
import { decisionsOf, leadingTo } from '../decisions.js';
import { isSumOfProducts, unitAxisOfWeights } from '../linear-units.js';
import type { Target } from '../target.js';
import { beforeOpaque } from './exact-nodes.js';
import { fitsHalf, fitsWeights } from './half-range.js';
import type { Magnitudes } from './magnitudes.js';
import { nodesNearZero } from './near-zero.js';

/** A node that stays in float32, and why, as a clause. */
export interface KeptNode {
  readonly node: Node;
  readonly reason: string;
}

/** Which nodes compute in float16. */
export interface HalfPlan {
  readonly half: ReadonlySet<Node>;
  /** Those that stay as they are for a reason of their own, not to save casts. */
  readonly kept: readonly KeptNode[];
}

/**
 * Numbers that a node of float16 may add up without weights: each step is off by 2^-11 of the sum at most, and 16 of them by
 * less than 1 %, in the worst order.
 */
const mostSummed = 16;

/**
 * Float16 wherever it serves: float32 stay what decides, what is too large or too small for float16, long sums without
 * weights, and what float16 is not defined for. Of the rest, what costs little stays with its neighbours where that
 * saves casts.
 */
export function planHalf(graph: Graph, target: Target, magnitudes: Magnitudes): HalfPlan {
  const decisions = decisionsOf(graph);
  const scores = leadingTo(graph, (node, index) => decisions.has(node) || isFixedInput(node, index));
  const opaque = beforeOpaque(graph, decisions);
  const nearZero = nodesNearZero(graph, magnitudes.least);
  const kept: KeptNode[] = [];
  const half = new Set<Node>();
  for (const { node, isInLoop } of nodesOf(graph, false)) {
    if (isBranch(node) || !hasFloats(node)) continue;
    const isDeciding = decisions.has(node) || scores.has(node);
    const reason = isInLoop
      ? 'it is in a loop, whose state has one type'
      : isDeciding
        ? 'its scores decide which units fire'
        : (opaque.get(node) ??
          reasonAgainst(node, target, magnitudes) ??
          (nearZero.has(node) ? 'it computes with numbers below 2^-14 whose digits count' : undefined));
    if (reason === undefined) half.add(node);
    else if (operatorOf(node)?.float16 !== 'either') kept.push({ node, reason });
  }
  saveCasts(graph, half);
  return { half, kept };
}

/** All nodes, outer before inner, and whether they are in the body of a loop. */
function* nodesOf(graph: Graph, isInLoop: boolean): Generator<{ readonly node: Node; readonly isInLoop: boolean }> {
  for (const node of graph.nodes) {
    yield { node, isInLoop };
    for (const nested of node.subgraphs) yield* nodesOf(nested, isInLoop || !isBranch(node));
  }
}

/** True for a value whose type is open to choice. */
const isFloat = (value: Value | undefined): value is Value => value?.elementType === 'float32';

const hasFloats = (node: Node): boolean => [...node.inputs, ...node.outputs].some(isFloat);

/** True for what stays float32 whatever a node computes in. */
export function isFixedInput(node: Node, index: number): boolean {
  return operatorOf(node)?.float32Inputs?.includes(index) === true;
}

/** The inputs that are in the type that a node computes in. */
export function floatInputs(node: Node): number[] {
  return [...node.inputs.keys()].filter((index) => isFloat(node.inputs[index]) && !isFixedInput(node, index));
}

/** True for a value that is made in float16. What an If gives is so if one of its branches makes it so. */
export function isHalfValue(value: Value, half: ReadonlySet<Node>): boolean {
  const { producer, outputIndex } = value;
  if (producer === undefined || value.elementType !== 'float32') return false;
  if (!isBranch(producer)) return half.has(producer);
  return producer.subgraphs.some(({ outputs }) => isHalfValue(at(outputs, outputIndex), half));
}

/** Why a node that float16 would do for as far as decisions go stays in float32; undefined: it need not. */
function reasonAgainst(node: Node, target: Target, magnitudes: Magnitudes): string | undefined {
  const operator = operatorOf(node);
  if (operator === undefined) return `nothing is known of ${node.op} in float16`;
  if (operator.float16 === 'never' || operator.float16 === 'either') {
    return makesFloats(node) && operator.float16 === 'either' ? undefined : `${node.op} is not defined for float16`;
  }
  if (!node.outputs.some(isFloat)) return `${node.op} compares numbers`;
  if (target.placement(inHalf(node)) === 'host') return `${target.name} has no kernel of ${node.op} in float16`;
  const summed = operator.sums?.(node) ?? 1;
  if (summed > mostSummed) {
    return `it adds up ${Number.isFinite(summed) ? summed : 'an open number of'} numbers without weights`;
  }
  return rangeReason(node, magnitudes);
}

/** The node by itself, with float16 in place of float32, to be asked about. */
function inHalf(node: Node): Node {
  const graph = new Graph('one');
  const own = new Set(floatInputs(node));
  const inputs = node.inputs.map((value, index) => {
    if (value?.type === undefined) return undefined;
    if (value.constant !== undefined && !own.has(index)) return graph.addConstant(value.name, value.constant);
    return graph.addInput(value.name, own.has(index) ? { ...value.type, type: 'float16' } : value.type);
  });
  const { op, domain, attributes } = node;
  const copy = graph.addNode({ op, domain, inputs, attributes, outputs: node.outputs.map(({ name }) => name) });
  for (const [index, { type }] of node.outputs.entries()) {
    if (type !== undefined)
      graph.setType(at(copy.outputs, index), isFloat(node.outputs[index]) ? { ...type, type: 'float16' } : type);
  }
  return copy;
}

/** True for what makes floats of something else: it may as well make float16. */
function makesFloats(node: Node): boolean {
  return node.outputs.some(isFloat) && !node.inputs.some(isFloat);
}

/** How large a value becomes; what an If gives is what one of its branches does. */
function sizeOfValue(value: Value, values: Magnitudes['values']): number | undefined {
  const { producer, outputIndex } = value;
  if (producer === undefined || !isBranch(producer)) return values.get(value.name);
  const results = producer.subgraphs.map(({ outputs }) => sizeOfValue(at(outputs, outputIndex), values) ?? 0);
  return Math.max(...results);
}

function rangeReason(node: Node, { values, sums }: Magnitudes): string | undefined {
  for (const index of floatInputs(node)) {
    const { constant } = node.input(index);
    const unfit = constant && fitsWeights(constant, isWeight(node, index) ? unitAxisOfWeights(node, index) : undefined);
    if (unfit !== undefined) return unfit;
  }
  const open = floatInputs(node).flatMap((index) =>
    node.input(index).constant === undefined ? [node.input(index)] : [],
  );
  for (const value of [...open, ...node.outputs.filter(isFloat)]) {
    const what = `elements of ${value.producer === node ? 'its output' : 'what it reads'}`;
    const unfit = fitsHalf(sizeOfValue(value, values), what);
    if (unfit !== undefined) return unfit;
  }
  const sum = sums.get(node.output.name);
  return sum === undefined || sum === 0 ? undefined : fitsHalf(sum, 'its partial sums');
}

/** True for the weights of a sum of products. */
function isWeight(node: Node, index: number): boolean {
  return relationsOf(node).some((own) => own.kind === 'contract' && own.weight?.index === index);
}

/**
 * Lets nodes that cost little go back to float32 where fewer elements are cast so, as long as that helps: between two others
 * in float32, before what makes a tensor smaller, and next to the outputs.
 */
function saveCasts(graph: Graph, half: Set<Node>): void {
  const nodes = [...graph.allNodes()];
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const node of nodes) {
      if (!half.has(node) || hasWeights(node) || node.outputs.some(isGivenByBranch)) continue;
      const touched = new Set([
        ...floatInputs(node).map((index) => node.input(index)),
        ...node.outputs.filter(isFloat),
      ]);
      const cost = (): number => [...touched].reduce((sum, value) => sum + castCost(value, half), 0);
      const before = cost();
      half.delete(node);
      if (cost() < before) isChanged = true;
      else half.add(node);
    }
  }
}

/** What counts a cast beside its elements: it is an operator to start. */
const startOfCast = 64;

/** What casting a value takes, given where it is made and read. */
function castCost(value: Value, half: ReadonlySet<Node>): number {
  if (value.constant !== undefined) return 0;
  const isHalf = isHalfValue(value, half);
  const isCast = value.uses.some(({ node, index }) => {
    const isFree = isBranch(node) || operatorOf(node)?.float16 === 'either' || !floatInputs(node).includes(index);
    return !isFree && half.has(node) !== isHalf;
  });
  // What leaves the model is float32, and better computed so than cast behind.
  const isOutput = isHalf && value.isGraphOutput && value.graph.parent === undefined;
  return (isCast || isOutput ? startOfCast + elementsPerSample(value.shape) : 0) + (isOutput ? 1 : 0);
}

/** More than a scalar or a list of channels: such a node is worth the cast, in time or in bytes. */
const fewWeights = 4096;

function hasWeights(node: Node): boolean {
  return isSumOfProducts(node) || node.inputs.some((value) => (value?.constant?.size ?? 0) > fewWeights);
}

function isGivenByBranch(value: Value): boolean {
  return value.isGraphOutput && value.graph.parent !== undefined;
}
