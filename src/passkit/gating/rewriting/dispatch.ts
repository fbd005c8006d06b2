import { subgraph } from '../../../ir/attribute.js';
import { Builder } from '../../../ir/builder.js';
import { readsOf } from '../../../ir/clone.js';
import { Graph, type Node, type Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { inferTypes } from '../../../ops/index.js';
import { at, defined } from '../../../support/assert.js';
import { choiceOf } from '../firing/decision.js';
import { maskOf } from '../firing/firing.js';
import type { Region, RegionGate } from '../regions/region.js';
import type { GateVariants } from '../variants/variant-sets.js';
import type { Variant } from '../variants/variants.js';
import { RegionCopy, replaceRegion } from './region-copy.js';
import { asOutput, constantSelection, type Selection } from './selection.js';

/**
 * Puts a region into the branches of nested `If`s, one for each variant of each gate: what needs no choice comes first, then
 * the first gate's choice, within each of its branches what that choice settles, and so on. The weights are there once, in
 * the graph around; branches take slices of them, which engines cut when they load the model.
 */
export function applyDispatch(region: Region, gates: readonly GateVariants[]): void {
  const dispatch = new Dispatch(region, gates);
  const { outputs, exits } = dispatch.emit(region.graph, {
    selections: new Map(),
    decisions: new Map(),
    values: new Map(),
    done: new Set(),
  });
  replaceRegion(region, { outputs, exits });
  inferTypes(region.graph);
}

/**
 * Writes the branches of a region into `scope`, where `values` stand for what it reads and what is in `decisions` is decided
 * already. The region stays.
 */
export function dispatchInto(
  scope: Graph,
  region: Region,
  gates: readonly GateVariants[],
  given: Pick<Progress, 'values' | 'decisions'>,
): Results {
  return new Dispatch(region, gates).emit(scope, { ...given, selections: new Map(), done: new Set() });
}

/** How far a region was copied: what is decided, and what stands for values so far. */
interface Progress {
  readonly selections: ReadonlyMap<RegionGate, Selection>;
  readonly decisions: ReadonlyMap<RegionGate, Decision>;
  readonly values: ReadonlyMap<Value, Value>;
  readonly done: ReadonlySet<Node>;
}

/** What is computed of a gate's score, as far out as it is there. */
export interface Decision {
  /** The number of the variant. */
  readonly choice: Value;
  /** Undefined where no variant needs it. */
  readonly mask: Value | undefined;
}

/** What stands for a region's outputs and exits. */
export interface Results {
  readonly outputs: readonly Value[];
  readonly exits: readonly Value[];
}

class Dispatch {
  readonly #region: Region;
  readonly #gates: readonly GateVariants[];
  /** The gates that a node's units are of. */
  readonly #needs: ReadonlyMap<Node, readonly RegionGate[]>;
  readonly #inside: ReadonlySet<Node>;
  /** By variant: the selection without its mask. */
  readonly #units = new Map<Variant, Selection>();

  constructor(region: Region, gates: readonly GateVariants[]) {
    this.#region = region;
    this.#gates = gates;
    this.#inside = new Set(region.nodes);
    this.#needs = new Map(region.nodes.map((node) => [node, gatesNeeded(node, region)]));
    for (const { variants, own } of gates) {
      for (const variant of variants) {
        this.#units.set(variant, unitsOf(variant, own, region.graph));
      }
    }
  }

  /** Copies what is left into `scope`, as far as it is decided there; branches hold the rest. */
  emit(scope: Graph, progress: Progress): Results {
    const copy = new RegionCopy(this.#region, scope, progress.selections, progress.values);
    const done = new Set(progress.done);
    const left = (): Node[] => this.#region.nodes.filter((node) => !done.has(node));
    for (let ready = left().filter((node) => this.#isReady(node, done, progress)); ready.length > 0; ) {
      for (const node of ready) {
        copy.add(node);
        done.add(node);
      }
      ready = left().filter((node) => this.#isReady(node, done, progress));
    }
    if (left().length === 0) {
      return {
        outputs: this.#region.outputs.map((value) => copy.output(value)),
        exits: this.#region.exits.map((exit) => copy.exit(exit)),
      };
    }
    const decisions = new Map(progress.decisions);
    for (const gate of this.#gates) {
      const isNew = !decisions.has(gate.own) && this.#isScored(gate.own, done);
      if (isNew) decisions.set(gate.own, decisionOf(gate, copy.values, scope));
    }
    const next = defined(
      this.#gates.find(({ own }) => !progress.selections.has(own) && decisions.has(own)),
      'a gate whose score is there',
    );
    return this.#branches(scope, next, { ...progress, decisions, values: copy.values, done });
  }

  #isReady(node: Node, done: ReadonlySet<Node>, { selections }: Progress): boolean {
    const isDecided = (this.#needs.get(node) ?? []).every((gate) => selections.has(gate));
    return isDecided && readsOf(node).every((value) => this.#isThere(value, done));
  }

  #isThere({ producer }: Value, done: ReadonlySet<Node>): boolean {
    return producer === undefined || !this.#inside.has(producer) || done.has(producer);
  }

  #isScored({ gate }: RegionGate, done: ReadonlySet<Node>): boolean {
    return this.#isThere(gate.node.input(1), done);
  }

  #branches(scope: Graph, { own, variants, shares }: GateVariants, progress: Progress): Results {
    const { choice, mask } = defined(progress.decisions.get(own), 'the decision of a gate');
    const branch = (graph: Graph, index: number): Results => {
      const variant = at(variants, index);
      const units = defined(this.#units.get(variant), 'the units of a variant');
      const selection: Selection = { ...units, mask: variant.match === 'equals' ? undefined : mask };
      return this.emit(graph, { ...progress, selections: new Map([...progress.selections, [own, selection]]) });
    };
    return this.#tree(scope, choice, [0, variants.length], shares, branch, own.gate.node.origin);
  }

  /** A binary tree over the variants from `first` to before `end`, whose halves run about equally often. */
  #tree(
    scope: Graph,
    choice: Value,
    [first, end]: readonly [number, number],
    shares: readonly number[],
    branch: (graph: Graph, index: number) => Results,
    origin: string | undefined,
  ): Results {
    if (end - first === 1) return branch(scope, first);
    const middle = middleOf(shares, first, end);
    const builder = new Builder(scope, { origin });
    const limit = builder.constant(Tensor.int64([], [middle]), 'variant');
    const condition = builder.op('Less', [choice, limit]);
    const halves = [
      { name: 'then_branch', range: [first, middle] as const },
      { name: 'else_branch', range: [middle, end] as const },
    ].map(({ name, range }) => {
      const graph = new Graph(name, scope);
      const { outputs, exits } = this.#tree(graph, choice, range, shares, branch, origin);
      const inner = new Builder(graph, { origin });
      graph.setOutputs([...outputs, ...exits].map((value) => asOutput(value, graph, inner)));
      return [name, subgraph(graph)] as const;
    });
    const results = [...this.#region.outputs, ...this.#region.exits.map(({ value }) => value)];
    const node = scope.addNode({
      op: 'If',
      domain: '',
      origin,
      inputs: [condition],
      attributes: Object.fromEntries(halves),
      outputs: results.map(({ name }) => name),
    });
    const count = this.#region.outputs.length;
    return { outputs: node.outputs.slice(0, count), exits: node.outputs.slice(count) };
  }
}

function decisionOf({ own, variants }: GateVariants, values: ReadonlyMap<Value, Value>, scope: Graph): Decision {
  const builder = new Builder(scope, { origin: own.gate.node.origin });
  const score = own.gate.node.input(1);
  const given = values.get(score) ?? score;
  const needsMask = variants.some(({ match }) => match !== 'equals');
  return {
    choice: choiceOf(own.gate, given, variants, builder),
    mask: needsMask ? maskOf(own.gate, given, builder) : undefined,
  };
}

/** Where to cut a list so that both parts run about equally often. */
function middleOf(shares: readonly number[], first: number, end: number): number {
  const sum = (from: number, to: number): number => shares.slice(from, to).reduce((total, share) => total + share, 0);
  const total = sum(first, end);
  let best = first + 1;
  for (let middle = first + 1; middle < end; middle++) {
    const gap = Math.abs(total - 2 * sum(first, middle));
    if (gap < Math.abs(total - 2 * sum(first, best))) best = middle;
  }
  return best;
}

/** What a variant computes, its mask aside; `graph` is where the constants live. */
export function unitsOf({ units, match, fires }: Variant, { gate }: RegionGate, graph: Graph): Selection {
  const silent = new Set(match === 'equals' ? units.filter((unit) => !fires.has(unit)) : []);
  const isAll = units.length === gate.units && silent.size === 0;
  return isAll ? { kind: 'all', mask: undefined } : constantSelection(graph, units, { silent });
}

/** The gates whose units a node works on, reads or makes. */
function gatesNeeded(node: Node, { gates, exits }: Region): RegionGate[] {
  return gates.filter(({ gate, axes }) => {
    const isExit = (value: Value, index: number): boolean =>
      exits.some((exit) => exit.value === value && exit.uses.some((use) => use.node === node && use.index === index));
    const values = new Set(axes.map(({ value }) => value));
    const reads = node.inputs.some((value, index) => value !== undefined && values.has(value) && !isExit(value, index));
    return gate.node === node || reads || node.outputs.some((value) => values.has(value));
  });
}
