import type { Graph, Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { operatorOf } from '../../ops/index.js';
import { defined } from '../../support/assert.js';
import { decisionsOf, leadingTo } from '../decisions.js';
import { unitAxisOfWeights } from '../linear-units.js';
import type { Target } from '../target.js';
import { type Chain, chainsFrom, elementsOf, readingGraphs } from './chains.js';
import { clipLimits } from './clips.js';
import { type CutConstant, cutConstant } from './cut-constants.js';
import { type KeptInFloats, readsFloats, regionsInFloats } from './float-regions.js';
import type { IntegerKernels } from './kernels.js';
import { isMask } from './masks.js';
import { narrowableWeights } from './narrow-decisions.js';
import { isInLoop, type Owners, ownersOf } from './readers.js';

/** How part of a graph runs on integers. `output` is the value that there are integers of behind it. */
export type Step =
  | {
      readonly kind: 'product';
      readonly node: Node;
      readonly data: Value;
      readonly weights: CutConstant;
      readonly bias: CutConstant | undefined;
      /** Undefined: it gives floats. */
      readonly output: Value | undefined;
    }
  | { readonly kind: 'arithmetic'; readonly node: Node; readonly inputs: readonly Value[]; readonly output: Value }
  | { readonly kind: 'direct'; readonly node: Node; readonly data: Value; readonly output: Value }
  | {
      readonly kind: 'mask';
      readonly node: Node;
      readonly data: Value;
      readonly mask: Value;
      readonly output: Value;
    }
  | { readonly kind: 'lookup'; readonly chain: Chain; readonly data: Value; readonly output: Value }
  | {
      readonly kind: 'branch';
      readonly node: Node;
      readonly index: number;
      readonly inputs: readonly Value[];
      readonly output: Value;
    };

export type ProductStep = Extract<Step, { kind: 'product' }>;

/** What of a graph runs on integers, and what its integers stand for. */
export interface IntegerPlan {
  /** Of products, and of what is computed between them. */
  readonly steps: readonly Step[];
  /** Values that there are integers of, with the one that stands for all that share its scale. */
  readonly places: ReadonlyMap<Value, Value>;
  /** By what stands for a place: the values whose numbers are all that come there. */
  readonly sources: ReadonlyMap<Value, readonly Value[]>;
  /** All that computes floats, and why, each layer and reason once. */
  readonly kept: readonly KeptInFloats[];
  /** Weights of decisions that are stored in float16. */
  readonly narrow: readonly Value[];
}

/** What stays in float32 on request: layers, and what decides, by the name of their weights. */
export type KeptLayers = ReadonlySet<string>;

/**
 * Plans which nodes of a lowered graph run on integers: sums of products with constant weights that do not decide, and what
 * lies between two of them if the target runs that on integers, too. Nothing is changed.
 */
export function planIntegers(graph: Graph, target: Target, kept: KeptLayers): IntegerPlan {
  return new Planner(graph, defined(target.integers, `kernels of ${target.name} for integers`), kept).plan();
}

class Planner {
  readonly #graph: Graph;
  readonly #kernels: IntegerKernels;
  readonly #keptLayers: KeptLayers;
  readonly #owners: Owners;
  readonly #decisions: ReadonlySet<Node>;
  /** What could give integers, by the value. */
  readonly #steps = new Map<Value, Step>();
  readonly #products: ProductStep[] = [];
  readonly #inChains = new Set<Node>();
  /** Those of chains that a table is faster than. */
  readonly #tables = new Set<Node>();
  /** Products that stay in floats, and why. */
  readonly #kept = new Map<Node, string>();
  readonly #wanted = new Set<Value>();

  constructor(graph: Graph, kernels: IntegerKernels, kept: KeptLayers) {
    this.#graph = graph;
    this.#kernels = kernels;
    this.#keptLayers = kept;
    this.#owners = ownersOf(graph);
    const judges = decisionsOf(graph);
    this.#decisions = leadingTo(graph, (node) => judges.has(node));
  }

  plan(): IntegerPlan {
    const nodes = [...this.#graph.allNodes()];
    for (const node of nodes) this.#findProduct(node);
    for (const value of [...this.#steps.keys()]) this.#findChains(value);
    // Branches stand before what reads them, and their nodes before those.
    for (let before = -1; before < this.#steps.size; ) {
      before = this.#steps.size;
      for (const node of nodes) this.#findStep(node);
    }
    this.#spreadWants();
    const between = [...this.#steps.values()].filter((step) => step.kind !== 'product' && this.#isWanted(step));
    const products = this.#products.map((step) => {
      const { output } = step;
      const isGiven = output !== undefined && (this.#wanted.has(output) || this.#kernels.givesIntegers(step.node));
      return isGiven ? step : { ...step, output: undefined };
    });
    const steps = [...products, ...between];
    const narrow = narrowableWeights(this.#graph, this.#decisions).filter(({ name }) => !this.#keptLayers.has(name));
    const narrowed = new Set(narrow.flatMap(({ uses }) => uses.map(({ node }) => node.label)));
    const kept = regionsInFloats(this.#graph, steps, (node) => this.#reasonFor(node, narrowed));
    return { steps, kept, narrow, ...placesOf(steps) };
  }

  /** Why a node that no step covers computes floats; `narrowed` are the layers with weights in float16. */
  #reasonFor(node: Node, narrowed: ReadonlySet<string>): string {
    if (this.#decisions.has(node)) {
      return `it decides what runs or fires${narrowed.has(node.label) ? ' (weights stored in float16)' : ''}`;
    }
    const known = this.#kept.get(node);
    if (known !== undefined) return known;
    if (isInLoop(node, this.#owners)) return 'it is in a loop';
    if (node.outputs.some((value) => this.#steps.has(value))) return 'nothing on integers reads it';
    if (this.#inChains.has(node)) {
      return this.#tables.has(node) ? 'nothing on integers reads it' : 'a table would be slower';
    }
    const floats = node.inputs.filter((value) => value?.elementType === 'float32');
    if (floats.some((value) => (value?.constant?.size ?? 0) > 1)) return 'its constants are no single numbers';
    const reads = floats.filter((value) => value?.constant === undefined);
    if (reads.some((value) => value !== undefined && !this.#steps.has(value))) return readsFloats;
    return `there is no kernel of integers for ${node.op}`;
  }

  #findProduct(node: Node): void {
    if (this.#kernels.kernel(node) !== 'product') return;
    if (this.#decisions.has(node)) return;
    const found = isInLoop(node, this.#owners) ? 'it is in a loop' : this.#productOf(node);
    if (typeof found === 'string') {
      this.#kept.set(node, found);
      return;
    }
    this.#products.push(found);
    if (found.output !== undefined) this.#steps.set(found.output, found);
  }

  /** The product, or why it stays in floats. */
  #productOf(node: Node): ProductStep | string {
    const linear = operatorOf(node)?.linear?.(node) ?? plainProduct(node);
    const data = node.inputs[0];
    if (linear === undefined || data?.elementType !== 'float32') return 'its inputs are scaled or no floats';
    if (data.constant !== undefined) return 'its data are constant';
    if (node.int('transA', 0) === 1) return 'its data are transposed';
    const axis = unitAxisOfWeights(node, linear.weight);
    const weights = axis === undefined ? undefined : cutConstant(node.input(linear.weight), axis);
    if (weights === undefined) return 'its weights are not constant';
    if (this.#keptLayers.has(weights.root.name)) return 'its error would be too large';
    const own = node.inputs[linear.bias];
    const bias = own === undefined ? undefined : cutConstant(own, (own.shape?.length ?? 1) - 1);
    if (own !== undefined && (bias === undefined || own.shape?.length !== 1)) return 'its bias is no constant row';
    const channels = weights.root.shape?.[weights.axis];
    if (bias !== undefined && bias.root.shape?.[0] !== channels) return 'its bias is cut otherwise than its weights';
    return { kind: 'product', node, data, weights, bias, output: this.#outputOf(node) };
  }

  /** The product itself, or what it is cut to, if that is all that reads it: integers end where their range does. */
  #outputOf({ output }: Node): Value {
    const use = output.onlyUse;
    const isCut = use !== undefined && use.index === 0 && use.node.graph === output.graph;
    const limits = isCut ? clipLimits(use.node) : undefined;
    return limits === undefined || use === undefined ? output : use.node.output;
  }

  #findStep(node: Node): void {
    if (isBranch(node)) this.#findBranch(node);
    const [output] = node.outputs;
    if (output === undefined || this.#steps.has(output) || node.outputs.length > 1) return;
    if (this.#decisions.has(node) || this.#inChains.has(node) || isInLoop(node, this.#owners)) return;
    if (output.elementType !== 'float32') return;
    const step = this.#maskOf(node, output) ?? this.#kernelStep(node, output);
    if (step !== undefined) this.#add(output, step);
  }

  /** Chains that begin with an output are looked for at once, before their nodes are looked at one by one. */
  #add(output: Value, step: Step): void {
    this.#steps.set(output, step);
    this.#findChains(output);
  }

  #kernelStep(node: Node, output: Value): Step | undefined {
    const kernel = this.#kernels.kernel(node);
    const inputs = node.inputs
      .filter((value) => value?.elementType === 'float32')
      .filter((value) => value !== undefined);
    if (kernel === undefined || kernel === 'product' || !inputs.every((value) => this.#steps.has(value)))
      return undefined;
    const [data, ...others] = inputs;
    if (data === undefined) return undefined;
    if (kernel === 'arithmetic') return { kind: 'arithmetic', node, inputs, output };
    return others.length === 0 && node.inputs[0] === data ? { kind: 'direct', node, data, output } : undefined;
  }

  #maskOf(node: Node, output: Value): Step | undefined {
    const operator = operatorOf(node);
    if (operator?.homogeneous?.(node).length !== 2 || node.inputs.length !== 2) return undefined;
    for (const [data, mask] of [
      [node.input(0), node.input(1)],
      [node.input(1), node.input(0)],
    ] as const) {
      const keepsShape = data.shape?.join() === output.shape?.join();
      if (keepsShape && this.#steps.has(data) && isMask(mask, this.#kernels)) {
        return { kind: 'mask', node, data, mask, output };
      }
    }
    return undefined;
  }

  /** An If gives integers where both of its branches do. */
  #findBranch(node: Node): void {
    for (const [index, output] of node.outputs.entries()) {
      if (this.#steps.has(output) || output.elementType !== 'float32') continue;
      const inputs = node.subgraphs.map((nested) => defined(nested.outputs[index], 'an output of a branch'));
      if (inputs.every((value) => this.#steps.has(value))) {
        this.#add(output, { kind: 'branch', node, index, inputs, output });
      }
    }
  }

  /** Functions of one number of a value that there are integers of, where a table is faster than to compute them. */
  #findChains(value: Value): void {
    for (const graph of readingGraphs(value)) {
      for (const chain of chainsFrom(value, graph, this.#decisions)) {
        const isKnown = chain.nodes.some((node) => this.#inChains.has(node) || this.#steps.has(node.output));
        const [only, ...others] = chain.nodes;
        // A single operator may have a kernel of its own.
        const isOwn = only !== undefined && others.length === 0 && this.#kernels.kernel(only) !== undefined;
        if (isKnown || isOwn || chain.nodes.some((node) => isInLoop(node, this.#owners))) continue;
        for (const node of chain.nodes) this.#inChains.add(node);
        if (this.#isTableFaster(chain)) {
          for (const node of chain.nodes) this.#tables.add(node);
          this.#steps.set(chain.exit, { kind: 'lookup', chain, data: value, output: chain.exit });
        }
      }
    }
  }

  #isTableFaster({ start, nodes }: Chain): boolean {
    const { lookup, float } = this.#kernels.costs;
    const elements = elementsOf(start);
    const floats =
      (nodes.length + 2) * float.operator + elements * (nodes.length * float.element + 2 * float.conversion);
    return lookup.operators + elements * lookup.element < floats;
  }

  /** What products read, and what leads from integers to that. */
  #spreadWants(): void {
    const pending = this.#products.map(({ data }) => data);
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      if (this.#wanted.has(value)) continue;
      this.#wanted.add(value);
      const step = this.#steps.get(value);
      if (step !== undefined && step.kind !== 'product') pending.push(...readBy(step));
    }
  }

  #isWanted({ output }: Step): boolean {
    return output !== undefined && this.#wanted.has(output);
  }
}

/** A product of two matrices, which has no bias. */
function plainProduct(node: Node): { readonly weight: number; readonly bias: number } | undefined {
  return node.inputs.length === 2 && node.inputs[1]?.shape?.length === 2 && node.op === 'MatMul'
    ? { weight: 1, bias: 2 }
    : undefined;
}

/** The values of which a step reads integers. */
export function readBy(step: Step): readonly Value[] {
  return step.kind === 'arithmetic' || step.kind === 'branch' ? step.inputs : [step.data];
}

/** Which values share a scale, and what is to be known of them. */
function placesOf(steps: readonly Step[]): Pick<IntegerPlan, 'places' | 'sources'> {
  const leaders = new Map<Value, Value>();
  const leaderOf = (value: Value): Value => {
    let leader = value;
    for (let next = leaders.get(leader); next !== undefined; next = leaders.get(leader)) leader = next;
    return leader;
  };
  const values = new Set(
    steps.flatMap((step) => [...readBy(step), ...(step.output === undefined ? [] : [step.output])]),
  );
  const handed = new Set<Value>();
  for (const step of steps) {
    if (step.kind !== 'direct' && step.kind !== 'mask' && step.kind !== 'branch') continue;
    handed.add(step.output);
    for (const value of readBy(step)) {
      const [from, to] = [leaderOf(value), leaderOf(step.output)];
      if (from !== to) leaders.set(to, from);
    }
  }
  const places = new Map([...values].map((value) => [value, leaderOf(value)]));
  const sources = new Map<Value, Value[]>();
  for (const [value, leader] of places) {
    if (!handed.has(value)) sources.set(leader, [...(sources.get(leader) ?? []), value]);
  }
  return { places, sources };
}
