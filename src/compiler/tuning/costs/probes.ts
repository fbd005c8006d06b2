import { ints, subgraph } from '../../../ir/attribute.js';
import { Builder } from '../../../ir/builder.js';
import { Graph, type Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { type Dim, sizeOf } from '../../../ir/types.js';
import { inferTypes } from '../../../ops/index.js';
import type { Tensors } from '../../../runtime/types.js';
import { type Random, seededRandom } from '../../../support/random.js';
import type { Measurements } from './fit.js';

/** A small graph whose time tells a cost. */
export interface Probe {
  readonly graph: Graph;
  readonly feeds: Tensors;
  /** How many it has of what its series counts. */
  readonly count: number;
  /** Operators besides: their costs are taken off its time. */
  readonly operators: number;
  /** Of gathers: contiguous runs that are copied; `count` is bytes. */
  readonly runs?: number;
}

/** Probes of one cost. */
export interface Series {
  readonly name: keyof Measurements;
  readonly probes: readonly Probe[];
  /** True if each is timed by itself: what stays in the cache from one run to the next is what it tells. */
  readonly isAlone?: boolean;
}

/**
 * What makes each series, that of the operators first. A series repeats what it counts a few times in one graph, on inputs
 * of one size, so that what a run and its inputs cost falls out of the differences. Three sizes each, and more where a
 * cache shows.
 */
export const allSeries: readonly (() => Series)[] = [
  operators,
  branches,
  () => ({ name: 'selects', probes: wheres(repeats, small, 1) }),
  () => ({ name: 'selectedElements', probes: wheres(fewRepeats, features, sizeOf(features.map(Number))) }),
  elements,
  addedElements,
  () => convolutions('constantFlops'),
  () => convolutions('runtimeFlops'),
  denseLayers,
  gathers,
];

const small: readonly Dim[] = [4];
/** Activations of 64 channels at 28 x 28. */
const features: readonly Dim[] = [1, 64, 28, 28];
const repeats = [2, 18, 34] as const;
const fewRepeats = [1, 5, 9] as const;

/** A graph of one output, made from inputs that are seeded random numbers, or of choices. */
function probe(
  counted: { readonly count: number; readonly operators?: number; readonly runs?: number },
  build: (inputs: ProbeInputs, builder: Builder) => Value,
): Probe {
  const graph = new Graph('probe');
  const inputs = new ProbeInputs(graph);
  graph.setOutputs([build(inputs, new Builder(graph))]);
  inferTypes(graph);
  return { graph, feeds: inputs.feeds, operators: 0, ...counted };
}

class ProbeInputs {
  readonly feeds: Record<string, Tensor> = {};
  readonly #graph: Graph;
  readonly #random = seededRandom(1);

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** Of both signs, and small enough that sums of products do not grow. */
  floats(shape: readonly Dim[]): Value {
    return this.#add(this.numbers(shape));
  }

  /** Every other one true. */
  choices(shape: readonly Dim[]): Value {
    const dims = shape.map(Number);
    return this.#add(
      new Tensor(
        'bool',
        dims,
        Uint8Array.from({ length: sizeOf(dims) }, (_, index) => (index + 1) % 2),
      ),
    );
  }

  indices(values: readonly number[]): Value {
    return this.#add(Tensor.int64([values.length], values));
  }

  numbers(shape: readonly Dim[]): Tensor<'float32'> {
    return randomNumbers(shape, this.#random);
  }

  #add(tensor: Tensor): Value {
    const input = this.#graph.addInput('x', { type: tensor.type, shape: [...tensor.dims] });
    this.feeds[input.name] = tensor;
    return input;
  }
}

function randomNumbers(shape: readonly Dim[], random: Random): Tensor<'float32'> {
  const dims = shape.map(Number);
  return Tensor.floats(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => 0.04 * random.normal()),
  );
}

/** `start`, taken through `step` so many times. */
function chain(start: Value, length: number, step: (value: Value, index: number) => Value): Value {
  let value = start;
  for (let index = 0; index < length; index++) value = step(value, index);
  return value;
}

/** Operators that no engine merges with one another. */
const cheap = (value: Value, index: number, builder: Builder): Value =>
  builder.op(index % 2 === 0 ? 'Neg' : 'Abs', [value]);

function operators(): Series {
  const probes = repeats.map((count) =>
    probe({ count }, (inputs, builder) =>
      chain(inputs.floats(small), count, (value, index) => cheap(value, index, builder)),
    ),
  );
  return { name: 'operators', probes };
}

