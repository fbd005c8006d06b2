import type { Graph, Node, Value } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { relationsOf } from '../ops/index.js';
import { problem, SwancError } from '../support/errors.js';

/** What has weights, besides sums of products. */
const weighted = new Set(['BatchNormalization', 'InstanceNormalization', 'LayerNormalization', 'LSTM', 'GRU', 'RNN']);

/**
 * Refuses weights that are no numbers, and infinite ones: a model with them computes nothing that could be compared. An
 * infinite constant that is no weight may be meant, such as a bound, or what is added to scores that do not count.
 * @throws SwancError `invalid` SWC3023 with all of them.
 */
export function requireFinite(graph: Graph, where: string): void {
  const found = new Map<Value, 'NaN' | 'infinite'>();
  for (const node of graph.allNodes()) {
    const holdsWeights = hasWeights(node);
    for (const value of node.inputs) {
      const state = value?.constant === undefined ? 'finite' : stateOf(value.constant);
      if (value !== undefined && (state === 'NaN' || (state === 'infinite' && holdsWeights))) found.set(value, state);
    }
  }
  if (found.size === 0) return;
  const problems = [...found].map(([{ name }, state]) => {
    const what = state === 'NaN' ? 'some of its elements are no numbers (NaN)' : 'some of its elements are infinite';
    return problem(`constant '${name}'`, what, 'train with a lower learning rate');
  });
  throw new SwancError('SWC3023', `${where} is not a valid model`, problems.slice(0, 50));
}

function hasWeights(node: Node): boolean {
  return (
    weighted.has(node.op) ||
    relationsOf(node).some((relation) => relation.kind === 'contract' && relation.weight !== undefined)
  );
}

function stateOf({ type, data }: Tensor): 'NaN' | 'infinite' | 'finite' {
  if (type === 'float16') return halvesState(data);
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return 'finite';
  let onlyFinite = true;
  for (const value of data) {
    if (Number.isNaN(value)) return 'NaN';
    if (value === Infinity || value === -Infinity) onlyFinite = false;
  }
  return onlyFinite ? 'finite' : 'infinite';
}

/** Of the bits of float16: with all of the exponent's set, it is infinite, or NaN where any follow. */
function halvesState(data: Tensor['data']): 'NaN' | 'infinite' | 'finite' {
  let onlyFinite = true;
  for (const bits of data) {
    const size = Number(bits) & 0x7fff;
    if (size > 0x7c00) return 'NaN';
    if (size === 0x7c00) onlyFinite = false;
  }
  return onlyFinite ? 'finite' : 'infinite';
}
