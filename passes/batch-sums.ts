import { int } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { joinAlongAxis } from '../src/ir/slices.js';
import { sameTensor, type Tensor } from '../src/ir/tensor.js';
import { sameShape } from '../src/ir/types.js';
import { operatorOf, relationsOf } from '../src/ops/index.js';
import { elementsPerSample } from '../src/ops/operator.js';
import { sizeOfAxis, slotsAt, weightedSum } from '../src/ops/relations.js';
import { EqualNodes } from '../src/passkit/branches/equal-nodes.js';
import { type LinearUnits, linearUnits, productUnits } from '../src/passkit/linear-units.js';
import { definePass, done, type Finding, type PassContext, skipped } from '../src/passkit/pass.js';
import { at, defined } from '../src/support/assert.js';

/**
 * Computes sums of products that read one value as one, such as the scores of several gates with one control: their
 * weights and biases lie side by side, and a Split hands each reader its own columns. What follows each of them alike
 * element by element (the comparison of a score, the cast to a mask) is done once, before the Split. Sound because every
 * column of a product, and every element behind it, is computed by itself.
 *
 * Done only for the same chain of operators behind each product, and where the operators saved cost more than the Split
 * and its copies, by the target's costs.
 */
export const batchSums = definePass({
  name: 'batch-sums',
  contract: 'exact',
  run(graph, context) {
    const findings: Finding[] = [];
    for (const nested of graph.allGraphs()) {
      for (const alike of alikeSums(nested)) {
        const where = alike.map(({ sum }) => sum.label).join(', ');
        const { saved, cost } = gainOf(alike, context);
        if (saved <= cost) {
          findings.push(skipped(where, `${alike.length} sums read one value, but splitting their results costs more`));
          continue;
        }
        batch(nested, alike);
        findings.push(done(where, `${alike.length} sums that read one value are computed as one`));
      }
    }
    return { findings };
  },
});

/** A sum of products whose units lie along the last axis, and what reads it element by element, one after the other. */
interface Chain {
  readonly sum: Node;
  readonly linear: LinearUnits;
  readonly units: number;
  readonly steps: readonly Step[];
}

interface Step {
  readonly node: Node;
  /** The input that goes on; the others are constants. */
  readonly input: number;
}

/** Sets of two or more chains that read one value and do the same with it. */
function alikeSums(graph: Graph): Chain[][] {
  const byData = new Map<Value, Chain[][]>();
  for (const node of graph.nodes) {
    const chain = chainOf(node);
    if (chain === undefined) continue;
    const data = node.input(0);
    const sets = byData.get(data) ?? [];
    byData.set(data, sets);
    const set = sets.find(([first]) => first !== undefined && isAlike(first, chain));
    if (set === undefined) sets.push([chain]);
    else set.push(chain);
  }
  return [...byData.values()].flat().filter((set) => set.length > 1);
}

function chainOf(sum: Node): Chain | undefined {
  const [result] = sum.outputs;
  const axis = (result?.shape?.length ?? 0) - 1;
  const linear = axis < 1 ? undefined : sumOf(sum, axis);
  const units = result === undefined ? 0 : sizeOfAxis(result, axis);
  if (linear === undefined || !isWhole(sum, linear, units)) return undefined;
  const steps: Step[] = [];
  for (let step = stepBehind(sum.output, units); step !== undefined; step = stepBehind(step.node.output, units)) {
    steps.push(step);
  }
  return { sum, linear, units, steps };
}

/** The weights of a sum, and its bias if that is one of its inputs. */
function sumOf(node: Node, axis: number): LinearUnits | undefined {
  const product = node.inputs.length === 2 ? productUnits(node, axis) : undefined;
  return linearUnits(node, axis) ?? (product && { ...product, bias: undefined, biasInput: node.inputs.length });
}

/** True for sums that all see the whole of input 0, with weights that nobody else reads and a bias for each unit. */
function isWhole(node: Node, { weightInput, bias, biasInput }: LinearUnits, units: number): boolean {
  const sum = weightedSum(relationsOf(node));
  const weights = node.input(weightInput);
  const isOwn = weights.onlyUse !== undefined && weights.graph === node.graph;
  const isSum =
    sum?.data.side === 'input' && sum.data.index === 0 && slotsAt(node, sum.data) === slotsAt(node, sum.weight);
  const isVector = bias === undefined || (bias.dims.length === 1 && bias.size === units);
  return isOwn && isSum && isVector && (bias === undefined || node.inputs[biasInput]?.graph === node.graph);
}

