import { float, int, string } from '../src/ir/attribute.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { sameShape } from '../src/ir/types.js';
import { swanDomain } from '../src/ops/operator.js';
import { gatesOf } from '../src/passkit/gates.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';

/**
 * Finds gates that were written by hand and makes them Gate nodes, then gives every gate a name of its own.
 *
 * Recognised are features · [s >= t], where(s >= t, features, 0) and where(s < t, 0, features), with the comparison
 * written any way round, strict or not, negated, cast to numbers or turned into 1 and 0 by Where, and with s a score or
 * the sigmoid of one. A strict s > t is s >= the next float32 above t, and sigmoid(s) >= t is s >= ln(t / (1 − t)): both
 * exact in real arithmetic, and off by the rounding of the sigmoid in float32.
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
        inputs: [match.features, match.score],
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
}

interface Match extends Condition {
  readonly features: Value;
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
  if (node.op === 'Cast') return matchComparison(node.input(0), false);
  if (node.op !== 'Where') return undefined;
  if (isConstant(node.input(1), 1) && isConstant(node.input(2), 0)) return matchComparison(node.input(0), false);
  if (isConstant(node.input(1), 0) && isConstant(node.input(2), 1)) return matchComparison(node.input(0), true);
  return undefined;
}

/** Each comparison as `score OP constant`, and what it is when its sides are swapped and when it is negated. */
const comparisons: Readonly<Record<string, { readonly swapped: string; readonly negated: string }>> = {
  GreaterOrEqual: { swapped: 'LessOrEqual', negated: 'Less' },
  Greater: { swapped: 'Less', negated: 'LessOrEqual' },
  LessOrEqual: { swapped: 'GreaterOrEqual', negated: 'Greater' },
  Less: { swapped: 'Greater', negated: 'GreaterOrEqual' },
};

function matchComparison(value: Value, isNegated: boolean): Condition | undefined {
  const node = value.producer;
  if (node === undefined || node.domain !== '') return undefined;
  if (node.op === 'Not') return matchComparison(node.input(0), !isNegated);
  if (comparisons[node.op] === undefined) return undefined;
  const [left, right] = [node.input(0), node.input(1)];
  const isSwapped = left.constant !== undefined;
  const threshold = singleElement(isSwapped ? left : right);
  const facing = isSwapped ? comparisons[node.op]?.swapped : node.op;
  const operator = isNegated ? comparisons[facing ?? '']?.negated : facing;
  if (
    threshold === undefined ||
    !Number.isFinite(threshold) ||
    (operator !== 'GreaterOrEqual' && operator !== 'Greater')
  )
    return undefined;
  const score = isSwapped ? right : left;
  return beforeSigmoid(score, operator === 'Greater' ? nextAbove(threshold) : threshold);
}

function beforeSigmoid(score: Value, threshold: number): Condition {
  const producer = score.producer;
  const isSigmoid = producer?.op === 'Sigmoid' && producer.domain === '';
  // Further out the sigmoid of float32 is 0 or 1 long before its argument says so.
  if (!isSigmoid || threshold < 1e-6 || threshold > 1 - 1e-6) return { score, threshold };
  return { score: producer.input(0), threshold: Math.fround(Math.log(threshold / (1 - threshold))) };
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
function unitAxis({ features, score }: Match): number | undefined {
  const rank = features.shape?.length ?? 0;
  if (score.shape?.length !== rank || rank === 0 || score.shape[0] !== features.shape?.[0]) return undefined;
  const varying = score.shape.flatMap((dim, axis) => (axis > 0 && dim !== 1 ? [axis] : []));
  const axis = varying[0] ?? Math.min(1, rank - 1);
  return typeof score.shape[axis] === 'number' ? axis : undefined;
}
