import { int } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import { cloneGraph, copyNode } from '../../ir/clone.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { inferTypes, operatorOf } from '../../ops/index.js';
import { defined } from '../../support/assert.js';
import { isGate } from '../gates.js';
import { decisionsOf, leadingTo } from './decisions.js';
import { halfRounding } from './half-range.js';

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
  | { readonly kind: 'search'; readonly axis: number; readonly least: boolean };

export function noisyGraph(source: Graph): NoisyGraph {
  const { graph } = cloneGraph(source);
  const twins = new Twins(graph);
  const decisions = decisionsOf(graph);
  const quiet = leadingTo(graph, (node, index) => decisions.has(node) || (isGate(node) && index === 1));
  const nodes = graph.nodes;
  const compared: { readonly exact: Value; readonly noisy: Value; readonly rule: Rule }[] = [];
  for (const node of nodes) {
    const rule = ruleOf(node);
    const exact = node.inputs[rule?.kind === 'threshold' ? 1 : 0];
    const noisy = exact && twins.of(exact);
    // What is not rounded before is decided alike.
    if (rule !== undefined && exact !== undefined && noisy !== undefined && noisy !== exact) {
      compared.push({ exact, noisy, rule });
    }
    if (!decisions.has(node)) twins.add(node, quiet.has(node));
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
  const search = operatorOf(node)?.searches?.(node);
  return search === undefined || node.input(0).elementType !== 'float32' ? undefined : { kind: 'search', ...search };
}

const isFloat = (value: Value): boolean => value.elementType === 'float32';

/** The values that stand for others under rounding. */
class Twins {
  readonly #graph: Graph;
  readonly #twins = new Map<Value, Value>();
  #seed = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** A value under rounding: itself, where nothing before it is rounded. */
  of(value: Value): Value {
    return this.#twins.get(value) ?? value;
  }

  /** Copies a node to compute with rounded values; `isQuiet`: what it gives is not rounded itself, nor are its weights. */
  add(node: Node, isQuiet: boolean): void {
    const operator = operatorOf(node);
    // What is inside of an If or a loop is rounded as a whole.
    if (node.subgraphs.length > 0) {
      for (const output of node.outputs.filter(isFloat)) this.#twins.set(output, this.#rounded(output));
      return;
    }
    if (!node.outputs.some(isFloat)) return;
    const reads = new Map<Value, Value>();
    for (const [index, value] of node.inputs.entries()) {
      if (value === undefined || !isFloat(value) || (isGate(node) && index === 1)) continue;
      const isOpen = value.constant === undefined;
      const isRounded = !isQuiet && !this.#twins.has(value) && (!isOpen || value.producer === undefined);
      reads.set(value, isRounded ? this.#once(value) : this.of(value));
    }
    if ([...reads].every(([value, read]) => value === read) && isQuiet) return;
    const copy = copyNode(node, this.#graph, reads);
    const isExact = isQuiet || operator?.moves === true || operator?.reshapes === true || operator?.converts === true;
    for (const [index, output] of node.outputs.entries()) {
      if (!isFloat(output)) continue;
      const twin = defined(copy.outputs[index], 'an output of a copy');
      this.#twins.set(output, isExact ? twin : this.#rounded(twin));
    }
  }

  /** Constants and inputs are rounded once for all who read them; those who lead to decisions read them as they are. */
  readonly #sources = new Map<Value, Value>();
  #once(value: Value): Value {
    const known = this.#sources.get(value) ?? this.#rounded(value);
    this.#sources.set(value, known);
    return known;
  }

  /** x + x · 2^-11 · ξ, with ξ between −1 and 1 for each element. */
  #rounded(value: Value): Value {
    const builder = new Builder(this.#graph);
    const noise = builder.op('RandomUniformLike', [value], {
      low: { kind: 'float', value: -halfRounding },
      high: { kind: 'float', value: halfRounding },
      seed: { kind: 'float', value: ++this.#seed },
      dtype: int(1),
    });
    if (value.type !== undefined) this.#graph.setType(noise, value.type);
    const result = builder.op('Add', [value, builder.op('Mul', [value, noise])]);
    if (value.type !== undefined) this.#graph.setType(result, value.type);
    return result;
  }
}
