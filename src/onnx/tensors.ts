import { Tensor, tensorFromBytes } from '../ir/tensor.js';
import { type ElementType, elementTypeNames, elementTypes, sizeOf } from '../ir/types.js';
import type { ErrorCode } from '../support/errors.js';
import type { onnx } from './proto.js';

/** A tensor that cannot be read; the message says why. */
export class TensorError extends Error {
  readonly kind: 'invalid' | 'unsupported';
  /** That of what is thrown for the whole file where it is not given. */
  readonly code: ErrorCode | undefined;

  constructor(kind: 'invalid' | 'unsupported', message: string, code?: ErrorCode) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

/** Reads `bytes` bytes of data that lie outside the model file. */
export type ExternalReader = (entries: ReadonlyMap<string, string>, bytes: number) => Uint8Array;

type Integer = number | { readonly low: number; readonly high: number };

/** The type of this number in TensorProto.DataType, if the IR has it. */
export function elementTypeOf(dataType: number | null | undefined): ElementType | undefined {
  return elementTypeNames.find((type) => elementTypes[type].onnx === dataType);
}

/** @throws TensorError for element types and storage forms that are not supported, and data that does not fit the shape. */
export function readTensor(tensor: onnx.ITensorProto, readExternal: ExternalReader): Tensor {
  const type = elementTypeOf(tensor.dataType);
  if (type === undefined) throw new TensorError('unsupported', `elements of ONNX type ${tensor.dataType ?? 0}`);
  if (Object.hasOwn(tensor, 'segment')) throw new TensorError('unsupported', 'a tensor in segments');
  const dims = (tensor.dims ?? []).map(integer);
  const size = sizeOf(dims);
  if (dims.some((dim) => !(dim >= 0)) || !Number.isSafeInteger(size)) {
    throw new TensorError('invalid', `shape [${dims.join(', ')}]`);
  }
  const bytes = size * elementTypes[type].bytes;
  if (isExternal(tensor)) {
    const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
    return checked(tensorFromBytes(type, dims, readExternal(entries, bytes)));
  }
  if (tensor.rawData && (tensor.rawData.length > 0 || size === 0)) {
    if (tensor.rawData.length !== bytes) throw wrongSize(dims, `${tensor.rawData.length} bytes`);
    return checked(tensorFromBytes(type, dims, tensor.rawData));
  }
  return fromTypedData(type, dims, size, tensor);
}

/** True if the data lie outside the model file (TensorProto.DataLocation.EXTERNAL). */
export function isExternal({ dataLocation }: onnx.ITensorProto): boolean {
  return dataLocation === 1;
}

function fromTypedData(type: ElementType, dims: readonly number[], size: number, tensor: onnx.ITensorProto): Tensor {
  const elements = typedData(type, tensor);
  if (elements.length !== size) throw wrongSize(dims, `${elements.length} elements`);
  const data = new elementTypes[type].array(size);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.set(elements.map(bigInteger));
  else if (data instanceof Float32Array || data instanceof Float64Array) data.set(elements.map(integer));
  else {
    for (const [index, element] of elements.entries()) {
      data[index] = integer(element);
      if (data[index] !== integer(element))
        throw new TensorError('invalid', `element ${element} is not of type ${type}`);
    }
  }
  return checked(new Tensor<ElementType>(type, dims, data));
}

/** The field of TensorProto that holds elements of a type one by one. */
function typedData(type: ElementType, tensor: onnx.ITensorProto): readonly Integer[] {
  switch (type) {
    case 'float32':
      return tensor.floatData ?? [];
    case 'float64':
      return tensor.doubleData ?? [];
    case 'int64':
      return tensor.int64Data ?? [];
    case 'uint32':
    case 'uint64':
      return tensor.uint64Data ?? [];
    default:
      return tensor.int32Data ?? [];
  }
}

function checked(tensor: Tensor): Tensor {
  if (tensor.is('bool') && tensor.data.some((element) => element > 1)) {
    throw new TensorError('invalid', 'a truth value that is neither 0 nor 1');
  }
  return tensor;
}

function wrongSize(dims: readonly number[], found: string): TensorError {
  return new TensorError('invalid', `${found} of data for a tensor of shape [${dims.join(', ')}]`);
}

/** A 64-bit integer of the protobuf library as a bigint. */
export function bigInteger(value: Integer): bigint {
  return typeof value === 'number' ? BigInt(value) : (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
}

/** A number of the protobuf library as a number, which rounds beyond 2^53. */
export function integer(value: Integer): number {
  return typeof value === 'number' ? value : Number(bigInteger(value));
}
