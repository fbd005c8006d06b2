import * as dagre from '@dagrejs/dagre';
import type { SourceLayer } from '../../compiler/reporting/report.js';

/** Where the layers of a model stand in its picture: layers in a row are one stack, and stacks are laid out in ranks. */

export interface Stack {
  /** Positions of its layers in the model, in the order in which they run. */
  readonly layers: readonly number[];
  readonly left: number;
  readonly top: number;
}

export interface Arrow {
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly stacks: readonly Stack[];
  readonly arrows: readonly Arrow[];
}

/** What is used of dagre's graphs, whose declarations lose their types where modules are resolved as Node does. */
interface LayoutGraph {
  setGraph(settings: Readonly<Record<string, string | number>>): void;
  graph(): { readonly width?: number; readonly height?: number };
  setNode(name: string, size: { readonly width: number; readonly height: number }): void;
  node(name: string): { readonly x: number; readonly y: number };
  setEdge(from: string, to: string, label: object): void;
  edge(edge: GraphEdge): { readonly points?: Arrow['points'] };
  edges(): readonly GraphEdge[];
}

interface GraphEdge {
  readonly v: string;
  readonly w: string;
}

/** Sizes in pixels. */
export const stackWidth = 320;
export const rowHeight = 32;

const margin = 8;

/** Layers of a model that are drawn, at most: a picture of more would be higher than anyone looks. */
const mostDrawn = 500;

/** Lays out a model's layers; undefined for more of them than can be looked at. */
export function layOut(layers: readonly SourceLayer[]): Layout | undefined {
  if (layers.length > mostDrawn) return undefined;
  const stacks = stacksOf(layers);
  const stackOf = new Map(stacks.flatMap((own, index) => own.map((layer) => [layer, index] as const)));
  const graph: LayoutGraph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 28, edgesep: 14, ranksep: 30, marginx: margin, marginy: margin });
  for (const [index, own] of stacks.entries()) {
    graph.setNode(String(index), { width: stackWidth, height: own.length * rowHeight });
  }
  for (const [layer, { inputs }] of layers.entries()) {
    for (const input of inputs) {
      const [from, to] = [stackOf.get(input), stackOf.get(layer)];
      if (from !== undefined && to !== undefined && from !== to) graph.setEdge(String(from), String(to), {});
    }
  }
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  const lines = graph.edges().map((edge) => graph.edge(edge).points ?? []);
  // Room is made for nodes only: arrows around them may go beyond.
  const across = lines.flatMap((points) => points.map(({ x }) => x));
  const shift = Math.max(0, margin - across.reduce((least, x) => Math.min(least, x), margin));
  const right = across.reduce((most, x) => Math.max(most, x + margin), width);
  return {
    width: right + shift,
    height,
    stacks: stacks.map((own, index) => {
      const { x, y } = graph.node(String(index));
      return { layers: own, left: x + shift - stackWidth / 2, top: y - (own.length * rowHeight) / 2 };
    }),
    arrows: lines.map((points) => ({ points: points.map(({ x, y }) => ({ x: x + shift, y })) })),
  };
}

/** Layers that read one another and nothing else, with nothing between, together. */
function stacksOf(layers: readonly SourceLayer[]): number[][] {
  const readers = layers.map(() => 0);
  for (const { inputs } of layers) for (const input of inputs) readers[input] = (readers[input] ?? 0) + 1;
  const stacks: number[][] = [];
  const endingAt = new Map<number, number[]>();
  for (const [index, { inputs }] of layers.entries()) {
    const [input] = inputs;
    const before = inputs.length === 1 && input !== undefined && readers[input] === 1 ? endingAt.get(input) : undefined;
    const stack = before ?? [];
    if (before === undefined) stacks.push(stack);
    stack.push(index);
    endingAt.delete(input ?? -1);
    endingAt.set(index, stack);
  }
  return stacks;
}
