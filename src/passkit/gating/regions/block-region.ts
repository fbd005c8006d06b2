import { extractSubgraph } from '../../../ir/clone.js';
import type { Graph, Node, Value } from '../../../ir/graph.js';
import { takeAlongAxis } from '../../../ir/slices.js';
import { Tensor } from '../../../ir/tensor.js';
import { isStatic, sameShape, sizeOf } from '../../../ir/types.js';
import { operatorOf } from '../../../ops/index.js';
import { at, defined } from '../../../support/assert.js';
import { type Gate, isGate } from '../../gates.js';
import type { PassContext } from '../../pass.js';
import { mixesSamples } from '../../removal/restricted-copy.js';
import { dependsOn, holdersIn } from './reach.js';
import type { Region } from './region.js';

/**
 * What stands for an output of a block's region where no sample fires: `constant`, of which every sample has the same, and
 * `skip` added to it, if there is one.
 */
export interface OffOutput {
  readonly constant: Tensor;
  readonly skip: Value | undefined;
}

/** Constants for what a node gives where no sample fires are no larger than this. */
const mostBytes = 4096;

/**
 * The region of a gate of one unit for a whole block: all that only its features are made of, and behind it what is known
 * once no sample fires, each sample's zeros being the same. It ends behind the sum that adds the block to what goes past
 * it, as residual networks do, since that hands on the other summand then. Or why there is none.
 */
export async function findBlock(
  graph: Graph,
  gate: Gate,
  { evaluate }: Pick<PassContext, 'evaluate'>,
): Promise<Region | string> {
  const { output } = gate.node;
  if (output.elementType !== 'float32') return 'its features are not of float32';
  if (!areSamples(output, gate)) return 'its score or features are not one of known size for each sample';
  const before = madeForGate(graph, gate);
  const constants = await knownWhereOff(graph, gate, evaluate);
  const behind = new Set([...constants.keys()].flatMap(({ producer }) => producer ?? []));
  const inside = new Set([...before, gate.node, ...behind]);
  if (inside.size === 1) return 'nothing is computed for it alone';
  const outputs = new Map<Value, OffOutput>();
  const computed = new Set([...inside].flatMap((node) => node.outputs));
  for (const [value, constant] of constants) {
    const outer = value.uses.filter(({ node }) => !inside.has(node));
    if (outer.length === 0 && !value.isGraphOutput) continue;
    const sum = outer.length === 1 && !value.isGraphOutput ? sumBehind(value, computed) : undefined;
    if (sum === undefined) {
      outputs.set(value, { constant, skip: undefined });
      continue;
    }
    inside.add(sum.node);
    computed.add(sum.node.output);
    outputs.set(sum.node.output, { constant, skip: sum.skip });
  }
  return {
    name: gate.name,
    graph,
    gates: [{ gate, axes: [] }],
    nodes: graph.nodes.filter((node) => inside.has(node)),
    outputs: [...outputs.keys()],
    entries: [],
    exits: [],
    off: [...outputs.values()],
  };
}

/** True if a value has one entry for each sample that the gate decides on, and is of known size otherwise. */
function areSamples({ shape = [] }: Value, gate: Gate): boolean {
  return shape.length > 0 && shape[0] === gate.score.shape?.[0] && isStatic(shape.slice(1));
}

/** The nodes that nothing but the features of a gate is made of. */
function madeForGate(graph: Graph, { node: gate }: Gate): Set<Node> {
  const holders = holdersIn(graph);
  const found = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    const uses = node.outputs.flatMap((value) => value.uses);
    const isOwn = uses.every((use) =>
      use.node === gate ? use.index === 0 : found.has(holders.get(use.node) ?? use.node),
    );
    if (uses.length > 0 && isOwn && !node.outputs.some((value) => value.isGraphOutput)) found.add(node);
  }
  return found;
}

