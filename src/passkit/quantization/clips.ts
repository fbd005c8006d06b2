import type { Node, Value } from '../../ir/graph.js';

/** What a Relu or a Clip with constant limits cuts its input to; undefined for other operators. */
export function clipLimits(node: Node): readonly [low: number, high: number] | undefined {
  if (node.domain !== '') return undefined;
  if (node.op === 'Relu') return [0, Number.POSITIVE_INFINITY];
  if (node.op !== 'Clip') return undefined;
  const [low, high] = [limitOf(node.inputs[1], -Infinity), limitOf(node.inputs[2], Infinity)];
  return low === undefined || high === undefined || low > 0 || high < 0 ? undefined : [low, high];
}

function limitOf(value: Value | undefined, fallback: number): number | undefined {
  if (value === undefined) return fallback;
  return value.constant?.is('float32') === true ? value.constant.data[0] : undefined;
}
