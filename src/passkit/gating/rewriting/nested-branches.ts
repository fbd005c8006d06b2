import { Builder } from '../../../ir/builder.js';
import { readsOf } from '../../../ir/clone.js';
import type { Graph, Node, Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { at, defined } from '../../../support/assert.js';
import { addBranch } from '../../branches/add-branch.js';
import { type Decision, decisionOf } from '../firing/decision.js';
import { type Region, type RegionGate, resultsOf } from '../regions/region.js';
import type { GateVariants } from '../variants/variant-sets.js';
import type { Variant } from '../variants/variants.js';
import { RegionCopy } from './region-copy.js';
import { type Selection, unitsOf } from './selection.js';

/**
 * Writes a region into `scope` as the branches of nested `If`s, one for each variant of each gate: what needs no choice
 * comes first, then the first gate's choice, within each of its branches what that choice settles, and so on. The weights
 * are there once, in the graph around; branches take slices of them, which engines cut when they load the model. In `scope`,
 * `values` stand for what the region reads, and what is in `decisions` is decided already. Returns what stands for what
 * others read of the region, in the order of {@link resultsOf}. The region stays.
 */
export function addNestedBranches(
  scope: Graph,
  region: Region,
  gates: readonly GateVariants[],
  given: Pick<Progress, 'values' | 'decisions'> = { values: new Map(), decisions: new Map() },
): readonly Value[] {
  return new NestedBranches(region, gates).emit(scope, { ...given, selections: new Map(), done: new Set() });
}

/** How far a region was copied: what is decided, and what stands for values so far. */
interface Progress {
  readonly selections: ReadonlyMap<RegionGate, Selection>;
  readonly decisions: ReadonlyMap<RegionGate, Decision>;
  readonly values: ReadonlyMap<Value, Value>;
  readonly done: ReadonlySet<Node>;
}

class NestedBranches {
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
  emit(scope: Graph, progress: Progress): readonly Value[] {
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
    if (left().length === 0) return copy.results();
    const decisions = new Map(progress.decisions);
    for (const { own, variants } of this.#gates) {
      if (decisions.has(own) || !this.#isScored(own, done)) continue;
      const { node, score } = own.gate;
      const builder = new Builder(scope, { origin: node.origin });
      decisions.set(own, decisionOf(own.gate, copy.values.get(score) ?? score, variants, 'batch', builder));
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
    return this.#isThere(gate.score, done);
  }

  #branches(scope: Graph, { own, variants, shares }: GateVariants, progress: Progress): readonly Value[] {
    const { choice, mask } = defined(progress.decisions.get(own), 'the decision of a gate');
    const branch = (graph: Graph, index: number): readonly Value[] => {
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
    branch: (graph: Graph, index: number) => readonly Value[],
    origin: string | undefined,
  ): readonly Value[] {
    if (end - first === 1) return branch(scope, first);
    const middle = middleOf(shares, first, end);
    const builder = new Builder(scope, { origin });
    const limit = builder.constant(Tensor.int64([], [middle]), 'variant');
    return addBranch(scope, {
      condition: builder.op('Less', [choice, limit]),
      whenTrue: ({ graph }) => this.#tree(graph, choice, [first, middle], shares, branch, origin),
      whenFalse: ({ graph }) => this.#tree(graph, choice, [middle, end], shares, branch, origin),
      names: resultsOf(this.#region).map(({ name }) => name),
      origin,
    });
  }
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
