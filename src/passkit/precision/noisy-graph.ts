import { int } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import { cloneGraph, copyNode, readsOf } from '../../ir/clone.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import { isBranch } from '../../ops/control-flow.js';
import { inferTypes, operatorOf } from '../../ops/index.js';
import { at } from '../../support/assert.js';
import { decisionsOf, leadingTo } from '../decisions.js';
import { isGate } from '../gates.js';
import { isSumOfProducts, unitAxisOfWeights } from '../linear-units.js';
import { beforeOpaque } from './exact-nodes.js';
import { floatInputs, isFixedInput } from './half-plan.js';
import { fitsWeights, halfRounding, roundedToHalf } from './half-range.js';

/**
 * What rounding to float16 does to a model, found without float16 (stochastic arithmetic: J. Vignes, A stochastic arithmetic
 * for reliable scientific computation, 1993; D. S. Parker, Monte Carlo Arithmetic, 1997): next to every float32 value that
 * could be float16 stands the same value with each element changed by up to 2^-11 of itself, at random, and what follows is
 * computed with that. The spread of the results over some runs is what such rounding comes to, whatever of it cancels or is
 * amplified on the way. Gates, and whatever else decides, decide as the exact values say, so the spread is that of
 * samples in which no decision is turned over.
 */
export interface NoisyGraph {
  /** Draws anew in every run, from fixed seeds: the runs of a session are always the same. */
  readonly graph: Graph;
  /** For every output of the model the exact value and the changed one. */
  readonly outputs: readonly { readonly name: string; readonly noisy: string }[];
  /** The same for all that gates decide by. */
  readonly decisions: readonly NoisyDecision[];
}

/** Scores that are compared with a threshold, or logits of which the greatest along an axis (or the least) is searched. */
export type NoisyDecision = { readonly exact: string; readonly noisy: string } & Rule;

type Rule =
  | { readonly kind: 'threshold'; readonly threshold: number }
  | { readonly kind: 'jumps'; readonly at: 'whole' | 'halves' }
  | { readonly kind: 'search'; readonly axis: number; readonly least: boolean };

export function noisyGraph(source: Graph): NoisyGraph {
  const { graph } = cloneGraph(source);
  const decisions = decisionsOf(graph);
  const leading = leadingTo(graph, (node, index) => {
    return decisions.has(node) || isFixedInput(node, index) || (isGate(node) && index === 1);
  });
  const opaque = beforeOpaque(graph, decisions);
  const twins = new Twins(decisions, (node) => leading.has(node) || opaque.has(node));
  const nodes = graph.nodes;
  const compared: { readonly exact: Value; readonly noisy: Value; readonly rule: Rule }[] = [];
  for (const node of nodes) {
    const rule = ruleOf(node);
    const exact = node.inputs[isGate(node) ? 1 : 0];
    const noisy = exact && twins.of(exact);
    // What is not rounded before is decided alike.
    if (rule !== undefined && exact !== undefined && noisy !== undefined && noisy !== exact) {
      compared.push({ exact, noisy, rule });
    }
    twins.add(node);
  }
  const outputs = graph.outputs.map((value) => ({ name: value.name, noisy: twins.of(value).name }));
  const shown = [...graph.outputs, ...graph.outputs.map((value) => twins.of(value))];
  graph.setOutputs([...new Set([...shown, ...compared.flatMap(({ exact, noisy }) => [exact, noisy])])]);
  graph.removeUnused();
  graph.sort();
  inferTypes(graph);
  return {
    graph,
    outputs,
    decisions: compared.map(({ exact, noisy, rule }) => ({ exact: exact.name, noisy: noisy.name, ...rule })),
  };
}

/** How a node decides, as far as that is known. */
function ruleOf(node: Node): Rule | undefined {
  if (isGate(node)) return { kind: 'threshold', threshold: node.float('threshold', 0) };
  const operator = operatorOf(node);
  if (operator?.jumps !== undefined) {
    return operator.jumps === 'zero' ? { kind: 'threshold', threshold: 0 } : { kind: 'jumps', at: operator.jumps };
  }
  if (operator?.converts === true && isFloat(node.input(0)) && node.output.elementType?.includes('int') === true) {
    return { kind: 'jumps', at: 'whole' };
  }
  const search = operator?.searches?.(node);
  return search === undefined || node.input(0).elementType !== 'float32' ? undefined : { kind: 'search', ...search };
}

const isFloat = (value: Value): boolean => value.elementType === 'float32';

/** What stands for the values of a graph under rounding. */
class Twins {
  readonly #decisions: ReadonlySet<Node>;
  readonly #quiet: (node: Node) => boolean;
  readonly #twins = new Map<Value, Value>();
  /** Which node of the source a node is a copy of. */
  readonly #origins = new Map<Node, Node>();
  #seed = 0;

  /** `quiet`: what such a node gives is not rounded, nor are its weights. */
  constructor(decisions: ReadonlySet<Node>, quiet: (node: Node) => boolean) {
    this.#decisions = decisions;
    this.#quiet = quiet;
  }

  /** A value under rounding: itself, where nothing before it is rounded. */
  of(value: Value): Value {
    return this.#twins.get(value) ?? value;
  }