/**
 * The gate's output and the values behind it that depend on nothing else at run time, with what each sample of them is
 * where none fires. Gates are left to their own plans.
 */
async function knownWhereOff(
  graph: Graph,
  gate: Gate,
  evaluate: PassContext['evaluate'],
): Promise<ReadonlyMap<Value, Tensor>> {
  const { output } = gate.node;
  const candidates = candidatesBehind(graph, gate);
  const shape = output.shape ?? [];
  const known = new Map<Value, Tensor>([[output, zeros(shape.map(() => 1))]]);
  if (candidates.length === 0) return known;
  const results = candidates.flatMap(({ outputs }) => outputs);
  const { graph: part, values } = extractSubgraph(graph, [output], results);
  const samples = zeros(shape.map((dim) => (typeof dim === 'number' ? dim : 1)));
  const input = defined(values.get(output), 'the input of what is behind a gate').name;
  const tensors = await evaluate(part, { [input]: samples });
  for (const node of candidates) {
    const reads = node.inputs.filter((value) => value !== undefined && value.constant === undefined);
    if (!reads.every((value) => value !== undefined && known.has(value))) continue;
    const constants = node.outputs.map((value) =>
      condensed(defined(tensors[values.get(value)?.name ?? ''], value.name)),
    );
    if (constants.some((constant) => constant.bytes > mostBytes || constant.dims[0] !== 1)) continue;
    for (const [index, value] of node.outputs.entries()) known.set(value, at(constants, index));
  }
  return known;
}

/** Nodes that read nothing but constants and what such nodes, or the gate, give, sample by sample; in execution order. */
function candidatesBehind(graph: Graph, gate: Gate): Node[] {
  const behind = new Set([gate.node.output]);
  return graph.nodes.filter((node) => {
    const reads = node.inputs.filter((value) => value !== undefined && value.constant === undefined);
    const isBehind = reads.length > 0 && reads.every((value) => value !== undefined && behind.has(value));
    const isPlain = !isGate(node) && node.subgraphs.length === 0 && operatorOf(node)?.nondeterministic !== true;
    if (!isBehind || !isPlain || mixesSamples(node)) return false;
    if (!node.outputs.every((value) => areSamples(value, gate))) return false;
    for (const value of node.outputs) behind.add(value);
    return true;
  });
}

/** The only reader of a value, if it adds to it one thing that is there before and of the size of the sum. */
function sumBehind(value: Value, computed: ReadonlySet<Value>): { node: Node; skip: Value } | undefined {
  const [use] = value.uses.filter(({ node }) => node.graph === value.graph);
  const addends = use === undefined ? undefined : operatorOf(use.node)?.addends?.(use.node);
  if (use === undefined || use.node.inputs.length !== 2 || addends?.length !== 2) return undefined;
  const { node } = use;
  const skip = node.inputs[1 - use.index];
  if (skip === undefined || skip === value || skip.constant !== undefined || dependsOn(skip, computed))
    return undefined;
  const [whole, other] = [node.output.shape, skip.shape];
  const isWhole = whole !== undefined && other !== undefined && sameShape(whole, other);
  return isWhole ? { node, skip } : undefined;
}

function zeros(dims: readonly number[]): Tensor {
  return new Tensor('float32', dims, new Float32Array(sizeOf(dims)));
}

/** A tensor with one slot of every axis along which all are equal, so that it broadcasts to what it was. */
function condensed(tensor: Tensor): Tensor {
  let result = tensor;
  for (const [axis, size] of tensor.dims.entries()) {
    if (size < 2) continue;
    const first = takeAlongAxis(result, axis, [0]);
    const repeated = takeAlongAxis(
      first,
      axis,
      Array.from({ length: size }, () => 0),
    );
    if (equalData(repeated, result)) result = first;
  }
  return result;
}

function equalData(left: Tensor, right: Tensor): boolean {
  const other = right.data;
  return left.data.every((element: number | bigint, index: number) => Object.is(element, other[index]));
}
