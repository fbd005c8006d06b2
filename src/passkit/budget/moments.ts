import { Builder } from '../../ir/builder.js';
import { extractSubgraph } from '../../ir/clone.js';
import type { Graph, Value } from '../../ir/graph.js';
import { inferTypes } from '../../ops/index.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { defined } from '../../support/assert.js';
import { gatesOf } from '../gates.js';

/**
 * Means and second moments of slots, over samples and over all positions along the other axes. They say how much a unit
 * contributes to the sums of products that read it, and how well other units can take its place.
 */

/** An axis of a value, by name: names outlive the copying of a graph. */
export interface Place {
  readonly value: string;
  readonly axis: number;
}

export interface Moments {
  /** Slots of the place. */
  readonly size: number;
  /** Elements of each slot that were averaged over. */
  readonly rows: number;
  /** [size] */
  readonly mean: Float64Array;
  /** Covariance [size, size], row by row; undefined where that would take too long. */
  readonly covariance: Float64Array | undefined;
  /** [size] */
  readonly variance: Float64Array;
}

/** All that was measured of one graph. */
export interface GraphMoments {
  readonly places: ReadonlyMap<string, Moments>;
  /** By gate, for each slot of its output: mean square of what the gate takes away from its features. */
  readonly taken: ReadonlyMap<string, Float64Array>;
}

/**
 * Slots of a place up to which the covariance of every two is measured (12 MB of numbers), and the most that the cubes of
 * these sizes may add up to over a graph: inverses take as many steps.
 */
const mostRegressed = 1200;
const mostWork = 2 ** 33;

export const placeKey = ({ value, axis }: Place): string => `${axis} ${value}`;

/** Outputs of a {@link MomentGraph} that belong to one place. */
export interface MeasuredPlace {
  readonly key: string;
  readonly size: number;
  readonly isFull: boolean;
  /** Shape of the value: its elements over its slots are the rows. */
  readonly shape: string;
  /** Means of the slots, [size]. */
  readonly mean: string;
  /** Mean products of slots, [size, size], or mean squares, [size]. */
  readonly second: string;
}

/** A graph that computes nothing but the moments of another graph's values for one batch. */
export interface MomentGraph {
  readonly graph: Graph;
  readonly places: readonly MeasuredPlace[];
  /** For each gate the output with the mean squares of what it takes away, and the place that its output is. */
  readonly gates: readonly { readonly name: string; readonly taken: string; readonly key: string }[];
}

/**
 * The moments of `places` (axes of float32 values of `graph`, not of graphs nested in it) and of all its gates, from its
 * inputs. Undefined if there is nothing to measure.
 */
export function momentGraph(
  graph: Graph,
  places: readonly (readonly [value: Value, axis: number])[],
): MomentGraph | undefined {
  const gates = gatesOf(graph).filter(({ node }) => node.graph === graph && node.output.elementType === 'float32');
  const wanted = new Map<string, Wanted>();
  for (const { node, axis } of gates) wanted.set(keyOf(node.output, axis), { value: node.output, axis, isFull: false });
  const full = fullPlaces(places);
  for (const [value, axis] of places) {
    wanted.set(keyOf(value, axis), { value, axis, isFull: full.has(keyOf(value, axis)) });
  }
  if (wanted.size === 0) return undefined;
  const values = new Set([...wanted.values()].map(({ value }) => value));
  for (const { features } of gates) values.add(features);
  const { graph: copy, values: copies } = extractSubgraph(graph, graph.inputs, [...values]);
  const copyOf = (value: Value): Value => defined(copies.get(value), `a copy of '${value.name}'`);
  const writer = new MomentWriter(copy);
  const measured = [...wanted].map(([key, { value, axis, isFull }]) => writer.place(key, copyOf(value), axis, isFull));
  const taken = gates.map(({ node, features, axis, name }) => {
    const difference = writer.builder.op('Sub', [copyOf(features), copyOf(node.output)]);
    copy.setType(difference, node.output.type);
    return { name, taken: writer.meanSquare(difference, axis), key: keyOf(node.output, axis) };
  });
  copy.setOutputs([...writer.outputs]);
  copy.removeUnused();
  copy.sort();
  inferTypes(copy);
  return { graph: copy, places: measured, gates: taken };
}

interface Wanted {
  readonly value: Value;
  readonly axis: number;
  readonly isFull: boolean;
}

/** The places to measure the covariance of: small ones first, as long as working with all of them takes some seconds. */
function fullPlaces(places: readonly (readonly [value: Value, axis: number])[]): ReadonlySet<string> {
  const sizes = new Map(places.map(([value, axis]) => [keyOf(value, axis), sizeOfAxis(value, axis)]));
  const full = new Set<string>();
  let work = 0;
  for (const [key, size] of [...sizes].toSorted(([, left], [, right]) => left - right)) {
    work += size ** 3;
    if (size <= mostRegressed && work <= mostWork) full.add(key);
  }
  return full;
}

const keyOf = (value: Value, axis: number): string => placeKey({ value: value.name, axis });

class MomentWriter {
  readonly builder: Builder;
  readonly outputs = new Set<Value>();

  constructor(graph: Graph) {
    this.builder = new Builder(graph);
  }

  place(key: string, value: Value, axis: number, isFull: boolean): MeasuredPlace {
    const size = sizeOfAxis(value, axis);
    const shape = this.#output(this.builder.op('Shape', [value]));
    const rows = this.#rows(value, axis);
    const mean = this.#output(this.#mean(rows));
    const second = isFull ? this.#output(this.#products(rows)) : this.meanSquare(value, axis);
    return { key, size, isFull, shape, mean, second };
  }

  /** Name of the mean square of every slot. */
  meanSquare(value: Value, axis: number): string {
    const rows = this.#rows(value, axis);
    return this.#output(this.#mean(this.builder.op('Mul', [rows, rows])));
  }

  #products(rows: Value): Value {
    const { builder } = this;
    const sums = builder.op('MatMul', [builder.transpose(rows, [1, 0]), rows]);
    const count = builder.cast(builder.gather(builder.op('Shape', [rows]), builder.int64s([0]), 0), 'float32');
    return builder.op('Div', [sums, count]);
  }

  /** The value as [positions, slots]. */
  #rows(value: Value, axis: number): Value {
    const others = Array.from({ length: value.shape?.length ?? 0 }, (_, position) => position).filter(
      (i) => i !== axis,
    );
    const moved = others.every((position, index) => position === index)
      ? value
      : this.builder.transpose(value, [...others, axis]);
    return this.builder.reshape(moved, [-1, sizeOfAxis(value, axis)]);
  }

  #mean(rows: Value): Value {
    return this.builder.squeeze(this.builder.op('ReduceMean', [rows, this.builder.int64s([0])]), [0]);
  }

  #output(value: Value): string {
    this.outputs.add(value);
    return value.name;
  }
}
