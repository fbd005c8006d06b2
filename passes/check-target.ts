import { definePass } from '../src/passkit/pass.js';
import { type Problem, problem, SwancError } from '../src/support/errors.js';

/** Refuses operators that the target does not run, all of them at once. Changes nothing. */
export const checkTarget = definePass({
  name: 'check-target',
  contract: 'exact',
  run(graph, { target }) {
    const problems: Problem[] = [];
    for (const node of graph.allNodes()) {
      if (target.supports(node)) continue;
      const name = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
      problems.push(problem(node.label, `target ${target.name} does not run ${name}`));
    }
    if (problems.length > 0) throw new SwancError('SWC3012', `not for target ${target.name}`, problems);
    return { findings: [] };
  },
});