  /** Copies a node to compute with rounded values. What decides is not copied: it decides as the exact values say. */
  add(node: Node): void {
    if (!node.outputs.some(isFloat)) return;
    if (this.#decisions.has(this.#originOf(node))) this.#addDecision(node);
    else if (isBranch(node)) this.#addBranches(node);
    else if (node.subgraphs.length > 0) this.#addLoop(node);
    else this.#addPlain(node);
  }

  /** What is decided is a number that may be rounded in turn. */
  #addDecision(node: Node): void {
    if (!this.#quiet(this.#originOf(node))) this.#pair(node, node, (value) => this.#rounded(value));
  }

  #addPlain(node: Node): void {
    const operator = operatorOf(node);
    const isQuiet = this.#quiet(this.#originOf(node));
    const reads = new Map<Value, Value>();
    for (const index of floatInputs(node)) {
      if (isGate(node) && index === 1) continue;
      const value = node.input(index);
      reads.set(value, isQuiet ? this.of(value) : this.#read(value, node, index));
    }
    if ([...reads].every(([value, read]) => value === read) && isQuiet) return;
    const copy = copyNode(node, node.graph, reads);
    const isExact = isQuiet || operator?.moves === true || operator?.reshapes === true || operator?.converts === true;
    for (const [index, output] of node.outputs.entries()) {
      if (!isFloat(output)) continue;
      const twin = at(copy.outputs, index);
      this.#twins.set(output, isExact ? twin : this.#rounded(twin));
    }
  }

  /** A copy of an If, in whose branches every value has its twin and conditions are those of the exact values. */
  #addBranches(node: Node): void {
    const copies = new Map<Value, Value>();
    const copy = copyNode(node, node.graph, copies);
    for (const inner of node.subgraphs.flatMap((branch) => [...branch.allNodes()])) {
      const made = inner.outputs[0] && copies.get(inner.outputs[0])?.producer;
      if (made !== undefined) this.#origins.set(made, this.#originOf(inner));
    }
    for (const branch of copy.subgraphs) {
      for (const inner of branch.nodes) this.add(inner);
      branch.setOutputs(branch.outputs.map((value) => this.of(value)));
    }
    this.#pair(node, copy, (value) => value);
  }

  /** A loop computes with float32, from what is rounded before it; where it would decide by that, nothing is. */
  #addLoop(node: Node): void {
    const reads = new Map<Value, Value>();
    for (const value of readsOf(node)) if (this.#twins.has(value)) reads.set(value, this.of(value));
    const copy = reads.size === 0 ? node : copyNode(node, node.graph, reads);
    this.#pair(node, copy, (value) => this.#rounded(value));
  }

  #pair(node: Node, copy: Node, twinOf: (value: Value) => Value): void {
    for (const [index, output] of node.outputs.entries()) {
      if (isFloat(output)) this.#twins.set(output, twinOf(at(copy.outputs, index)));
    }
  }

  #originOf(node: Node): Node {
    return this.#origins.get(node) ?? node;
  }

  /** Constants and inputs are rounded once for all who read them; those who lead to decisions read them as they are. */
  readonly #sources = new Map<Value, Value>();
  readonly #constants = new Map<Value, Value>();

  #read(value: Value, node: Node, index: number): Value {
    const { constant, producer } = value;
    if (constant !== undefined) return this.#constant(value, constant, node, index);
    if (this.#twins.has(value) || producer !== undefined) return this.of(value);
    return this.#once(value);
  }

  /**
   * Weights change at random, as they are scaled and folded before they are rounded. Other constants (exponents, limits)
   * become the numbers that they are in float16; those that do not fit are read as they are.
   */
  #constant(value: Value, tensor: Tensor, node: Node, index: number): Value {
    if (isSumOfProducts(node)) return this.#once(value);
    if (fitsWeights(tensor, unitAxisOfWeights(node, index)) !== undefined) return value;
    const known = this.#constants.get(value);
    if (known !== undefined) return known;
    const rounded = roundedToHalf(tensor);
    const isExact = tensor.floats().every((number, place) => Object.is(number, rounded.floats()[place]));
    const made = isExact ? value : value.graph.addConstant(value.name, rounded);
    this.#constants.set(value, made);
    return made;
  }

  #once(value: Value): Value {
    const known = this.#sources.get(value) ?? this.#rounded(value);
    this.#sources.set(value, known);
    return known;
  }

  /** x + x · 2^-11 · ξ, with ξ between −1 and 1 for each element. */
  #rounded(value: Value): Value {
    const builder = new Builder(value.graph);
    const noise = builder.op('RandomUniformLike', [value], {
      low: { kind: 'float', value: -halfRounding },
      high: { kind: 'float', value: halfRounding },
      seed: { kind: 'float', value: ++this.#seed },
      dtype: int(1),
    });
    if (value.type !== undefined) value.graph.setType(noise, value.type);
    const result = builder.op('Add', [value, builder.op('Mul', [value, noise])]);
    if (value.type !== undefined) value.graph.setType(result, value.type);
    return result;
  }
}
