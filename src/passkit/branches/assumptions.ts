import type { Node, Value } from '../../ir/graph.js';
import { Bounds } from '../../ops/bounds.js';
import { boundsOfNode, operatorOf } from '../../ops/index.js';

/** Truth values that are known where a branch runs. */
export type Assumptions = ReadonlyMap<Value, boolean>;

/** What is known once a single truth value is: itself, and what the operators that it is computed by say it implies. */
export function consequencesOf(condition: Value, holds: boolean): Map<Value, boolean> {
  const known = new Map<Value, boolean>();
  const pending: (readonly [Value, boolean])[] = [[condition, holds]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, truth] = next;
    if (value.constant !== undefined || known.has(value) || !isSingleTruth(value)) continue;
    known.set(value, truth);
    const node = value.producer;
    if (node === undefined) continue;
    for (const { input, holds: isTrue } of operatorOf(node)?.implies?.(truth) ?? []) {
      pending.push([node.input(input), isTrue]);
    }
  }
  return known;
}

/** The value that a node negates, for a node that does just this. */
export function negatedBy(node: Node): Value | undefined {
  const implies = operatorOf(node)?.implies;
  const [ifTrue, ...others] = implies?.(true) ?? [];
  const [ifFalse] = implies?.(false) ?? [];
  const isNegation =
    others.length === 0 && ifTrue?.holds === false && ifFalse?.holds === true && ifTrue.input === ifFalse.input;
  return isNegation ? node.input(ifTrue.input) : undefined;
}

/** How many operators behind a condition are looked through. */
const deepest = 32;

/** Whether conditions hold under `assumptions`: each truth value is computed from what is assumed, once. */
export class Truths {
  readonly #assumptions: Assumptions;
  readonly #bounds = new Map<Value, Bounds | undefined>();

  constructor(assumptions: Assumptions) {
    this.#assumptions = assumptions;
  }

  /** Undefined where the assumptions do not say. */
  of(condition: Value): boolean | undefined {
    const bounds = this.#boundsOf(condition, deepest);
    return bounds !== undefined && bounds.low(0) === bounds.high(0) ? bounds.low(0) === 1 : undefined;
  }

  #boundsOf(value: Value, depth: number): Bounds | undefined {
    if (!isSingleTruth(value)) return undefined;
    const assumed = value.constant === undefined ? this.#assumptions.get(value) : value.constant.numbers()[0] !== 0;
    if (assumed !== undefined) return Bounds.uniform(Number(assumed), Number(assumed));
    if (!this.#bounds.has(value)) this.#bounds.set(value, this.#computed(value, depth) ?? Bounds.uniform(0, 1));
    return this.#bounds.get(value);
  }

  #computed({ producer, outputIndex }: Value, depth: number): Bounds | undefined {
    if (producer === undefined || depth === 0 || producer.subgraphs.length > 0) return undefined;
    const inputs = producer.inputs.map((value) => value && this.#boundsOf(value, depth - 1));
    return boundsOfNode(producer, inputs)[outputIndex];
  }
}

/** True for a truth value of a single element. */
export function isSingleTruth({ elementType, shape }: Value): boolean {
  return elementType === 'bool' && shape?.every((dim) => dim === 1) === true;
}
