import { subgraph } from '../../../src/ir/attribute.js';
import { Graph, type Value } from '../../../src/ir/graph.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { TypedBuilder } from '../../../src/ops/typed-builder.js';
import { at } from '../../../src/support/assert.js';
import { type Random, seededRandom } from '../../../src/support/random.js';

/**
 * Random graphs full of If nodes: in a row, nested, in loops, on few conditions and logic on these, with branches that have
 * much in common, hand values on, or give constants. Inputs are `x` and `y`, float32 [N, 4], and the conditions.
 */
export const conditionNames = ['c0', 'c1', 'c2'] as const;

export function conditionalGraph(seed: number): Graph {
  const graph = new Graph('conditional');
  const inputs = ['x', 'y'].map((name) => graph.addInput(name, { type: 'float32', shape: ['N', 4] }));
  const conditions = conditionNames.map((name) => graph.addInput(name, { type: 'bool', shape: [] }));
  const weights = [
    graph.addConstant(
      'w',
      Tensor.floats(
        [4, 4],
        Array.from({ length: 16 }, (_, i) => (i % 5) / 4 - 0.5),
      ),
    ),
  ];
  const writer = new Conditional(seededRandom(seed));
  const values = writer.write(new TypedBuilder(graph), { values: inputs, conditions, weights }, 0, 9);
  const own = values.filter((value) => value.graph === graph && value.producer !== undefined);
  const read = own.filter((value) => value.uses.length === 0);
  graph.setOutputs([...new Set([...read, ...own.slice(-1)])]);
  for (const [index, output] of graph.outputs.entries()) graph.rename(output, `out${index}`);
  return graph;
}

/** What nodes may read. */
interface Scope {
  readonly values: readonly Value[];
  readonly conditions: readonly Value[];
  readonly weights: readonly Value[];
}

type Ending = (builder: TypedBuilder, value: Value, values: readonly Value[]) => Value;

class Conditional {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds nodes and returns all values that can be read then. */
  write(builder: TypedBuilder, scope: Scope, depth: number, steps: number): readonly Value[] {
    const values = [...scope.values];
    const conditions = [...scope.conditions];
    for (let step = 0; step < steps; step++) {
      const now = { ...scope, values, conditions };
      if (this.#chance(0.2)) conditions.push(this.#logic(builder, conditions));
      else if (depth < 3 && this.#chance(0.4)) values.push(...this.#branch(builder, now, depth));
      else if (depth < 2 && this.#chance(0.1)) values.push(this.#loop(builder, now, depth));
      else values.push(this.#operation(builder, now));
    }
    return values;
  }

  #logic(builder: TypedBuilder, conditions: readonly Value[]): Value {
    const [left, right] = [this.#pick(conditions), this.#pick(conditions)];
    return this.#chance(0.4) ? builder.op('Not', [left]) : builder.op(this.#pick(['And', 'Or', 'Xor']), [left, right]);
  }

  /** Few operators and values, so that equal ones meet. */
  #operation(builder: TypedBuilder, { values, weights, conditions }: Scope): Value {
    const x = this.#recent(values);
    switch (this.#random.integer(8)) {
      case 0:
        return builder.op('Add', [x, this.#pick(values)]);
      case 1:
        return builder.op('Mul', [x, builder.scalar(this.#pick([0.5, -1]))]);
      case 2:
        return builder.op('MatMul', [x, this.#pick(weights)]);
      case 3:
        return builder.op('Gemm', [
          x,
          builder.constant(
            Tensor.floats(
              [4, 4],
              Array.from({ length: 16 }, (_, i) => i / 16),
            ),
          ),
        ]);
      case 4:
        return builder.op('Where', [this.#pick(conditions), x, this.#pick(values)]);
      case 5:
        return builder.op('Mul', [x, builder.cast(this.#pick(conditions), 'float32')]);
      default:
        return builder.op(this.#pick(['Tanh', 'Relu', 'Neg']), [x]);
    }
  }

  #branch(builder: TypedBuilder, scope: Scope, depth: number): readonly Value[] {
    const results = 1 + this.#random.integer(2);
    const condition = this.#recent(scope.conditions);
    const isAlike = this.#chance(0.4);
    const ending = this.#chance(0.5) ? this.#ending(scope) : undefined;
    const start = this.#random.integer(1 << 20);
    const [yes, no] = ['yes', 'no'].map((name, index) => {
      // Branches that begin alike: the same draws, but for what follows them.
      const writer = isAlike ? new Conditional(seededRandom(start)) : this;
      const graph = new Graph(name, builder.graph);
      const inner = new TypedBuilder(graph);
      const values = writer.write(inner, scope, depth + 1, this.#random.integer(4));
      const more = isAlike && index === 1 ? this.write(inner, { ...scope, values }, depth + 1, 1) : values;
      graph.setOutputs(Array.from({ length: results }, (_, output) => this.#result(inner, more, output, ending)));
      return subgraph(graph);
    });
    if (yes === undefined || no === undefined) throw new Error('a branch has two sides');
    return builder.multi('If', [condition], results, { then_branch: yes, else_branch: no });
  }

  /** A value of the builder's graph that is not given yet; with an ending, both branches end alike. */
  #result(builder: TypedBuilder, values: readonly Value[], output: number, ending: Ending | undefined): Value {
    const value = values.at(-1 - output) ?? at(values, 0);
    if (ending !== undefined) return ending(builder, value, values);
    return value.graph === builder.graph && this.#chance(0.7)
      ? builder.op('Relu', [value])
      : builder.op('Identity', [value]);
  }

  /** What both branches do last. */
  #ending({ values: captured, weights }: Scope): Ending {
    const [weight, other] = [this.#pick(weights), this.#pick(captured)];
    return this.#pick<Ending>([
      (builder, value) => builder.op('Tanh', [builder.op('Gemm', [value, weight])]),
      (builder, value) => builder.op('Sub', [other, value]),
      (builder, value) => builder.op('Sub', [value, value]),
      (builder, value, values) => builder.op('Sub', [value, at(values, 0)]),
      (builder, value, values) => builder.op('Sub', [values.at(-2) ?? value, value]),
    ]);
  }

  /** Two iterations with a state. */
  #loop(builder: TypedBuilder, scope: Scope, depth: number): Value {
    const body = new Graph('body', builder.graph);
    body.addInput('iteration', { type: 'int64', shape: [] });
    const on = body.addInput('on', { type: 'bool', shape: [] });
    const state = body.addInput('state', { type: 'float32', shape: ['N', 4] });
    const inner = new TypedBuilder(body);
    const values = this.write(inner, { ...scope, values: [...scope.values, state] }, depth + 1, 2);
    body.setOutputs([inner.op('Identity', [on]), inner.op('Tanh', [at(values, values.length - 1)])]);
    const trips = builder.constant(Tensor.int64([], [2]));
    return builder.op('Loop', [trips, undefined, this.#pick(scope.values)], { body: subgraph(body) });
  }

  #chance(probability: number): boolean {
    return this.#random.uniform() < probability;
  }

  #pick<T>(items: readonly T[]): T {
    return at(items, this.#random.integer(items.length));
  }

  /** One of the last three. */
  #recent<T>(items: readonly T[]): T {
    return this.#pick(items.slice(-3));
  }
}
