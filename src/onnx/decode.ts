import type {
  AttributeSource,
  ConstantSource,
  GraphSource,
  NodeSource,
  TypeSource,
  ValueSource,
} from '../ir/assemble.js';
import { Tensor } from '../ir/tensor.js';
import type { Dim } from '../ir/types.js';
import { swanDomain } from '../ops/operator.js';
import { type ErrorKind, type Problem, problem } from '../support/errors.js';
import { operatorOfFunction, originOf } from './names.js';
import { attributeTypes, type onnx } from './proto.js';
import { bigInteger, type ExternalReader, elementTypeOf, integer, readTensor, TensorError } from './tensors.js';

/** Turns decoded protobuf messages into {@link GraphSource}, noting every problem and going on as well as it can. */
export class Decoder {
  readonly problems: Record<Extract<ErrorKind, 'invalid' | 'unsupported'>, Problem[]> = {
    invalid: [],
    unsupported: [],
  };
  readonly #readExternal: ExternalReader;
  /** `domain:name` of the model's functions, ours apart. */
  readonly #functions: ReadonlySet<string>;

  constructor(model: onnx.IModelProto, readExternal: ExternalReader) {
    this.#readExternal = readExternal;
    this.#functions = new Set(
      (model.functions ?? [])
        .filter((definition) => definition.domain !== swanDomain)
        .map((definition) => `${domainOf(definition.domain)}:${definition.name ?? ''}`),
    );
  }

  graph(message: onnx.IGraphProto, where: string): GraphSource {
    for (const sparse of message.sparseInitializer ?? []) {
      this.#unsupported(sparse.values?.name || where, 'a sparse tensor');
    }
    const constants = (message.initializer ?? []).flatMap((tensor) => this.#constant(tensor.name ?? '', tensor));
    const nodes: NodeSource[] = [];
    for (const [index, node] of (message.node ?? []).entries()) {
      if (isConstant(node)) constants.push(...this.#constantNode(node));
      else nodes.push(this.#node(node, index));
    }
    const constantNames = new Set(constants.map((constant) => constant.name));
    // Up to format version 3 every initializer is an input as well; later it is a default. Either way it is constant.
    const inputs = (message.input ?? []).filter((value) => !constantNames.has(value.name ?? ''));
    return {
      name: message.name || 'graph',
      inputs: inputs.map((value) => this.#value(value, true)),
      outputs: (message.output ?? []).map((value) => this.#value(value, false)),
      valueInfos: (message.valueInfo ?? []).map((value) => this.#value(value, false)),
      constants,
      nodes,
      where,
    };
  }

  #value(message: onnx.IValueInfoProto, isInput: boolean): ValueSource {
    const name = message.name ?? '';
    const where = `value '${name}'`;
    return { name, where, type: this.#type(message.type, where, isInput) };
  }

  #type(message: onnx.ITypeProto | null | undefined, where: string, required: boolean): TypeSource | undefined {
    const tensor = message?.tensorType;
    if (!tensor) {
      const other =
        message &&
        ['sequenceType', 'mapType', 'optionalType', 'sparseTensorType'].some((key) => Object.hasOwn(message, key));
      if (other) this.#unsupported(where, 'a sequence, map, optional or sparse tensor');
      else if (required) this.#unsupported(where, 'an input without a type');
      return undefined;
    }
    const type = elementTypeOf(tensor.elemType);
    if (type === undefined) {
      // Type 0 is "not said", which exporters write for values in between.
      if (required || tensor.elemType) this.#unsupported(where, `elements of ONNX type ${tensor.elemType ?? 0}`);
      return undefined;
    }
    if (!tensor.shape) {
      if (required) this.#unsupported(where, 'an input of unknown rank');
      return undefined;
    }
    return { type, shape: (tensor.shape.dim ?? []).map(dimOf) };
  }

  #constant(name: string, tensor: onnx.ITensorProto): ConstantSource[] {
    const where = `constant '${name}'`;
    const data = this.#tensor(tensor, where);
    return [{ name, tensor: data, where }];
  }

  /** The tensor, or, after the problem is noted, an empty one in its place. */
  #tensor(message: onnx.ITensorProto, where: string): Tensor {
    try {
      return readTensor(message, this.#readExternal);
    } catch (error) {
      if (!(error instanceof TensorError)) throw error;
      this.problems[error.kind].push(problem(where, error.message, undefined, error.code));
      return Tensor.floats([0], []);
    }
  }

  /** A node that only holds data becomes the data. */
  #constantNode(node: onnx.INodeProto): ConstantSource[] {
    const name = node.output?.[0] ?? '';
    const where = `Constant '${name}'`;
    const [attribute] = node.attribute ?? [];
    if (attribute === undefined) return this.#unsupported(where, 'a Constant without data');
    switch (attribute.name) {
      case 'value':
        return this.#constant(name, attribute.t ?? {});
      case 'value_float':
        return [{ name, where, tensor: Tensor.scalar(attribute.f ?? 0) }];
      case 'value_floats':
        return [{ name, where, tensor: Tensor.floats([attribute.floats?.length ?? 0], attribute.floats ?? []) }];
      case 'value_int':
        return [{ name, where, tensor: new Tensor('int64', [], BigInt64Array.of(bigInteger(attribute.i ?? 0))) }];
      case 'value_ints': {
        const elements = BigInt64Array.from(attribute.ints ?? [], bigInteger);
        return [{ name, where, tensor: new Tensor('int64', [elements.length], elements) }];
      }
      default:
        return this.#unsupported(where, `a Constant given as ${attribute.name ?? ''}`);
    }
  }

  #node(message: onnx.INodeProto, index: number): NodeSource {
    const domain = domainOf(message.domain);
    const opType = message.opType ?? '';
    const where = `node ${message.name ? `'${message.name}'` : index} (${opType})`;
    if (opType === '') this.#invalid(where, 'a node without an operator');
    if (this.#functions.has(`${domain}:${opType}`))
      this.#unsupported(where, `a function of the model's own, ${opType}`);
    const op = domain === swanDomain ? operatorOfFunction(opType) : opType;
    const attributes = new Map<string, AttributeSource>();
    for (const attribute of message.attribute ?? []) {
      const name = attribute.name ?? '';
      if (attributes.has(name)) this.#invalid(where, `attribute ${name} is given twice`);
      const value = this.#attribute(attribute, op, `${where}, attribute ${name}`);
      if (value !== undefined) attributes.set(name, value);
    }
    return {
      op,
      domain,
      origin: originOf(message.name ?? '', op),
      inputs: message.input ?? [],
      outputs: trimmed(message.output ?? []),
      attributes: [...attributes],
      where,
    };
  }

  #attribute(message: onnx.IAttributeProto, op: string, where: string): AttributeSource | undefined {
    if (message.refAttrName) return this.#invalid(where, 'a reference to an attribute, outside a function');
    const toInt = (value: Parameters<typeof integer>[0]) => this.#safeInteger(integer(value), op, where);
    switch (message.type || impliedType(message)) {
      case attributeTypes.int:
        return { kind: 'int', value: toInt(message.i ?? 0) };
      case attributeTypes.ints:
        return { kind: 'ints', value: (message.ints ?? []).map(toInt) };
      case attributeTypes.float:
        return { kind: 'float', value: message.f ?? 0 };
      case attributeTypes.floats:
        return { kind: 'floats', value: message.floats ?? [] };
      case attributeTypes.string:
        return { kind: 'string', value: this.#text(message.s, where) };
      case attributeTypes.strings:
        return { kind: 'strings', value: (message.strings ?? []).map((bytes) => this.#text(bytes, where)) };
      case attributeTypes.tensor:
        return { kind: 'tensor', value: this.#tensor(message.t ?? {}, where) };
      case attributeTypes.graph:
        return { kind: 'graph', value: this.graph(message.g ?? {}, where) };
      default:
        this.#unsupported(where, `an attribute of type ${message.type ?? 0}`);
        return undefined;
    }
  }

  #safeInteger(value: number, op: string, where: string): number {
    if (Number.isSafeInteger(value)) return value;
    // Up to opset 9 the bounds of Slice are attributes, "to the end" being the largest integer; any huge one says so.
    if (op !== 'Slice') this.#unsupported(where, 'an integer beyond 2^53');
    return Math.sign(value) * Number.MAX_SAFE_INTEGER;
  }

  #text(bytes: Uint8Array | null | undefined, where: string): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes ?? new Uint8Array());
    } catch {
      this.#unsupported(where, 'a string that is not UTF-8');
      return '';
    }
  }

  #unsupported(where: string, what: string): [] {
    this.problems.unsupported.push(problem(where, what));
    return [];
  }

  #invalid(where: string, what: string): undefined {
    this.problems.invalid.push(problem(where, what));
    return undefined;
  }
}

