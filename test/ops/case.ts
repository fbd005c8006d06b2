import fc from 'fast-check';
import type { Attributes } from '../../src/ir/attribute.js';
import { Graph, type Node, type Value } from '../../src/ir/graph.js';
import { printGraph } from '../../src/ir/print.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { inferTypes } from '../../src/ops/index.js';
import { evaluate, openRuntime } from '../../src/runtime/session.js';
import { at } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';

/** One node with the data that it reads: what the generators make and ONNX Runtime is asked about. */
export interface Case {
  readonly op: string;
  readonly domain?: string;
  readonly attributes?: Attributes;
  readonly inputs: readonly (CaseInput | undefined)[];
  /** Number of outputs, one by default. */
  readonly outputs?: number;
}

export interface CaseInput {
  readonly tensor: Tensor;
  /** True for shapes, axes and the like, which are held in the graph; else the data is fed. */
  readonly constant?: boolean;
}

export type Cases = fc.Arbitrary<Case>;

/** A generator of nodes for every operator, by name. */
export type Generators = Readonly<Record<string, Cases>>;

const runtime = openRuntime({ prefer: 'node' });

/** The case as a graph of one node, types inferred. `isConstant` overrides what is held in the graph. */
export function graphOf(single: Case, isConstant?: (index: number) => boolean): { graph: Graph; node: Node } {
  const graph = new Graph('single');
  const inputs = single.inputs.map((given, index): Value | undefined => {
    if (given === undefined) return undefined;
    const { tensor, constant = false } = given;
    if (isConstant === undefined ? constant : constant || isConstant(index)) {
      return graph.addConstant(`c${index}`, tensor);
    }
    return graph.addInput(`x${index}`, { type: tensor.type, shape: tensor.dims });
  });
  const outputs = Array.from({ length: single.outputs ?? 1 }, (_, index) => `y${index}`);
  const { op, domain = '', attributes = {} } = single;
  const node = graph.addNode({ op, domain, inputs, attributes, outputs, origin: 'node' });
  graph.setOutputs(node.outputs);
  inferTypes(graph);
  return { graph, node };
}

/** The data that the graph's inputs are fed with. */
export function feedsOf(single: Case, graph: Graph): Record<string, Tensor> {
  const names = new Set(graph.inputs.map((value) => value.name));
  return Object.fromEntries(
    single.inputs.flatMap((given, index) =>
      given !== undefined && names.has(`x${index}`) ? [[`x${index}`, given.tensor]] : [],
    ),
  );
}

/** Outputs of a graph in ONNX Runtime, in order; values whose type was not inferred get a stand-in. */
export async function run(graph: Graph, feeds: Record<string, Tensor>): Promise<Tensor[]> {
  for (const value of graph.outputs) {
    if (value.type === undefined) throw new Error(`no type is inferred for '${value.name}'`);
  }
  const results = await evaluate(await runtime, graph, feeds);
  return graph.outputs.map((value) => {
    const result = results[value.name];
    if (result === undefined) throw new Error(`no output '${value.name}'`);
    return result;
  });
}

export async function runAt(graph: Graph, feeds: Record<string, Tensor>, opset: number): Promise<Tensor[]> {
  const session = await (await runtime).load(graph, { optimize: 'none', opset });
  try {
    const results = await session.run(feeds);
    return graph.outputs.map((value) => results[value.name] ?? at([], 0));
  } finally {
    await session.close();
  }
}

/** What ONNX Runtime computes for a case. */
export async function runCase(single: Case): Promise<Tensor[]> {
  const { graph } = graphOf(single);
  return run(graph, feedsOf(single, graph));
}

