import type { Node, Value } from '../../ir/graph.js';
import { sizeOf } from '../../ir/types.js';
import { smallestNormal, sumRounding } from '../../ops/bounds.js';
import { gateLines, type Lines, levels, linesAround } from '../../ops/curve-lines.js';
import type { Curves } from '../../ops/curves.js';
import { operatorOf } from '../../ops/index.js';
import type { LinearStep } from '../../ops/linear-step.js';
import { at } from '../../support/assert.js';
import type { ElementBounds } from './element-bounds.js';

/**
 * How linear functions of a node's output become linear functions of its inputs that are never below them. What carrying
 * them needs is computed with the first, so that to know the way back costs next to nothing.
 */
export interface Backward {
  /** The inputs that the functions are of. */
  readonly inputs: readonly Value[];
  /** Multiplications that carrying one function takes at most; to prepare for the first takes as many again. */
  readonly cost: number;
  /** True if results are rounded by parts of all inputs: where those have no bounds, no function has any. */
  readonly rounds: boolean;
  /**
   * Adds what Σ coefficients[e] · output[e] is of the inputs to their coefficients, which `of` hands out, and returns the
   * constant part, with all that rounding adds at its most.
   */
  carry(coefficients: Float64Array, of: (input: Value) => Float64Array): number;
}

/** The way back through a node; undefined where none is known, so that its output stays what a function is of. */
export function backwardOf(node: Node, elements: ElementBounds): Backward | undefined {
  if (node.outputs.length !== 1 || !elements.has(node.output)) return undefined;
  const operator = operatorOf(node);
  const curves = operator?.curves?.(node);
  if (curves !== undefined)
    return isOfSamples(node, [curves.data], elements) ? throughCurves(node, curves, elements) : undefined;
  if (operator?.reshapes === true && isOfSamples(node, [0], elements) && hasSameSize(node, elements)) {
    return throughPlaces(node, [node.input(0)], (_, element) => element, elements);
  }
  const step = operator?.linearStep?.(node);
  if (step === undefined) return undefined;
  const data = dataOf(step, node);
  return isOfSamples(node, data, elements) ? throughStep(node, step, elements) : undefined;
}

/** The inputs that a step reads. */
function dataOf(step: LinearStep, node: Node): number[] {
  if (step.kind === 'terms' || step.kind === 'placed') return [...node.inputs.keys()];
  return step.kind === 'product' ? [0, 1] : [0];
}

/** True if the inputs are of the same samples as the output. */
function isOfSamples(node: Node, inputs: readonly number[], elements: ElementBounds): boolean {
  return inputs.every((index) => {
    const value = node.inputs[index];
    return value !== undefined && elements.has(value) && value.shape?.[0] === node.output.shape?.[0];
  });
}

const hasSameSize = (node: Node, elements: ElementBounds): boolean =>
  elements.sizeOf(node.input(0)) === elements.sizeOf(node.output);

function throughStep(node: Node, step: LinearStep, elements: ElementBounds): Backward {
  const inputs = dataOf(step, node).map((index) => node.input(index));
  switch (step.kind) {
    case 'terms':
      return throughTerms(node, inputs, step.factors, elements);
    case 'product':
      return throughProduct(node, elements);
    case 'gate':
      return throughLines(node, node.input(0), (element) => gateLinesAt(node, element, elements), elements);
    case 'placed':
      return throughPlaces(node, inputs, step.place, elements);
    case 'pooled':
      return throughPool(node, step, elements);
    case 'weighted':
      return throughWeights(node, step, elements);
  }
}

/** Elements in other places. */
function throughPlaces(
  node: Node,
  inputs: readonly Value[],
  place: (input: number, element: number) => number,
  elements: ElementBounds,
): Backward {
  return {
    inputs,
    cost: elements.sizeOf(node.output),
    rounds: false,
    carry: (coefficients, of) => {
      for (const [index, input] of inputs.entries()) {
        const target = of(input);
        for (let element = 0; element < target.length; element++) {
          target[element] = at(target, element) + at(coefficients, place(index, element));
        }
      }
      return 0;
    },
  };
}

/** Rounding of each output element by a few units in the last place; of a sum, of all that is added up. */
function throughTerms(
  node: Node,
  inputs: readonly Value[],
  factors: readonly number[],
  elements: ElementBounds,
): Backward {
  const length = elements.sizeOf(node.output);
  const errors = once(() => {
    const parts = inputs.map((input) => elements.of(input));
    return Float64Array.from({ length }, (_, element) => {
      const size = parts.reduce((sum, part) => sum + largest(part.lows, part.highs, element), 0);
      return sumRounding(inputs.length + 1) * size;
    });
  });
  return {
    inputs,
    cost: inputs.length * length,
    rounds: true,
    carry: (coefficients, of) => {
      for (const [index, input] of inputs.entries()) {
        const target = of(input);
        const factor = at(factors, index);
        for (let element = 0; element < target.length; element++) {
          target[element] = at(target, element) + factor * at(coefficients, element);
        }
      }
      return errorUnder(coefficients, errors());
    },
  };
}

