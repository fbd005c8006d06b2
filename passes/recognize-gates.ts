import { float, int, string } from '../src/ir/attribute.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { type Shape, sameShape } from '../src/ir/types.js';
import { operatorOf } from '../src/ops/index.js';
import { swanDomain } from '../src/ops/operator.js';
import { gatesOf } from '../src/passkit/gates.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';

/**
 * Finds gates that were written by hand and makes them Gate nodes, then gives every gate a name of its own.
 *
 * Recognised are features · [s >= t], where(s >= t, features, 0) and where(s < t, 0, features), with the comparison
 * written any way round, strict or not, negated, cast to numbers or turned into 1 and 0 by Where, as round(sigmoid(s)) or as
 * relu(sign(s)), and with s a score or an increasing function of one that has an inverse, such as a sigmoid. A strict s > t
 * is s >= the next float32 above t, and sigmoid(s) >= t is s >= ln(t / (1 − t)): both exact in real arithmetic, and off by
 * the rounding of the sigmoid in float32. Operators between these that only move elements move the score instead, which is
 * sound because all the others are element-wise.
 */
export const recognizeGates = definePass({
  name: 'recognize-gates',
  contract: 'exact',
  establishes: ['gates'],
  run(graph) {
    const findings: Finding[] = [];
    for (const node of graph.allNodes()) {
      const match = matchProduct(node) ?? matchWhere(node);
      const axis = match === undefined ? undefined : unitAxis(match);
      if (match === undefined) continue;
      if (axis === undefined) {
        findings.push(skipped(node.label, `${node.op} gates, but not sample by sample along an axis of known size`));
        continue;
      }
      const gate = node.graph.addNode({
        op: 'Gate',
        domain: swanDomain,
        inputs: [match.features, movedScore(match, node)],
        attributes: {
          threshold: float(match.threshold),
          axis: int(axis),
          ...(node.op === 'Where' ? { select: int(1) } : {}),
        },
        origin: node.origin,
        before: node,
      });
      node.graph.replaceUses(node.output, gate.output);
      node.graph.swapNames(node.output, gate.output);
      findings.push(done(gate.label, `${node.op} recognised as a gate`));
    }
    nameGates(graph);
    return { findings };
  },
});

/** A gate is called by its layer; a layer that gates twice gets numbers. Names that are there stay. */
function nameGates(graph: Graph): void {
  const taken = new Set(gatesOf(graph).map(({ node }) => node.string('name', '')));
  for (const { node } of gatesOf(graph)) {
    if (node.attributes.name !== undefined) continue;
    let name = node.label;
    for (let count = 2; taken.has(name); count++) name = `${node.label}#${count}`;
    taken.add(name);
    node.graph.setAttributes(node, { name: string(name) });
  }
}

interface Condition {
  readonly score: Value;
  readonly threshold: number;
  /** What moves the elements of the score before they meet the features, in order. */
  readonly moves: readonly Node[];
  /** Of the score when it is moved. */
  readonly shape: Shape | undefined;
}

interface Match extends Condition {
  readonly features: Value;
}

/** The score with its elements moved, by nodes before `product`. */
function movedScore({ score, moves }: Match, product: Node): Value {
  const { graph, origin } = product;
  return moves.reduce((value, { op, domain, inputs, attributes, output }) => {
    const moved = graph.addNode({
      op,
      domain,
      inputs: [value, ...inputs.slice(1)],
      attributes,
      origin,
      before: product,
    });
    graph.setType(moved.output, { type: 'float32', shape: output.shape ?? [] });
    return moved.output;
  }, score);
}

function matchProduct(node: Node): Match | undefined {
  if (node.op !== 'Mul' || node.domain !== '') return undefined;
  for (const [mask, features] of [
    [node.input(0), node.input(1)],
    [node.input(1), node.input(0)],
  ] as const) {
    const condition = matchMask(mask);
    if (condition !== undefined) return matchFor(node, features, condition);
  }
  return undefined;
}

function matchWhere(node: Node): Match | undefined {
  if (node.op !== 'Where' || node.domain !== '') return undefined;
  const [test, yes, no] = [node.input(0), node.input(1), node.input(2)];
  const isWhenTrue = isConstant(no, 0);
  const condition = isWhenTrue || isConstant(yes, 0) ? matchComparison(test, !isWhenTrue) : undefined;
  return condition === undefined ? undefined : matchFor(node, isWhenTrue ? yes : no, condition);
}

/** The Gate operator keeps the shape of its features, and takes float32. */
function matchFor(node: Node, features: Value, condition: Condition): Match | undefined {
  const isFloat = features.elementType === 'float32' && condition.score.elementType === 'float32';
  const shape = node.output.shape;
  const isWhole = shape !== undefined && features.shape !== undefined && sameShape(features.shape, shape);
  return isFloat && isWhole && features.constant === undefined ? { features, ...condition } : undefined;
}

