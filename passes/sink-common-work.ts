import { Builder } from '../src/ir/builder.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { branchesOf, isMovable } from '../src/passkit/branches/branches.js';
import { selectTime } from '../src/passkit/branches/choice-costs.js';
import { EqualNodes, hasSameType } from '../src/passkit/branches/equal-nodes.js';
import { definePass, done, type Finding, type PassContext, skipped } from '../src/passkit/pass.js';
import { at, defined } from '../src/support/assert.js';

/**
 * Moves what both branches of an `If` do last behind it: the same operations on the same constants and values from around
 * the If, but for one value of each branch, of one type, which the If then gives instead. Sound because the same nodes run
 * on the same values; no more and no fewer. That saves no time in itself, and engines join operators with those before
 * them, so it is done only up to a sum of products with the same constant weights on both sides, which are then held
 * once and prepared once; and up to where nothing is left in the branches, if the target chooses a value in less time
 * than it takes a branch.
 */
export const sinkCommonWork = definePass({
  name: 'sink-common-work',
  contract: 'exact',
  run(graph, context) {
    const findings = branchesOf(graph).flatMap((node) =>
      node.outputs.map((output, index): Finding => {
        const where = node.label;
        const steps = stepsOf(node, index);
        const count = worthwhile(node, output, steps, context);
        if (count > 0) {
          sink(node, index, steps.slice(0, count));
          return done(where, `${count} operators that both branches end with moved behind the If`);
        }
        const reason =
          steps.length === 0 ? 'its branches end differently' : 'what its branches end with costs as much behind it';
        return skipped(where, `nothing moved behind '${output.name}': ${reason}`);
      }),
    );
    return { findings };
  },
});

/** An operation that stands at the end of both branches, and what it reads that differs. */
interface Step {
  readonly node: Node;
  readonly other: Node;
  readonly differing: readonly number[];
  /** The value that it reads, in either branch. */
  readonly one: Value;
  readonly two: Value;
}

/** What both branches end with before output `index`, the last one first. */
function stepsOf(branch: Node, index: number): Step[] {
  const [yes, no] = [branch.subgraph('then_branch'), branch.subgraph('else_branch')];
  const steps: Step[] = [];
  let [one, two] = [at(yes.outputs, index), at(no.outputs, index)];
  for (;;) {
    const [node, other] = [lastOf(one, yes, steps), lastOf(two, no, steps)];
    const step = node === undefined || other === undefined ? undefined : stepOf(node, other);
    if (step === undefined) return steps;
    steps.push(step);
    [one, two] = [step.one, step.two];
  }
}

/** The producer of a value that nobody reads but the step behind, or, at the end, the If. */
function lastOf(value: Value, branch: Graph, steps: readonly Step[]): Node | undefined {
  const { producer } = value;
  const reader = steps.at(-1);
  const isRead = (user: Node): boolean => user === reader?.node || user === reader?.other;
  const isOnly = value.uses.every((use) => isRead(use.node)) && value.isGraphOutput === (reader === undefined);
  return value.graph === branch && isOnly ? producer : undefined;
}

function stepOf(node: Node, other: Node): Step | undefined {
  const equal = new EqualNodes();
  const isHandover = operatorOf(node)?.identity?.(node) !== undefined;
  if (isHandover || !isMovable(node) || node.subgraphs.length > 0 || node.outputs.length !== 1) return undefined;
  if (!equal.isSameOperation(node, other)) return undefined;
  const isOutside = (value: Value | undefined): boolean =>
    value === undefined || value.constant !== undefined || value.graph !== node.graph;
  const differing = [...node.inputs.keys()].filter(
    (index) => !(equal.areEqual(node.inputs[index], other.inputs[index]) && isOutside(node.inputs[index])),
  );
  const [pair, ...others] = differing.map((index) => [node.inputs[index], other.inputs[index]] as const);
  const [one, two] = pair ?? [];
  if (one === undefined || two === undefined || others.some((next) => next[0] !== one || next[1] !== two))
    return undefined;
  const isConstant = one.constant !== undefined || two.constant !== undefined;
  return isConstant || !hasSameType(one, two) ? undefined : { node, other, differing, one, two };
}

/** How many of the steps are worth moving. */
function worthwhile(branch: Node, output: Value, steps: readonly Step[], { target, batch = 1 }: PassContext): number {
  const weighted = steps.findLastIndex(({ node, differing }) => {
    const weight = operatorOf(node)?.linear?.(node)?.weight;
    return weight !== undefined && !differing.includes(weight) && node.input(weight).constant !== undefined;
  });
  const last = steps.at(-1);
  if (last === undefined) return 0;
  const isChoice =
    branch.outputs.length === 1 && [last.one.graph, last.two.graph].every((graph) => !branch.subgraphs.includes(graph));
  const type = last.one.elementType;
  const isSelected = isChoice && type !== undefined && target.selects(type);
  const isCheaper = isSelected && selectTime(last.one, target.costs, batch) < target.costs.branch;
  return isCheaper && output.type !== undefined ? steps.length : weighted + 1;
}

/** Lets the If give what the last of the steps reads, and the steps follow behind it. */
function sink(branch: Node, index: number, steps: readonly Step[]): void {
  const { graph } = branch;
  const output = at(branch.outputs, index);
  const last = defined(steps.at(-1), 'a step');
  let value = output;
  const copies = steps.toReversed().map((step) => {
    const copy = copyBehind(step, value, graph);
    value = copy.output;
    return copy;
  });
  graph.replaceUses(output, value, copies[0]);
  if (value.isGraphOutput) graph.swapNames(output, value);
  graph.setType(output, last.one.type);
  giveInstead(branch.subgraph('then_branch'), index, last.one);
  giveInstead(branch.subgraph('else_branch'), index, last.two);
  graph.sort();
}

function copyBehind({ node, differing }: Step, data: Value, graph: Graph): Node {
  const inputs = node.inputs.map((value, index) => {
    if (differing.includes(index)) return data;
    if (value?.constant === undefined || value.graph !== node.graph) return value;
    return graph.addConstant(value.name, value.constant);
  });
  const { op, domain, origin, attributes } = node;
  const copy = graph.addNode({ op, domain, origin, inputs, attributes, outputs: [node.output.name] });
  graph.setType(copy.output, node.output.type);
  return copy;
}

/** Lets a branch give another value as output `index`; what only the one before needed goes. */
function giveInstead(branch: Graph, index: number, value: Value): void {
  const isFree = value.producer?.graph === branch && !value.isGraphOutput;
  const own = isFree ? value : new Builder(branch).op('Identity', [value]);
  if (!isFree) branch.setType(own, value.type);
  branch.setOutputs(branch.outputs.map((output, position) => (position === index ? own : output)));
  branch.removeUnused();
}