const largest = (lows: Float64Array, highs: Float64Array, element: number): number =>
  Math.max(Math.abs(at(lows, element)), Math.abs(at(highs, element)));

function once<T>(compute: () => T): () => T {
  let known: { readonly result: T } | undefined;
  return () => {
    known ??= { result: compute() };
    return known.result;
  };
}

/** Σ |coefficient| · error. */
function errorUnder(coefficients: Float64Array, errors: Float64Array): number {
  let sum = 0;
  for (let element = 0; element < coefficients.length; element++) {
    if (at(coefficients, element) !== 0) sum += Math.abs(at(coefficients, element)) * at(errors, element);
  }
  return sum;
}

/**
 * A product of x and y lies below high(x) · y + low(y) · x − high(x) · low(y), and above low(x) · y + low(y) · x −
 * low(x) · low(y), since (high(x) − x)(y − low(y)) and (x − low(x))(y − low(y)) are no less than zero (McCormick).
 */
function throughProduct(node: Node, elements: ElementBounds): Backward {
  const [x, y] = [node.input(0), node.input(1)];
  return {
    inputs: [x, y],
    cost: 4 * elements.sizeOf(node.output),
    rounds: true,
    carry: (coefficients, of) => {
      const [xs, ys] = [elements.of(x), elements.of(y)];
      const [toX, toY] = [of(x), of(y)];
      let constant = 0;
      for (let element = 0; element < coefficients.length; element++) {
        const coefficient = at(coefficients, element);
        if (coefficient === 0) continue;
        const level = at(ys.lows, element);
        const edge = at(coefficient > 0 ? xs.highs : xs.lows, element);
        const size = largest(xs.lows, xs.highs, element) * largest(ys.lows, ys.highs, element);
        if (!Number.isFinite(size)) return Number.POSITIVE_INFINITY;
        toX[element] = at(toX, element) + coefficient * level;
        toY[element] = at(toY, element) + coefficient * edge;
        constant -= coefficient * edge * level;
        constant += Math.abs(coefficient) * (4 * 2 ** -24 * size + smallestNormal);
      }
      return constant;
    },
  };
}

function gateLinesAt(node: Node, element: number, elements: ElementBounds): Lines {
  const output = elements.of(node.output);
  if (at(output.lows, element) === 0 && at(output.highs, element) === 0) return levels(0, 0);
  const features = elements.of(node.input(0));
  return gateLines(at(features.lows, element), at(features.highs, element));
}

function throughCurves(node: Node, curves: Curves, elements: ElementBounds): Backward {
  const data = node.input(curves.data);
  const shape = (node.output.shape ?? []).map(Number);
  const inner = curves.axis === undefined ? 1 : sizeOf(shape.slice(curves.axis + 1));
  const slots = curves.axis === undefined ? 1 : Number(shape[curves.axis]);
  const linesAt = (element: number): Lines => {
    const { lows, highs } = elements.of(data);
    return linesAround(curves.at(Math.floor(element / inner) % slots), at(lows, element), at(highs, element));
  };
  return throughLines(node, data, linesAt, elements);
}

/** A function of one element each, between two lines. */
function throughLines(node: Node, data: Value, linesAt: (element: number) => Lines, elements: ElementBounds): Backward {
  const known: Lines[] = [];
  return {
    inputs: [data],
    cost: elements.sizeOf(node.output),
    rounds: false,
    carry: (coefficients, of) => {
      const target = of(data);
      let constant = 0;
      for (let element = 0; element < coefficients.length; element++) {
        const coefficient = at(coefficients, element);
        if (coefficient === 0) continue;
        known[element] ??= linesAt(element);
        const { lowSlope, lowShift, highSlope, highShift, error } = at(known, element);
        target[element] = at(target, element) + coefficient * (coefficient > 0 ? highSlope : lowSlope);
        constant += coefficient * (coefficient > 0 ? highShift : lowShift) + Math.abs(coefficient) * error;
      }
      return constant;
    },
  };
}

