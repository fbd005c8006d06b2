import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Tensor } from '../ir/tensor.js';
import { elementTypes, sizeOf } from '../ir/types.js';
import { invalid } from '../support/errors.js';
import { domainOf } from './decode.js';
import { externalDataIn, noExternalData } from './external.js';
import { originOf } from './names.js';
import { type onnx, proto } from './proto.js';
import { scanModel } from './scan.js';
import { type ExternalReader, elementTypeOf, integer, readTensor, TensorError } from './tensors.js';

/**
 * What an ONNX file says, without a graph being built of it: so of models with operators, opsets and types that swanc does not
 * know, too.
 */
export interface Outline {
  /** Versions of operator sets by domain; that of ONNX itself is `ai.onnx`. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly inputs: readonly OutlinedValue[];
  readonly outputs: readonly OutlinedValue[];
  /** Those of nested graphs behind the node that holds them; constants are weights. */
  readonly nodes: readonly OutlinedNode[];
  readonly weights: readonly OutlinedWeight[];
  /** What the outputs are: see {@link OutlinedNode.reads}. */
  readonly results: readonly string[];
}

export interface OutlinedValue {
  readonly name: string;
  /** Such as `float32[batch, 10]`. */
  readonly type: string;
}

export interface OutlinedNode {
  /** The layer that it came from, by its name. */
  readonly layer: string;
  /** With the domain, where that is not ONNX's own. */
  readonly op: string;
  /** Digest of the attributes, nested graphs apart. */
  readonly settings: string;
  /**
   * Where each input comes from, whatever values are called: `input <name>`, `weight <name>`, or number of a node and of its
   * output.
   */
  readonly reads: readonly string[];
  /** Where what its nested graphs give comes from, one after the other. */
  readonly nested: readonly string[];
}

export interface OutlinedWeight {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly bytes: number;
  /** Undefined for types that swanc does not know. @throws SwancError `invalid` for data that are not there. */
  read(): Tensor | undefined;
  /** Of what the file says of it, but its name: the same for equal weights of types that swanc does not know. */
  digest(): string;
}

/**
 * Reads the outline of a model from its bytes; `path` is where external data lie beside, and what errors name.
 * @throws SwancError `invalid` for what is no ONNX file.
 */
export function readOutline(bytes: Uint8Array, path: string, hasFolder = true): Outline {
  scanModel(bytes, path);
  let model: onnx.ModelProto;
  try {
    model = proto.ModelProto.decode(bytes);
  } catch (error) {
    throw invalid('SWC3006', path, `this is no ONNX model that can be read: ${messageOf(error)}`);
  }
  if (!model.graph) throw invalid('SWC3006', path, 'it holds no graph');
  const outliner = new Outliner(path, hasFolder ? externalDataIn(dirname(path)) : noExternalData);
  const scope = new Map<string, string>();
  outliner.graph(model.graph, scope, true);
  const weights = new Set(outliner.weights.map(({ name }) => name));
  return {
    opsets: new Map(
      (model.opsetImport ?? []).map(({ domain, version }) => [domainOf(domain) || 'ai.onnx', Number(version ?? 0)]),
    ),
    metadata: new Map((model.metadataProps ?? []).map(({ key, value }) => [key ?? '', value ?? ''])),
    inputs: (model.graph.input ?? []).filter(({ name }) => !weights.has(name ?? '')).map(outlinedValue),
    outputs: (model.graph.output ?? []).map(outlinedValue),
    nodes: outliner.nodes,
    weights: outliner.weights,
    results: (model.graph.output ?? []).map(({ name }) => scope.get(name ?? '') ?? 'nothing'),
  };
}

class Outliner {
  readonly nodes: OutlinedNode[] = [];
  readonly weights: OutlinedWeight[] = [];
  readonly #path: string;
  readonly #readExternal: ExternalReader;

  constructor(path: string, readExternal: ExternalReader) {
    this.#path = path;
    this.#readExternal = readExternal;
  }

  /** `scope`: where values come from, those of graphs around this one included. */
  graph(graph: onnx.IGraphProto, scope: Map<string, string>, isOutermost: boolean): void {
    for (const { name } of graph.input ?? [])
      scope.set(name ?? '', isOutermost ? `input ${name}` : `argument ${scope.size}`);
    for (const tensor of graph.initializer ?? []) this.#weight(tensor.name ?? '', tensor, scope);
    for (const node of graph.node ?? []) this.#node(node, scope);
  }

  #node(node: onnx.INodeProto, scope: Map<string, string>): void {
    const domain = domainOf(node.domain);
    const op = node.opType ?? '';
    const value = node.attribute?.find(({ name }) => name === 'value')?.t;
    const [first = ''] = node.output ?? [];
    if (op === 'Constant' && domain === '' && value) {
      this.#weight(first, value, scope);
      return;
    }
    const index = this.nodes.length;
    const nested: string[] = [];
    this.nodes.push({
      layer: originOf(node.name ?? '', op) ?? (first || op),
      op: domain === '' ? op : `${domain}.${op}`,
      settings: settingsOf(node.attribute ?? []),
      reads: (node.input ?? []).map((name) => (name === '' ? '' : (scope.get(name) ?? 'nothing'))),
      nested,
    });
    for (const { g } of node.attribute ?? []) {
      if (!g) continue;
      const inner = new Map(scope);
      this.graph(g, inner, false);
      nested.push(...(g.output ?? []).map(({ name }) => inner.get(name ?? '') ?? 'nothing'));
    }
    for (const [place, name] of (node.output ?? []).entries()) scope.set(name, `${index}.${place}`);
  }

  #weight(name: string, tensor: onnx.ITensorProto, scope: Map<string, string>): void {
    scope.set(name, `weight ${name}`);
    const type = elementTypeOf(tensor.dataType);
    const dims = (tensor.dims ?? []).map(integer);
    this.weights.push({
      name,
      type: type ?? `type ${tensor.dataType ?? 0}`,
      dims,
      bytes: type === undefined ? (tensor.rawData?.length ?? 0) : sizeOf(dims) * elementTypes[type].bytes,
      read: () => {
        if (type === undefined) return undefined;
        try {
          return readTensor(tensor, this.#readExternal);
        } catch (error) {
          if (!(error instanceof TensorError)) throw error;
          throw invalid('SWC3006', this.#path, `weights '${name}': ${error.message}`);
        }
      },
      digest: () => {
        const unnamed = proto.TensorProto.encode({ ...tensor, name: '' }).finish();
        return createHash('sha256').update(unnamed).digest('hex');
      },
    });
  }
}

/** Attributes in the order of their names, so that the order in a file makes no difference. */
function settingsOf(attributes: readonly onnx.IAttributeProto[]): string {
  const own = attributes.filter(({ g }) => !g);
  if (own.length === 0) return '';
  const hash = createHash('sha256');
  for (const attribute of own.toSorted((left, right) => ((left.name ?? '') < (right.name ?? '') ? -1 : 1))) {
    hash.update(proto.AttributeProto.encode(attribute).finish());
  }
  return hash.digest('hex');
}

function outlinedValue({ name, type }: onnx.IValueInfoProto): OutlinedValue {
  const tensor = type?.tensorType;
  if (!tensor) return { name: name ?? '', type: 'no tensor' };
  const element = elementTypeOf(tensor.elemType) ?? `type ${tensor.elemType ?? 0}`;
  const dims = tensor.shape?.dim?.map(
    ({ dimParam, dimValue }) => dimParam || (dimValue == null ? '?' : String(integer(dimValue))),
  );
  return { name: name ?? '', type: `${element}[${dims === undefined ? '…' : dims.join(', ')}]` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