function branches(): Series {
  const probes = repeats.map((count) =>
    probe({ count }, (inputs, builder) => {
      const condition = inputs.choices([]);
      return chain(inputs.floats(small), count, (value, index) => {
        const [first, second] = [0, 1].map((side) => {
          const branch = new Graph(`branch_${side}`, builder.graph);
          branch.setOutputs([cheap(value, index + side, new Builder(branch))]);
          return subgraph(branch);
        });
        if (first === undefined || second === undefined) return value;
        return builder.op('If', [condition], { then_branch: first, else_branch: second });
      });
    }),
  );
  return { name: 'branches', probes };
}

function wheres(counts: readonly number[], shape: readonly Dim[], each: number): readonly Probe[] {
  return counts.map((length) =>
    probe({ count: length * each }, (inputs, builder) => {
      const [condition, other] = [inputs.choices(shape), inputs.floats(shape)];
      return chain(inputs.floats(shape), length, (value) => builder.op('Where', [condition, value, other]));
    }),
  );
}

function elements(): Series {
  const probes = fewRepeats.map((length) =>
    probe({ count: length * sizeOf(features.map(Number)), operators: length }, (inputs, builder) => {
      const mask = inputs.floats([1, 64, 1, 1]);
      return chain(inputs.floats(features), length, (value) => builder.op('Mul', [value, mask]));
    }),
  );
  return { name: 'elements', probes };
}

/** Between convolutions a map that is added keeps engines from their own layouts. */
function addedElements(): Series {
  const shape = [1, 32, 28, 28];
  const probes = [0, 2, 4].map((maps) =>
    probe({ count: maps * sizeOf(shape), operators: maps }, (inputs, builder) =>
      chain(inputs.floats(shape), 5, (value, index) => {
        const sum = convolution(value, builder.constant(inputs.numbers([32, 32, 3, 3])), builder);
        return index < maps ? builder.op('Add', [sum, builder.constant(inputs.numbers(shape))]) : sum;
      }),
    ),
  );
  return { name: 'addedElements', probes };
}

function convolution(value: Value, weights: Value, builder: Builder): Value {
  return builder.op('Conv', [value, weights], { kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]) });
}

function convolutions(name: 'constantFlops' | 'runtimeFlops'): Series {
  const [channels, side] = [64, 14];
  const flops = 2 * channels * channels * 9 * side * side;
  const probes = fewRepeats.map((length) =>
    probe({ count: length * flops, operators: length }, (inputs, builder) => {
      const shape = [channels, channels, 3, 3];
      const weights = name === 'constantFlops' ? builder.constant(inputs.numbers(shape)) : inputs.floats(shape);
      const start = inputs.floats([1, channels, side, side]);
      return chain(start, length, (value) => convolution(value, weights, builder));
    }),
  );
  return { name, probes };
}

/** Of 2.4 MB each, to 57 MB. */
const denseLengths = [1, 2, 3, 4, 6, 8, 11, 16, 24] as const;
const denseUnits = 768;

function denseLayers(): Series {
  const shape = [denseUnits, denseUnits];
  // The same numbers in every layer, each with a copy of its own when the model is loaded.
  const weights = randomNumbers(shape, seededRandom(1));
  const probes = denseLengths.map((length) =>
    probe({ count: 4 * length * sizeOf(shape), operators: length }, (inputs, builder) =>
      chain(inputs.floats([1, denseUnits]), length, (value) =>
        builder.op('MatMul', [value, builder.constant(weights)]),
      ),
    ),
  );
  return { name: 'weightBytes', probes, isAlone: true };
}

/** Rows of a dense layer's weights, which lie together, and input channels of a convolution's, which do not. */
function gathers(): Series {
  const cases = [
    ...[64, 256, 512, 1024].map((picked) => ({ shape: [2048, 512], axis: 0, picked, runs: picked, run: 512 })),
    ...[16, 48, 96, 192].map((picked) => ({ shape: [256, 256, 3, 3], axis: 1, picked, runs: 256 * picked, run: 9 })),
  ];
  const probes = cases.map(({ shape, axis, picked, runs, run }) =>
    probe({ count: 4 * runs * run, runs, operators: 2 }, (inputs, builder) => {
      const size = shape[axis] ?? picked;
      const index = inputs.indices(Array.from({ length: picked }, (_, place) => Math.floor((place * size) / picked)));
      const taken = builder.gather(builder.constant(inputs.numbers(shape)), index, axis);
      // A small output, so that handing it over costs the same for all.
      return builder.gather(taken, builder.int64s([0], 'first'), 0);
    }),
  );
  return { name: 'gathers', probes };
}
