import { int } from '../../../src/ir/attribute.js';
import type { Value } from '../../../src/ir/graph.js';
import { at } from '../../../src/support/assert.js';
import { seededRandom } from '../../../src/support/random.js';
import { elementwiseSteps } from './elementwise.js';
import { gateSteps, otherGateSteps, pooledRows } from './gates.js';
import {
  grow,
  type Item,
  mixed,
  type PlantedGraph,
  type Recipe,
  type Step,
  type StepKinds,
  type Writer,
} from './graph.js';
import { linearSteps, windowOf } from './linear.js';
import { mergeSteps, reductionSteps } from './merges.js';
import { moveSteps } from './moves.js';
import { nestedSteps } from './nested.js';
import { sequenceSteps } from './sequences.js';

/** Inputs of the graph, with a layer behind them: their own units stay. */
const inputSteps: StepKinds = {
  'image input': (w) => {
    const x = w.input('image', [w.count(1, 4), ...(w.chance(0.12) ? ['H', 'W'] : [w.count(3, 6), w.count(3, 6)])]);
    if (w.chance(0.2)) w.emit(x.value, 'image');
    const units = w.width();
    const kernel = [w.count(1, 3), w.count(1, 3)];
    const weights = w.weights([units, x.units, ...kernel], x.units * at(kernel, 0) * at(kernel, 1));
    w.emit(
      w.builder.op('Conv', [x.value, weights, w.floats([units], 0.5)], windowOf(w, kernel, x.dims.slice(2))),
      'image',
    );
  },
  'rows input': (w) => {
    const x = w.input('rows', [w.count(2, 6)]);
    if (w.chance(0.2)) w.emit(x.value, 'rows');
    const units = w.width();
    w.emit(w.builder.op('Gemm', [x.value, w.weights([x.units, units], x.units), w.floats([units], 0.5)]), 'rows');
  },
  'sequence input': (w) => {
    const x = w.input('sequence', [w.chance(0.15) ? 'T' : w.count(2, 6), w.count(2, 5)]);
    if (w.chance(0.2)) w.emit(x.value, 'sequence');
    w.emit(w.builder.op('MatMul', [x.value, w.weights([x.units, w.width()], x.units)]), 'sequence');
  },
};

/** Families of steps, with how often each is drawn. */
const families: readonly (readonly [number, StepKinds])[] = [
  [6, linearSteps],
  [7, gateSteps],
  [4, otherGateSteps],
  [4, elementwiseSteps],
  [5, mergeSteps],
  [1, reductionSteps],
  [4, moveSteps],
  [3, sequenceSteps],
  [2, nestedSteps],
];

const stepKinds: StepKinds = Object.fromEntries(
  [inputSteps, ...families.map(([, kinds]) => kinds)].flatMap((kinds) => Object.entries(kinds)),
);

/** A recipe of a handful to a score of steps. */
export function recipeOf(seed: number): Recipe {
  const random = seededRandom(mixed(seed, 7));
  const drawn = families.flatMap(([weight, kinds]) => Array.from({ length: weight }, () => Object.keys(kinds)));
  const pick = <T>(list: readonly T[]): T | undefined => list[random.integer(list.length)];
  const kinds = [pick(Object.keys(inputSteps)), random.uniform() < 0.6 ? pick(Object.keys(inputSteps)) : undefined];
  const length = 6 + random.integer(14);
  // What is not linear in inputs has no units of its own: the first step is.
  kinds.push(pick(Object.keys(linearSteps)), pick(Object.keys(linearSteps)));
  for (let step = 0; step < length; step++) kinds.push(pick(pick(drawn) ?? []));
  const steps = kinds.flatMap((kind, id): Step[] => (kind === undefined ? [] : [{ kind, id, isLive: false }]));
  return { seed, batch: random.uniform() < 0.7 ? 'N' : 4, steps };
}

export function randomGraph(recipe: Recipe): PlantedGraph {
  return grow(recipe, stepKinds, head);
}

/** What is made of a value that nobody reads: mostly something that sums its units up. */
function head(w: Writer, x: Item): Value {
  if (w.chance(0.06)) return w.builder.op('Identity', [x.value]);
  const units = w.count(1, 3);
  if (x.layout === 'image' && w.chance(0.5)) {
    return w.builder.op('Conv', [x.value, w.weights([units, x.units, 1, 1], x.units), w.floats([units], 0.5)]);
  }
  if (x.layout === 'sequence' && w.chance(0.5)) {
    return w.builder.op('MatMul', [x.value, w.weights([x.units, units], x.units)]);
  }
  const y = w.builder.op('Gemm', [pooledRows(w, x), w.weights([x.units, units], x.units), w.floats([units], 0.5)]);
  return w.chance(0.15) ? w.builder.op('Softmax', [y], { axis: int(-1) }) : y;
}
