import type { Graph, Node, Value } from '../../../src/ir/graph.js';
import { printGraph } from '../../../src/ir/text.js';
import { operatorOf, relationsOf } from '../../../src/ops/index.js';
import { type Port, portsOf, portValue } from '../../../src/ops/relations.js';
import type { Pass } from '../../../src/passkit/pass.js';
import { expectSameFunction, profileOf, type RunOptions, runPass } from '../support.js';
import type { PlantedGraph, Recipe } from './graph.js';
import { randomGraph } from './kinds.js';
import { shrink } from './shrink.js';

/**
 * Graphs before and after passes, compared in ONNX Runtime on samples that behave as the profile says: outputs may differ
 * by rounding, 2e-6 and 1e-5 of the output's largest element.
 */

export interface Outcome {
  /** Samples whose outputs were compared. */
  readonly samples: number;
  /** Units of gates that were removed. */
  readonly removed: number;
  readonly after: Graph;
}

/** Runs passes and compares. @throws Error if the outputs differ, or anything else fails. */
export async function compareAround(
  planted: PlantedGraph,
  passes: readonly Pass[],
  seed: number,
  more: Omit<RunOptions, 'profile'> = {},
): Promise<Outcome> {
  const { graph, dead, on } = planted;
  const options = { ...more, profile: profileOf(graph, dead, 0.5, on) };
  const result = await runPass(graph, passes, options);
  const samples = await expectSameFunction(graph, result.graph, { seed });
  const removed = result.removed.reduce((sum, { units }) => sum + units.length, 0);
  return { samples, removed, after: result.graph };
}

/** A failure of a recipe's graph as small as it gets, with seed, message and text. Undefined if it does not fail. */
export async function smallestFailure(
  recipe: Recipe,
  check: (planted: PlantedGraph, seed: number) => Promise<unknown>,
): Promise<string | undefined> {
  const messageOf = async (candidate: Recipe): Promise<string | undefined> => {
    const planted = grown(candidate);
    if (planted === undefined) return undefined;
    try {
      await check(planted, candidate.seed);
      return undefined;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  };
  if ((await messageOf(recipe)) === undefined) return undefined;
  const smallest = await shrink(recipe, async (candidate) => (await messageOf(candidate)) !== undefined);
  const { graph, dead, on } = randomGraph(smallest);
  const steps = smallest.steps.map(({ kind, isLive }) => (isLive ? kind : `${kind}*`)).join(', ');
  const planted = `dead ${JSON.stringify(dead)}, always on ${JSON.stringify(on)}`;
  const message = (await messageOf(smallest))?.split('\n').slice(0, 6).join('\n');
  return `seed ${recipe.seed}, steps ${steps}\n${message}\n${planted}\n${printGraph(graph)}`;
}

/** The graph of a recipe; undefined if it cannot be grown, or has no output. */
function grown(recipe: Recipe): PlantedGraph | undefined {
  try {
    const planted = randomGraph(recipe);
    return planted.graph.outputs.length === 0 ? undefined : planted;
  } catch {
    return undefined;
  }
}

/** What units went through in some graphs. */
export class Coverage {
  /** In how many graphs an operator could have let units through, and in how many an operator did. */
  readonly #able = new Map<string, number>();
  readonly #did = new Map<string, number>();

  /** Notes a graph before and after a removal that keeps the names of values. */
  note(before: Graph, after: Graph): void {
    const shapes = new Map<string, string>();
    for (const node of after.allNodes())
      for (const value of [...node.inputs, ...node.outputs]) noteShape(shapes, value);
    const isSmaller = (value: Value): boolean => {
      const shape = shapes.get(value.name);
      return value.constant === undefined && shape !== undefined && shape !== value.shape?.join();
    };
    const able = new Set<string>();
    const did = new Set<string>();
    for (const node of before.allNodes()) {
      for (const [kind, values] of channelsOf(node)) {
        able.add(kind);
        if (values.some(isSmaller)) did.add(kind);
      }
    }
    for (const kind of able) this.#able.set(kind, (this.#able.get(kind) ?? 0) + 1);
    for (const kind of did) this.#did.set(kind, (this.#did.get(kind) ?? 0) + 1);
  }

  /** Kinds with the number of graphs in which units went through, and in which they could have, by name. */
  get counts(): readonly { readonly kind: string; readonly did: number; readonly able: number }[] {
    return [...this.#able]
      .map(([kind, able]) => ({ kind, did: this.#did.get(kind) ?? 0, able }))
      .toSorted((left, right) => (left.kind < right.kind ? -1 : 1));
  }
}

function noteShape(shapes: Map<string, string>, value: Value | undefined): void {
  if (value?.shape !== undefined) shapes.set(value.name, value.shape.join());
}

/**
 * Where units may go through a node, by operator and kind of relation, with the values that would shrink: those of axes
 * behind the batch that relations name on data.
 */
function channelsOf(node: Node): (readonly [string, readonly Value[]])[] {
  const passages = operatorOf(node)?.passages?.(node) ?? [];
  if (passages.length > 0) return [[`${node.op} border`, passages.flatMap(({ from, to }) => [from, to])]];
  return relationsOf(node).flatMap((relation): (readonly [string, readonly Value[]])[] => {
    const data = portsOf(relation).filter((port) => isData(node, port));
    const isPassing = relation.kind === 'contract' || relation.kind === 'grouped' || relation.kind === 'select';
    const isJoined = data.some(({ side }) => side === 'input') && data.some(({ side }) => side === 'output');
    if (data.length === 0 || !(isPassing || isJoined)) return [];
    const values = data.flatMap((port) => portValue(node, port) ?? []);
    return [[`${node.op} ${relation.kind}`, values]];
  });
}

/** An axis of a value computed at run time that is not the batch. */
function isData(node: Node, port: Port): boolean {
  const value = portValue(node, port);
  return (
    port.axis > 0 && value !== undefined && value.constant === undefined && typeof value.shape?.[port.axis] === 'number'
  );
}