/** The only reader of a value, if it works element by element with constants that are the same for all, or one a unit. */
function stepBehind(value: Value, units: number): Step | undefined {
  const use = value.onlyUse;
  if (use === undefined || use.node.graph !== value.graph) return undefined;
  const { node, index } = use;
  const isElementwise = operatorOf(node)?.elementwise === true && node.domain === '' && node.outputs.length === 1;
  const keepsShape = sameShape(node.outputs[0]?.shape ?? [], value.shape ?? ['unknown']);
  const others = node.inputs.filter((_, place) => place !== index);
  const isConstant = others.every((other) => other?.constant !== undefined && isShared(other.constant, units));
  return isElementwise && keepsShape && isConstant ? { node, input: index } : undefined;
}

/** A single element, or one for each unit. */
function isShared({ dims, size }: Tensor, units: number): boolean {
  return size === 1 ? dims.length < 2 : dims.length === 1 && size === units;
}

/** True if both do the same, but for their weights and for constants of each unit. */
function isAlike(left: Chain, right: Chain): boolean {
  const equal = new EqualNodes();
  const isSame = ({ dims }: Tensor, other: Tensor, axis: number): boolean =>
    dims.length === other.dims.length && dims.every((dim, index) => index === axis || dim === other.dims[index]);
  return (
    equal.isSameOperation(left.sum, right.sum) &&
    left.linear.weightAxis === right.linear.weightAxis &&
    isSame(left.linear.weight, right.linear.weight, left.linear.weightAxis) &&
    (left.linear.bias === undefined) === (right.linear.bias === undefined) &&
    left.steps.length === right.steps.length &&
    left.steps.every(({ node, input }, position) => {
      const other = at(right.steps, position);
      if (input !== other.input || !equal.isSameOperation(node, other.node)) return false;
      return node.inputs.every((value, index) => {
        if (index === input) return true;
        const [one, two] = [value?.constant, other.node.inputs[index]?.constant];
        if (one === undefined || two === undefined || one.type !== two.type) return false;
        return isForUnits(one, left) ? isForUnits(two, right) : !isForUnits(two, right) && sameTensor(one, two);
      });
    })
  );
}

function isForUnits({ dims, size }: Tensor, { units }: Chain): boolean {
  return dims.length === 1 && size === units;
}

/** Microseconds that batching saves in operators, and that the Split costs. */
function gainOf(chains: readonly Chain[], { target }: PassContext): { readonly saved: number; readonly cost: number } {
  const first = at(chains, 0);
  // An activation right behind a product is part of it in most engines.
  const isPart = first.steps[0]?.node.output.elementType === first.sum.output.elementType;
  const operators = 1 + first.steps.length - (isPart ? 1 : 0);
  const elements = chains.reduce((sum, chain) => sum + elementsPerSample(endOf(chain).shape), 0);
  const { operator, element } = target.costs;
  return { saved: (chains.length - 1) * operators * operator, cost: operator + elements * element };
}

function endOf({ sum, steps }: Chain): Value {
  return (steps.at(-1)?.node ?? sum).output;
}

function batch(graph: Graph, chains: readonly Chain[]): void {
  const { sum, linear, steps } = at(chains, 0);
  const builder = new Builder(graph, { origin: sum.origin });
  const inputs = [...sum.inputs];
  const weights = chains.map((chain) => chain.linear.weight);
  inputs[linear.weightInput] = builder.constant(joinAlongAxis(weights, linear.weightAxis), 'weights');
  if (linear.bias !== undefined) {
    const biases = chains.map((chain) => defined(chain.linear.bias, 'a bias'));
    inputs[linear.biasInput] = builder.constant(joinAlongAxis(biases, 0), 'bias');
  }
  let value = builder.op(sum.op, inputs, sum.attributes, sum.domain);
  for (const [position, { node, input }] of steps.entries()) {
    const operands = node.inputs.map((operand, index) => {
      if (index === input) return value;
      const isEach = operand?.constant !== undefined && isForUnits(operand.constant, at(chains, 0));
      if (!isEach) return operand;
      const parts = chains.map(({ steps: own }) => at(own, position).node.inputs[index]?.constant);
      return builder.constant(
        joinAlongAxis(
          parts.map((part) => defined(part, 'a constant')),
          0,
        ),
        'of_units',
      );
    });
    value = builder.op(node.op, operands, node.attributes, node.domain);
  }
  const sizes = builder.int64s(
    chains.map(({ units }) => units),
    'sizes',
  );
  const axis = (sum.output.shape?.length ?? 0) - 1;
  const parts = builder.multi('Split', [value, sizes], chains.length, { axis: int(axis) });
  for (const [index, chain] of chains.entries()) {
    const end = endOf(chain);
    const part = at(parts, index);
    graph.replaceUses(end, part);
    graph.swapNames(end, part);
  }
}
