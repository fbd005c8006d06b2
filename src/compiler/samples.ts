import { openCalibration } from '../data/calibration.js';
import { randomSamples } from '../data/random.js';
import type { Calibration, InputSpec } from '../data/types.js';
import type { Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { sizeOf } from '../ir/types.js';
import { operatorOf } from '../ops/index.js';
import type { Tensors } from '../runtime/types.js';
import { defined } from '../support/assert.js';
import type { Source } from './source.js';

/**
 * Calibration data for a model. Every sample begins a sequence of its own: the states of stateful layers are zeros.
 * @throws SwancError `invalid` for data that do not fit the model.
 */
export async function openSamples(path: string, source: Source): Promise<Calibration> {
  const { data, states } = inputsOf(source);
  return withZeros(await openCalibration(path, data.map(specOf)), states);
}

/** Seeded random samples for a model without data. */
export function makeSamples(source: Source, seed: number, count: number): Calibration {
  const { data, states } = inputsOf(source);
  return withZeros(randomSamples(data.map(specOf), seed, count), states);
}

/** The inputs that take data, and those that take the states of the run before. */
function inputsOf({ prepared, states }: Source): {
  readonly data: readonly Value[];
  readonly states: readonly Value[];
} {
  const isState = ({ name }: Value): boolean => states.some(({ input }) => input === name);
  return {
    data: prepared.graph.inputs.filter((value) => !isState(value)),
    states: prepared.graph.inputs.filter(isState),
  };
}

function specOf(value: Value): InputSpec {
  return { name: value.name, ...defined(value.type, `the type of '${value.name}'`), below: positionsBelow(value) };
}

/** The bound of the positions that a value holds (token numbers), if it is read as such; undefined: it is no position. */
function positionsBelow(value: Value): number | undefined {
  const bounds = value.uses.flatMap(({ node, index }): number[] => {
    const operator = operatorOf(node);
    const positions = operator?.positions?.(node);
    if (positions?.input === index) return positions.size === undefined ? [] : [positions.size];
    const hands = index === 0 && (operator?.moves === true || operator?.converts === true);
    return hands ? node.outputs.flatMap((output) => positionsBelow(output) ?? []) : [];
  });
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

function withZeros(samples: Calibration, states: readonly Value[]): Calibration {
  if (states.length === 0) return samples;
  return {
    ...samples,
    async *batches(batchSize, options) {
      for await (const batch of samples.batches(batchSize, options)) {
        const zeros = states.map((state) => [state.name, zerosFor(state, batch.feeds)] as const);
        yield { ...batch, feeds: { ...batch.feeds, ...Object.fromEntries(zeros) } };
      }
    },
  };
}

/** Of the size of the batch where the model leaves that open. */
function zerosFor(state: Value, feeds: Tensors): Tensor {
  const rows = Object.values(feeds)[0]?.dims[0] ?? 1;
  const dims = specOf(state).shape.map((dim) => (typeof dim === 'number' ? dim : rows));
  return Tensor.floats(dims, new Float32Array(sizeOf(dims)));
}
