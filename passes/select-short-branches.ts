import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { isSingleTruth } from '../src/passkit/branches/assumptions.js';
import { branchesOf, copyBranch, isMovable, type Side, sides, sourceOf } from '../src/passkit/branches/branches.js';
import { isHandover, selectTime, workTime } from '../src/passkit/branches/choice-costs.js';
import { hasSameType } from '../src/passkit/branches/equal-nodes.js';
import { type Condition, conditionsOf } from '../src/passkit/conditions.js';
import { definePass, done, type Finding, type PassContext, skipped } from '../src/passkit/pass.js';
import { substitute } from '../src/passkit/substitute.js';
import { statisticsOf } from '../src/runtime/profile/query.js';
import { at, defined } from '../src/support/assert.js';

/**
 * Writes an `If` with short branches as a `Where` of what both give. Sound because all that the branches hold runs on any
 * numbers (their operators say so), so that the side which was not taken does no harm; a Where looks at no element that it
 * does not choose, be it infinite or NaN; and both results are known to have one shape, which the condition's single
 * element does not enlarge. Done where the target's costs say that it takes less time: an If costs a start of its own and
 * the branch that runs, which the profile tells, or else either with equal frequency.
 */
export const selectShortBranches = definePass({
  name: 'select-short-branches',
  contract: 'exact',
  run(graph, context) {
    const findings: Finding[] = [];
    const conditions = new Map(conditionsOf(graph).map((condition) => [condition.node, condition]));
    for (const node of branchesOf(graph)) {
      const where = node.label;
      const reason = obstacleOf(node, context) ?? costlier(node, conditions.get(node), context);
      if (reason === undefined) {
        select(node, context);
        findings.push(done(where, 'If with short branches became a selection'));
      } else {
        findings.push(skipped(where, `If stays: ${reason}`));
      }
    }
    return { findings };
  },
});

/** Why both branches may not run, or a Where cannot choose between their results. */
function obstacleOf(node: Node, { target }: PassContext): string | undefined {
  const condition = node.input(0);
  if (!isSingleTruth(condition)) return 'its condition is not known to be a single element';
  const partial = sides.flatMap((side) => node.subgraph(side).nodes).find((inner) => !canAlwaysRun(inner));
  if (partial !== undefined)
    return `${partial.op} '${partial.label}' in a branch may fail where its result is not wanted`;
  for (const [index, output] of node.outputs.entries()) {
    const [one, other] = [resultOf(node, 'then_branch', index), resultOf(node, 'else_branch', index)];
    if (!hasSameType(one, other)) return `its branches may give different shapes for '${output.name}'`;
    if ((condition.shape?.length ?? 0) > (one.shape?.length ?? 0)) {
      return `its condition has more axes than '${output.name}'`;
    }
    const type = one.elementType;
    if (type === undefined || !target.selects(type)) return `the target has no Where for ${type}`;
  }
  return undefined;
}

function canAlwaysRun(node: Node): boolean {
  return isMovable(node) && node.subgraphs.length === 0 && operatorOf(node)?.isTotal?.(node) === true;
}

const resultOf = (node: Node, side: Side, index: number): Value => at(node.subgraph(side).outputs, index);

/** Says so if the If takes no more time than the selection. */
function costlier(
  node: Node,
  condition: Condition | undefined,
  { target, profile, batch = 1 }: PassContext,
): string | undefined {
  const { costs } = target;
  const statistics = condition && statisticsOf(profile, condition.name);
  const holds = statistics === undefined || statistics.events === 0 ? 0.5 : at(statistics.fired, 0) / statistics.events;
  const [yes, no] = sides.map((side) => node.subgraph(side).nodes);
  const chosen = workTime(yes ?? [], costs, batch) * holds + workTime(no ?? [], costs, batch) * (1 - holds);
  const both = [...(yes ?? []), ...(no ?? [])].filter((inner) => !isHandover(inner));
  const selecting = node.outputs.reduce(
    (sum, output) => sum + selectTime(output, costs, batch),
    workTime(both, costs, batch),
  );
  const { producer } = node.input(0);
  const isRead = producer !== undefined && target.placement(producer) === 'device';
  const branching = costs.branch + (isRead ? target.readBack : 0) + chosen;
  if (selecting < branching) return undefined;
  return `${branching.toFixed(1)} µs, and both branches with a selection ${selecting.toFixed(1)} µs`;
}

function select(node: Node, { target }: PassContext): void {
  const { graph, origin } = node;
  // A condition with axes would be turned with the images that it chooses between; one without is for any.
  const isFlat = target.channelsLast === undefined || node.input(0).shape?.length === 0;
  const condition = isFlat ? node.input(0) : new Builder(graph, { origin, before: node }).reshape(node.input(0), []);
  const [yes, no] = sides.map((side) => copyBranch(node.subgraph(side), graph, new Map(), node).map(sourceOf));
  for (const [index, output] of node.outputs.entries()) {
    const [one, other] = [defined(yes?.[index], 'a result'), defined(no?.[index], 'a result')];
    const choice = graph.addNode({
      op: 'Where',
      origin: node.origin,
      inputs: [condition, one, other],
      outputs: [output.name],
      before: node,
    });
    graph.setType(choice.output, output.type);
    substitute(output, choice.output);
  }
  graph.removeNode(node);
}
