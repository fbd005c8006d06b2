import type { Graph, Node, Value } from '../../ir/graph.js';
import type { Shape } from '../../ir/types.js';
import { flopsOf } from '../../ops/index.js';
import { gatesOf } from '../../passkit/gates.js';
import type { CompiledLayer, SourceLayer } from '../reporting/report.js';

/** The layers of a model, by what its nodes came from: as it was imported, and what a compile left of each. */

/** Most layers of a model that a report tells of, one by one: nested models can have any number. */
const mostLayers = 2000;

/** The nodes of a graph, without those of nested graphs, by the layer that they came from. */
export function nodesByLayer(graph: Graph): ReadonlyMap<string, readonly Node[]> {
  return grouped(graph.nodes);
}

function grouped(nodes: Iterable<Node>): ReadonlyMap<string, readonly Node[]> {
  const layers = new Map<string, Node[]>();
  for (const node of nodes) {
    const own = layers.get(node.label);
    if (own === undefined) layers.set(node.label, [node]);
    else own.push(node);
  }
  return layers;
}

/** What a layer hands on: the last of its values that others read, masks left out where there is more. */
export function outputOf(nodes: readonly Node[]): Value | undefined {
  const own = new Set(nodes);
  const isOutside = ({ isGraphOutput, uses }: Value): boolean =>
    isGraphOutput || uses.some(({ node }) => !own.has(node));
  const handed = nodes.flatMap(({ outputs }) => outputs.filter(isOutside));
  return handed.findLast(({ elementType }) => elementType !== 'bool') ?? handed.at(-1) ?? nodes.at(-1)?.outputs[0];
}

/**
 * The layers of a graph as it was imported, its inputs first, in the order in which they run. `classes` are those of layers
 * by name. Undefined for a graph of more than {@link mostLayers} layers.
 */
export function sourceLayers(graph: Graph, classes: ReadonlyMap<string, string>): SourceLayer[] | undefined {
  const layers = nodesByLayer(graph);
  if (graph.inputs.length + layers.size > mostLayers) return undefined;
  const places = new Map<Value, number>(graph.inputs.map((input, index) => [input, index]));
  for (const [index, nodes] of [...layers.values()].entries()) {
    for (const output of nodes.flatMap(({ outputs }) => outputs)) places.set(output, graph.inputs.length + index);
  }
  const inputs = graph.inputs.map(({ name, shape, isGraphOutput }): SourceLayer => {
    const type = classes.get(name) ?? 'InputLayer';
    return { name, class: type, ...nothing, shape: shapeOf(shape), inputs: [], isOutput: isGraphOutput };
  });
  const rest = [...layers].map(([name, nodes], index): SourceLayer => {
    const read = nodes.flatMap(valuesReadBy).flatMap((value) => places.get(value) ?? []);
    const own = graph.inputs.length + index;
    return {
      name,
      class: classes.get(name) ?? null,
      operators: operatorsOf(nodes),
      shape: shapeOf(outputOf(nodes)?.shape),
      parameters: parametersOf(nodes, new Set()),
      flops: nodes.reduce((sum, node) => sum + flopsOf(node), 0),
      inputs: [...new Set(read)].filter((place) => place !== own).toSorted((left, right) => left - right),
      isOutput: nodes.some(({ outputs }) => outputs.some(({ isGraphOutput }) => isGraphOutput)),
    };
  });
  return [...inputs, ...rest];
}

const nothing = { operators: [], parameters: 0, flops: 0 };

/** What a written graph has left of each of the layers; constants that several of them read are counted once. */
export function compiledLayers(graph: Graph, layers: readonly SourceLayer[]): CompiledLayer[] {
  const all = grouped(graph.allNodes());
  const outermost = nodesByLayer(graph);
  const counted = new Set<Value>();
  const inputs = new Map(graph.inputs.map((input) => [input.name, input]));
  return layers.map(({ name, shape }) => {
    const nodes = all.get(name) ?? [];
    const input = inputs.get(name);
    if (input !== undefined && nodes.length === 0) return { ...emptied, shape: shapeOf(input.shape) };
    const outside = outermost.get(name) ?? [];
    const handed = outputOf(outside);
    // Of what runs in branches the decision may be all that is made outside of them.
    const isDecision = nodes.length > outside.length && handed?.shape?.length !== shape?.length;
    const value = handed === undefined || isDecision ? widestOf(nodes, shape?.length) : handed;
    return {
      operators: operatorsOf(nodes),
      shape: inLayoutOf(shape, value?.shape),
      parameters: parametersOf(nodes, counted),
      isConditional: nodes.some((node) => node.graph !== graph),
    };
  });
}

const emptied = { operators: [], parameters: 0, isConditional: false };

/** The units of each gate of a graph, by the numbers that they have in the source model. */
export function gatedUnits(graph: Graph): ReadonlyMap<string, ReadonlySet<number>> {
  const units = new Map<string, Set<number>>();
  for (const { name, sourceUnits } of gatesOf(graph)) {
    const known = units.get(name) ?? new Set<number>();
    for (const unit of sourceUnits) known.add(unit);
    units.set(name, known);
  }
  return units;
}

/** Of what the branches make of a layer, in as many dimensions as it had, the largest. */
function widestOf(nodes: readonly Node[], rank: number | undefined): Value | undefined {
  const inGraphs = new Map<Graph, Node[]>();
  for (const node of nodes) inGraphs.set(node.graph, [...(inGraphs.get(node.graph) ?? []), node]);
  const size = ({ shape }: Value): number =>
    (shape ?? []).reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1), 1);
  const values = [...inGraphs.values()]
    .flatMap((own) => outputOf(own) ?? [])
    .filter(({ shape }) => shape?.length === rank);
  return values.toSorted((left, right) => size(right) - size(left))[0];
}

function valuesReadBy(node: Node): Value[] {
  const own = node.inputs.filter((value) => value !== undefined);
  return [
    ...own,
    ...node.subgraphs.flatMap((nested) => [...nested.outputs, ...[...nested.allNodes()].flatMap(valuesReadBy)]),
  ];
}

/** Each operator once, in the order of their first nodes. */
function operatorsOf(nodes: readonly Node[]): string[] {
  return [...new Set(nodes.map(({ op }) => op))];
}

/** Elements of the float constants that nodes read, without those `counted` before. */
function parametersOf(nodes: readonly Node[], counted: Set<Value>): number {
  let sum = 0;
  for (const value of nodes.flatMap(valuesReadBy)) {
    const { constant } = value;
    if (constant === undefined || counted.has(value) || !constant.type.startsWith('float')) continue;
    counted.add(value);
    sum += constant.size;
  }
  return sum;
}

function shapeOf(shape: Shape | undefined): SourceLayer['shape'] {
  return shape === undefined ? null : [...shape];
}

/**
 * A shape in the order of axes of `before`: passes may keep channels, which are last in it, behind the samples. All other
 * axes have the sizes that they had, which tells.
 */
function inLayoutOf(before: SourceLayer['shape'], after: Shape | undefined): SourceLayer['shape'] {
  if (before === null || after === undefined) return shapeOf(after);
  if (before.length !== after.length || after.length < 3) return shapeOf(after);
  const places = before.slice(1, -1);
  const [samples, channels, ...moved] = after;
  if (samples === undefined || channels === undefined) return shapeOf(after);
  const isAsBefore = places.every((size, index) => after[index + 1] === size);
  const isMoved = places.every((size, index) => moved[index] === size);
  return !isAsBefore && isMoved ? [samples, ...moved, channels] : [...after];
}
