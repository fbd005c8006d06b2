import type { Graph, Value } from '../../ir/graph.js';
import type { Shape } from '../../ir/types.js';

/** A tensor that a model keeps from one run to the next: what comes out of `output` goes into `input` next time. */
export interface ModelState {
  readonly input: string;
  readonly output: string;
}

interface State {
  readonly input: Value;
  current: Value;
}

/** The states of all stateful layers of one import, as explicit inputs and outputs of the graph. */
export class States {
  readonly #graph: Graph;
  readonly #states = new Map<string, State>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** The state at this point of the model: an input of the graph until a call has changed it. */
  get(layer: string, name: string, shape: Shape): Value {
    const key = `${layer}_${name}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known.current;
    const input = this.#graph.addInput(key.replaceAll('/', '_'), { type: 'float32', shape });
    this.#states.set(key, { input, current: input });
    return input;
  }

  set(layer: string, name: string, value: Value): void {
    const state = this.#states.get(`${layer}_${name}`);
    if (state === undefined) throw new Error(`internal error: ${layer} has no state ${name}`);
    state.current = value;
  }

  /** Every state as it was read and as the model leaves it. */
  get all(): readonly { readonly input: Value; readonly output: Value }[] {
    return [...this.#states.values()].map(({ input, current }) => ({ input, output: current }));
  }
}