/** Both names of ONNX's own domain are one. */
export function domainOf(domain: string | null | undefined): string {
  return domain === 'ai.onnx' ? '' : (domain ?? '');
}

function isConstant(node: onnx.INodeProto): boolean {
  return node.opType === 'Constant' && domainOf(node.domain) === '';
}

/** Outputs without the omitted ones at the end. */
function trimmed(outputs: readonly string[]): readonly string[] {
  return outputs.slice(0, outputs.findLastIndex((name) => name !== '') + 1);
}

function dimOf(dim: onnx.TensorShapeProto.IDimension): Dim {
  if (Object.hasOwn(dim, 'dimParam')) return dim.dimParam || '?';
  if (!Object.hasOwn(dim, 'dimValue')) return '?';
  const size = integer(dim.dimValue ?? 0);
  return Number.isSafeInteger(size) && size >= 0 ? size : '?';
}

/** Files of the first format version leave the type of an attribute to be seen from its content. */
function impliedType(message: onnx.IAttributeProto): number {
  const fields = { f: 'float', i: 'int', s: 'string', t: 'tensor', g: 'graph' } as const;
  for (const [field, kind] of Object.entries(fields)) if (Object.hasOwn(message, field)) return attributeTypes[kind];
  const lists = ['floats', 'ints', 'strings'] as const;
  const kind = lists.find((list) => (message[list]?.length ?? 0) > 0);
  return kind === undefined ? 0 : attributeTypes[kind];
}
