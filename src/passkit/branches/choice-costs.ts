import type { Node, Value } from '../../ir/graph.js';
import { flopsOf, operatorOf } from '../../ops/index.js';
import { elementsPerSample } from '../../ops/operator.js';
import type { TargetCosts } from '../target.js';

/** Microseconds that a Where takes which gives this value, for so many `samples` in a run. */
export function selectTime(value: Value, costs: TargetCosts, samples: number): number {
  return costs.select + samples * elementsPerSample(value.shape) * costs.selectedElement;
}

/** Microseconds that nodes take which run one after the other, all of them, for so many `samples` in a run. */
export function workTime(nodes: readonly Node[], costs: TargetCosts, samples: number): number {
  return nodes.reduce((sum, node) => {
    const elements = node.outputs.reduce((total, { shape }) => total + elementsPerSample(shape), 0);
    return sum + costs.operator + samples * Math.max(flopsOf(node) * costs.flop, elements * costs.element);
  }, 0);
}

/** True for a node that hands a value on unchanged, and is needed only where that value may not stand itself. */
export function isHandover(node: Node): boolean {
  return operatorOf(node)?.identity?.(node) !== undefined;
}