function throughPool(node: Node, step: Extract<LinearStep, { kind: 'pooled' }>, elements: ElementBounds): Backward {
  const x = node.input(0);
  const errors = once(() => {
    const { lows, highs } = elements.of(x);
    const found = new Float64Array(elements.sizeOf(node.output));
    for (let element = 0; element < lows.length; element++) {
      const place = step.place(element);
      const size = step.factor * largest(lows, highs, element);
      found[place] = at(found, place) + sumRounding(step.count + 2) * size + smallestNormal;
    }
    return found;
  });
  return {
    inputs: [x],
    cost: elements.sizeOf(x),
    rounds: true,
    carry: (coefficients, of) => {
      const target = of(x);
      for (let element = 0; element < target.length; element++) {
        target[element] = at(target, element) + step.factor * at(coefficients, step.place(element));
      }
      return errorUnder(coefficients, errors());
    },
  };
}

type Weighted = Extract<LinearStep, { kind: 'weighted' }>;

function throughWeights(node: Node, step: Weighted, elements: ElementBounds): Backward {
  const { terms, units, unitStep, bias } = step;
  const x = node.input(0);
  const errors = once(() => roundingOfSums(node, step, elements));
  const rows = elements.sizeOf(node.output) / units;
  return {
    inputs: [x],
    cost: rows * terms * units,
    rounds: true,
    carry: (coefficients, of) => {
      let constant = errorUnder(coefficients, errors());
      if (constant === Number.POSITIVE_INFINITY) return constant;
      const target = of(x);
      for (const [element, coefficient] of coefficients.entries()) {
        if (coefficient !== 0) constant += coefficient * bias(element % units);
      }
      for (let row = 0; row < rows; row++) {
        if (unitStep === 1) addByTerm(step, coefficients.subarray(row * units, (row + 1) * units), target, row * terms);
        else addByUnit(step, coefficients.subarray(row * units, (row + 1) * units), target, row * terms);
      }
      return constant;
    },
  };
}

/** Along the weights as they lie in memory: those of a term are neighbours. */
function addByTerm({ terms, units, weights }: Weighted, own: Float64Array, target: Float64Array, first: number): void {
  for (let term = 0, place = 0; term < terms; term++) {
    let sum = 0;
    for (let unit = 0; unit < units; unit++, place++) sum += (own[unit] ?? 0) * (weights[place] ?? 0);
    target[first + term] = (target[first + term] ?? 0) + sum;
  }
}

/** As {@link addByTerm}, where those of a unit are neighbours. */
function addByUnit({ terms, units, weights }: Weighted, own: Float64Array, target: Float64Array, first: number): void {
  for (let unit = 0; unit < units; unit++) {
    const coefficient = own[unit] ?? 0;
    if (coefficient === 0) continue;
    const place = unit * terms;
    for (let term = 0; term < terms; term++) {
      target[first + term] = (target[first + term] ?? 0) + coefficient * (weights[place + term] ?? 0);
    }
  }
}

/** What each output element is off at most: the classical error bound of a sum, in any order. */
function roundingOfSums(node: Node, step: Weighted, elements: ElementBounds): Float64Array {
  const { terms, units, bias } = step;
  const { lows, highs } = elements.of(node.input(0));
  const sizes = lows.map((low, element) => Math.max(Math.abs(low), Math.abs(highs[element] ?? 0)));
  const errors = new Float64Array(elements.sizeOf(node.output));
  const relative = sumRounding(terms + 2);
  for (let row = 0; row < errors.length / units; row++) {
    const first = row * units;
    // What holds for whole columns, as nearly always, is the same in every row.
    if (row > 0 && isSameRow(sizes, row, terms)) {
      errors.copyWithin(first, first - units, first);
      continue;
    }
    const own = errors.subarray(first, first + units);
    addSizes(step, sizes.subarray(row * terms, (row + 1) * terms), own);
    for (const [unit, size] of own.entries()) {
      own[unit] = relative * (size + Math.abs(bias(unit))) + (terms + 1) * smallestNormal;
    }
  }
  return errors;
}

/** True if a row holds the same numbers as the row before it. */
function isSameRow(sizes: Float64Array, row: number, terms: number): boolean {
  for (let place = row * terms; place < (row + 1) * terms; place++) {
    if (sizes[place] !== sizes[place - terms]) return false;
  }
  return true;
}

/** Adds Σ |weight(term, unit)| · size(term) for each unit, along the weights as they lie in memory. */
function addSizes(step: Weighted, sizes: Float64Array, sums: Float64Array): void {
  const { terms, units, weights, termStep, unitStep } = step;
  const isByTerm = unitStep === 1;
  const [outer, inner] = isByTerm ? [terms, units] : [units, terms];
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++) {
      const [term, unit] = isByTerm ? [i, j] : [j, i];
      const weight = Math.abs(weights[unit * unitStep + term * termStep] ?? 0);
      // Without weight, what has no bound adds nothing.
      if (weight !== 0) sums[unit] = (sums[unit] ?? 0) + weight * (sizes[term] ?? 0);
    }
  }
}
