import { topologicalOrder } from '../../ir/topological-order.js';
import {
  DamagedBufferError,
  FlatBufferError,
  readFlatBuffer,
  type Table,
  tableOf,
  tablesOf,
  textOf,
  textsOf,
  withFields,
  writeFlatBuffer,
} from './flatbuffer.js';
import { inferenceSession, ortIdentifier } from './schema.js';

/**
 * The same model in ORT format, in an order of its own: ONNX Runtime writes tables as its hash tables have them, which is
 * another order each time. Weights of a kilobyte and more go to the end of the file, in the order in which nodes read them
 * and each at a multiple of 64 bytes, so that a file that is mapped into memory is read from front to back, and engines may
 * use the weights where they are.
 * @throws FlatBufferError for a file in a version of the format that is not known.
 */
export function canonicalOrtFile(bytes: Uint8Array): Uint8Array {
  const root = readFlatBuffer(bytes, ortIdentifier, inferenceSession);
  const model = tableOf(root, 'model');
  const resolver = tableOf(root, 'kernel_type_str_resolver');
  return writeFlatBuffer(
    ortIdentifier,
    withFields(root, {
      ...(model === undefined ? {} : { model: orderedModel(model) }),
      ...(resolver === undefined ? {} : { kernel_type_str_resolver: orderedResolver(resolver) }),
    }),
  );
}

/**
 * What is wrong with the places in a file in ORT format, which ONNX Runtime does not look at before it follows them; undefined
 * where nothing is, also for a version of the format that is not known.
 */
export function ortFileDamage(bytes: Uint8Array): string | undefined {
  try {
    readFlatBuffer(bytes, ortIdentifier, inferenceSession);
  } catch (error) {
    if (error instanceof DamagedBufferError) return error.message;
    if (!(error instanceof FlatBufferError)) throw error;
  }
  return undefined;
}

function orderedModel(model: Table): Table {
  const graph = tableOf(model, 'graph');
  return withFields(model, {
    opset_import: sortedBy(tablesOf(model, 'opset_import'), 'domain'),
    metadata_props: sortedBy(tablesOf(model, 'metadata_props'), 'key'),
    ...(graph === undefined ? {} : { graph: orderedGraph(graph) }),
  });
}

function orderedGraph(graph: Table): Table {
  const places = new Map<string, number>();
  for (const name of readsOf(graph)) if (!places.has(name)) places.set(name, places.size);
  const placeOf = (weight: Table): number => places.get(textOf(weight, 'name')) ?? places.size;
  const weights = sortedBy(tablesOf(graph, 'initializers'), 'name');
  return withFields(graph, {
    initializers: weights.toSorted((left, right) => placeOf(left) - placeOf(right)),
    node_args: sortedBy(tablesOf(graph, 'node_args'), 'name'),
    nodes: tablesOf(graph, 'nodes').map(orderedNode),
  });
}

function orderedNode(node: Table): Table {
  const attributes = tablesOf(node, 'attributes').map((attribute) => {
    const nested = tableOf(attribute, 'g');
    return nested === undefined ? attribute : withFields(attribute, { g: orderedGraph(nested) });
  });
  return withFields(node, { attributes: sortedBy(attributes, 'name') });
}

/** Names of values in the order in which the graph's nodes, and those nested in them, read them. */
function readsOf(graph: Table): string[] {
  const nodes = tablesOf(graph, 'nodes');
  const producers = new Map(nodes.flatMap((node) => textsOf(node, 'outputs').map((name) => [name, node])));
  const needs = (node: Table): Table[] =>
    [...textsOf(node, 'inputs'), ...textsOf(node, 'implicit_inputs')].flatMap((name) => producers.get(name) ?? []);
  // Fused nodes stand behind those that read them.
  return topologicalOrder(nodes, needs).flatMap((node) => {
    const nested = tablesOf(node, 'attributes').flatMap((attribute) => tableOf(attribute, 'g') ?? []);
    return [...textsOf(node, 'inputs'), ...nested.flatMap(readsOf)];
  });
}

function orderedResolver(resolver: Table): Table {
  const operators = tablesOf(resolver, 'op_kernel_type_str_args').map((operator) =>
    withFields(operator, {
      kernel_type_str_args: sortedBy(tablesOf(operator, 'kernel_type_str_args'), 'kernel_type_str'),
    }),
  );
  return withFields(resolver, { op_kernel_type_str_args: sortedBy(operators, 'op_id') });
}

/** By code units, which are the same on every machine. */
function sortedBy(tables: readonly Table[], field: string): Table[] {
  return tables.toSorted((left, right) => {
    const [a, b] = [textOf(left, field), textOf(right, field)];
    return a < b ? -1 : Number(a > b);
  });
}