/** Undefined if the tensors are equal up to rounding (NaN equals itself), else what differs. */
export function difference(actual: Tensor, expected: Tensor, tolerance = 2e-5): string | undefined {
  if (actual.type !== expected.type) return `${actual.type} is not ${expected.type}`;
  if (actual.dims.join() !== expected.dims.join()) return `[${actual.dims}] is not [${expected.dims}]`;
  const [left, right] = [actual.numbers(), expected.numbers()];
  const largest = right.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  for (const [index, x] of left.entries()) {
    const y = at(right, index);
    const isEqual = x === y || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= tolerance * largest + 5e-7;
    if (!isEqual) return `${x} is not ${y} at element ${index} of [${actual.dims}]`;
  }
  return undefined;
}

export function assertSame(actual: Tensor, expected: Tensor, what: string): void {
  const found = difference(actual, expected);
  if (found !== undefined) throw new Error(`${what}: ${found}`);
}

/** Says which case failed, in words that can be pasted into a test. */
export function describeCase({ op, attributes, inputs, outputs }: Case): string {
  const values = inputs.map((given) => {
    if (given === undefined) return '-';
    const { tensor, constant } = given;
    return `${tensor.type}[${tensor.dims}]${constant === true && tensor.size <= 8 ? `=(${tensor.numbers()})` : ''}`;
  });
  return `${op}(${values.join(', ')}) ${describeAttributes(attributes)}${outputs === undefined ? '' : ` ${outputs} outputs`}`;
}

function describeAttributes(attributes: Attributes = {}): string {
  return JSON.stringify(attributes, (_, value: unknown) => {
    if (typeof value === 'bigint') return Number(value);
    return value instanceof Graph ? printGraph(value) : value;
  });
}

/** Runs a property over a generator; a failure names the case. */
export async function holds(
  cases: Cases,
  runs: number,
  property: (single: Case, random: Random) => Promise<void>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(cases, fc.nat(2 ** 30), async (single, seed) => {
      try {
        await property(single, seededRandom(seed));
      } catch (error) {
        throw new Error(describeCase(single), { cause: error });
      }
    }),
    { numRuns: runs },
  );
}

// Building blocks of generators.

export const sizes = fc.integer({ min: 1, max: 5 });
export const flags = fc.nat(1);

export const shapes = (minRank: number, maxRank: number): fc.Arbitrary<number[]> =>
  fc.array(sizes, { minLength: minRank, maxLength: maxRank });

/** Random float32 data: numbers in [-scale, scale] with some zeros and repeats among them. */
export function floats(dims: readonly number[], scale = 2): fc.Arbitrary<CaseInput> {
  return fc.nat(2 ** 30).map((seed) => {
    const random = seededRandom(seed);
    const data = Float32Array.from({ length: sizeOf(dims) }, () => {
      const kind = random.uniform();
      return kind < 0.1 ? 0 : (random.uniform() * 2 - 1) * scale;
    });
    return { tensor: new Tensor('float32', dims, data) };
  });
}

/** Constants that the operator needs to be known: axes, shapes, amounts. */
export const fixed = (values: readonly number[], dims: readonly number[] = [values.length]): CaseInput => ({
  tensor: Tensor.int64(dims, values),
  constant: true,
});

/** A permutation of 0 … size − 1. */
export function permutations(size: number): fc.Arbitrary<number[]> {
  const all = Array.from({ length: size }, (_, index) => index);
  return fc.shuffledSubarray(all, { minLength: size });
}

/** Some axes of a shape in any order, each counted from either end. */
export function someAxes(rank: number, min = 0): fc.Arbitrary<number[]> {
  const all = Array.from({ length: rank }, (_, index) => index);
  return fc
    .tuple(
      fc.shuffledSubarray(all, { minLength: Math.min(min, rank) }),
      fc.array(fc.boolean(), { minLength: rank, maxLength: rank }),
    )
    .map(([axes, ends]) => axes.map((axis, position) => (ends[position] === true ? axis - rank : axis)));
}

/** An axis of a shape, counted from either end. */
export const anyAxis = (rank: number): fc.Arbitrary<number> => fc.integer({ min: -rank, max: rank - 1 });
