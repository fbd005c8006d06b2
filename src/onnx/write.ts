import { cloneGraph } from '../ir/clone.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { firstOpsetOf, operatorOf } from '../ops/index.js';
import { internalOpset, oldestWrittenOpset, swanDomain } from '../ops/operator.js';
import { problem, SwancError } from '../support/errors.js';
import { type ExternalPlace, encodeGraph } from './encode.js';
import { FunctionTable } from './functions.js';
import { nodeName } from './names.js';
import { fieldNumbers, proto } from './proto.js';
import { chunks, field, flatten, maxMessageBytes, type Rope, rope } from './rope.js';

export interface WriteOptions {
  /** Version of the ONNX operator set, {@link oldestWrittenOpset} to {@link internalOpset}, which is the default. */
  readonly opset?: number;
  /** Version of the file format; the default is the oldest that has what the model needs. */
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly docString?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Leaves out what engines do without: types of values between nodes, which they infer, and names of nodes of no layer. */
  readonly lean?: boolean;
}

/** Version of the swan domain's operators. */
const swanVersion = 1;

/**
 * The model as an ONNX file of any size, in chunks to be hashed or sent one after the other. Constants are not copied, so
 * that memory in use stays at what the graph itself holds. The same graph and options always give the same bytes.
 * `graph` is not changed. Its outputs have types.
 * @throws SwancError 'usage' for an opset out of range, 'unsupported' for operators that the opset does not have.
 */
export function encodeModel(graph: Graph, options: WriteOptions = {}): Iterable<Uint8Array> {
  return chunks(encode(graph, options, () => undefined));
}

/**
 * The model as the bytes of an ONNX file, constants copied, to be loaded from memory.
 * @throws SwancError as {@link encodeModel}, and 'unsupported' for a model beyond the 2 GB that a protobuf file can have.
 */
export function modelBytes(graph: Graph, options: WriteOptions = {}): Uint8Array {
  const model = encode(graph, options, () => undefined);
  requireFits(graph, model.length, maxMessageBytes, 'leave out verification: it is loaded from memory');
  return flatten(model);
}

/** ModelProto, with the data of constants that have an external place left out. */
export function encode(
  graph: Graph,
  options: WriteOptions,
  externalPlace: (name: string) => ExternalPlace | undefined,
): Rope {
  const opset = checkOpset(options.opset ?? internalOpset);
  const written = graphAtOpset(graph, opset);
  requireTypes(written);
  const functions = new FunctionTable(written, opset);
  const numbers = new Map([...written.allNodes()].map((node, index) => [node, index]));
  const body = encodeGraph(written, {
    operatorName: (node) => (node.domain === swanDomain ? functions.nameOf(node) : node.op),
    nodeName: (node) =>
      options.lean === true && node.origin === undefined ? '' : nodeName(node.origin, node.op, numbers.get(node) ?? 0),
    hasValueInfo: options.lean !== true,
    externalPlace: (value: Value) => externalPlace(value.name),
  });
  const domains = new Set([...written.allNodes()].map((node) => node.domain).filter((domain) => domain !== ''));
  const opsetImport = [
    { domain: '', version: opset },
    ...[...domains].sort().map((domain) => ({ domain, version: swanVersion })),
  ];
  const header = proto.ModelProto.encode({
    irVersion: options.irVersion ?? irVersionFor(opset, !functions.isEmpty),
    producerName: options.producerName ?? 'swanc',
    ...(options.producerVersion === undefined ? {} : { producerVersion: options.producerVersion }),
    ...(options.docString === undefined ? {} : { docString: options.docString }),
    opsetImport,
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  }).finish();
  return rope([
    header,
    field(fieldNumbers.model.graph, body),
    ...functions.encoded.map((encoded) => field(fieldNumbers.model.functions, encoded)),
  ]);
}

/** Refuses a file larger than `most`. */
export function requireFits(graph: Graph, bytes: number, most: number, advice: string): void {
  if (bytes <= most) return;
  throw new SwancError('SWC3020', 'the model does not fit into one ONNX file', [
    problem(graph.name, `${bytes} bytes, at most ${most} are possible`, advice),
  ]);
}

/** The first file format version with an operator set, and model-local functions if they are wanted. */
function irVersionFor(opset: number, functions: boolean): number {
  const firstWith = [
    [13, 7],
    [15, 8],
    [19, 9],
    [21, 10],
  ] as const;
  const version = firstWith.findLast(([first]) => opset >= first)?.[1] ?? 7;
  return functions ? Math.max(version, 8) : version;
}

function checkOpset(opset: number): number {
  if (Number.isInteger(opset) && opset >= oldestWrittenOpset && opset <= internalOpset) return opset;
  throw new SwancError('SWC2002', 'this ONNX operator set cannot be written', [
    problem(`opset ${opset}`, `models are written at opsets ${oldestWrittenOpset} to ${internalOpset}`),
  ]);
}

/** The graph with every operator in its form at `opset`: itself, or a changed copy. */
function graphAtOpset(graph: Graph, opset: number): Graph {
  return opset === internalOpset ? graph : atOpset(cloneGraph(graph).graph, opset);
}

/**
 * Brings every operator of a graph into its form at `opset`, and returns the graph. What is new has no type but where it
 * takes the place of something else.
 * @throws SwancError 'unsupported' for operators that the opset does not have.
 */
export function atOpset(copy: Graph, opset: number): Graph {
  for (const node of [...copy.allNodes()]) operatorOf(node)?.downgrade?.(node, node.graph, opset);
  const missing = [...copy.allNodes()].filter((node) => firstOpsetOf(node) > opset);
  if (missing.length === 0) return copy;
  throw new SwancError('SWC3013', `opset ${opset} lacks operators of this model`, missing.map(missingOperator));
}

function missingOperator(node: Node) {
  const since = firstOpsetOf(node);
  return problem(node.label, `${node.op} came with opset ${since}`, `Write at opset ${since} or later.`);
}

function requireTypes(graph: Graph): void {
  const untyped = graph.outputs.find((output) => output.type === undefined);
  if (untyped === undefined) return;
  throw new Error(`internal error: output '${untyped.name}' has no type; infer types before writing`);
}