/** A value that is 1 where a condition holds and 0 elsewhere. */
function matchMask(value: Value): Condition | undefined {
  const node = value.producer;
  if (node === undefined || node.domain !== '') return undefined;
  if (movesElements(node)) return behind(node, matchMask(node.input(0)));
  const [x] = node.inputs;
  if (node.op === 'Cast')
    return node.input(0).elementType === 'bool' ? matchComparison(node.input(0)) : matchMask(node.input(0));
  // 0.5 is rounded to 0, the even number.
  if (node.op === 'Round' && isOf('Sigmoid', x)) return beforeInverse(node.input(0), nextAbove(0.5));
  if (node.op === 'Relu' && isOf('Sign', x)) return beforeInverse(signed(node.input(0)), nextAbove(0));
  if (node.op !== 'Where') return undefined;
  if (isConstant(node.input(1), 1) && isConstant(node.input(2), 0)) return matchComparison(node.input(0));
  if (isConstant(node.input(1), 0) && isConstant(node.input(2), 1)) return matchComparison(node.input(0), true);
  return undefined;
}

function isOf(op: string, value: Value | undefined): boolean {
  return value?.producer?.op === op && value.producer.domain === '';
}

/** What a sign is of. */
function signed(value: Value): Value {
  return value.producer?.input(0) ?? value;
}

/** True for a node that moves elements of its first input, by constants if by anything. */
function movesElements(node: Node): boolean {
  return operatorOf(node)?.moves === true && node.inputs.slice(1).every((value) => value?.constant !== undefined);
}

/** The condition with its elements moved by `node`; undefined where a constant has stretched them before that. */
function behind(node: Node, condition: Condition | undefined): Condition | undefined {
  const before = node.input(0).shape;
  const isSame = before !== undefined && condition?.shape !== undefined && sameShape(before, condition.shape);
  return isSame ? { ...condition, moves: [...condition.moves, node], shape: node.output.shape } : undefined;
}

/** Each comparison as `score OP constant`, and what it is when its sides are swapped and when it is negated. */
const comparisons: Readonly<Record<string, { readonly swapped: string; readonly negated: string }>> = {
  GreaterOrEqual: { swapped: 'LessOrEqual', negated: 'Less' },
  Greater: { swapped: 'Less', negated: 'LessOrEqual' },
  LessOrEqual: { swapped: 'GreaterOrEqual', negated: 'Greater' },
  Less: { swapped: 'Greater', negated: 'GreaterOrEqual' },
};

function matchComparison(value: Value, isNegated = false): Condition | undefined {
  const node = value.producer;
  if (node === undefined || node.domain !== '') return undefined;
  if (movesElements(node)) return behind(node, matchComparison(node.input(0), isNegated));
  if (node.op === 'Not') return matchComparison(node.input(0), !isNegated);
  if (comparisons[node.op] === undefined) return undefined;
  const [left, right] = [node.input(0), node.input(1)];
  const isSwapped = left.constant !== undefined;
  const threshold = singleElement(isSwapped ? left : right);
  const facing = isSwapped ? comparisons[node.op]?.swapped : node.op;
  const operator = isNegated ? comparisons[facing ?? '']?.negated : facing;
  const isUpward = operator === 'GreaterOrEqual' || operator === 'Greater';
  const score = isSwapped ? right : left;
  if (threshold === undefined || !Number.isFinite(threshold) || !isUpward) return undefined;
  return beforeInverse(score, operator === 'Greater' ? nextAbove(threshold) : threshold);
}

/** The condition on what a score is an increasing function of, be its elements moved in between; else on the score itself. */
function beforeInverse(score: Value, threshold: number): Condition {
  const node = score.producer;
  const itself: Condition = { score, threshold: Math.fround(threshold), moves: [], shape: score.shape };
  if (node === undefined) return itself;
  if (movesElements(node)) {
    const inner = beforeInverse(node.input(0), threshold);
    return inner.score === node.input(0) ? itself : (behind(node, inner) ?? itself);
  }
  const before = operatorOf(node)?.inverse?.(node, threshold);
  return before === undefined ? itself : beforeInverse(node.input(0), before);
}

function isConstant(value: Value, element: number): boolean {
  return singleElement(value) === element;
}

/** The element that all of a float32 constant consists of. */
function singleElement(value: Value): number | undefined {
  if (value.constant?.type !== 'float32' || value.constant.size === 0) return undefined;
  const [first, ...others] = value.constant.floats();
  return others.every((item) => item === first) ? first : undefined;
}

/** The least float32 above x. */
function nextAbove(x: number): number {
  const floats = new Float32Array([x]);
  const bits = new Int32Array(floats.buffer);
  if (x === 0) bits[0] = 1;
  else bits[0] = (bits[0] ?? 0) + (x > 0 ? 1 : -1);
  return floats[0] ?? x;
}

/**
 * The axis of units: the only one along which the score varies, besides the batch; the first of several. A score of one
 * element for each sample gates a whole block: its axis is the second, or the last of a score without batch.
 */
function unitAxis({ features, shape }: Match): number | undefined {
  const rank = features.shape?.length ?? 0;
  if (shape?.length !== rank || rank === 0 || shape[0] !== features.shape?.[0]) return undefined;
  const varying = shape.flatMap((dim, axis) => (axis > 0 && dim !== 1 ? [axis] : []));
  const axis = varying[0] ?? Math.min(1, rank - 1);
  return typeof shape[axis] === 'number' ? axis : undefined;
}
