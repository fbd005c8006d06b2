import { Tensor } from '../ir/tensor.js';
import { type ElementType, elementTypes } from '../ir/types.js';
import { invalid } from '../support/errors.js';
import { halfToNumber, numberToHalf } from '../support/float16.js';

/**
 * Data in the element type of the input that it is for. Any number may go to a float input (a float64 is rounded, a uint8
 * stays 0 to 255: nothing is scaled); integers and bools may go to an integer input that can hold them, bools and the
 * integers 0 and 1 to a bool input. NaN and infinity are refused, and so is what becomes infinite by rounding.
 *
 * The first sample is number `first` of what `where` names; `locate` says where an element of a sample stands in it.
 * @throws SwancError `invalid` with the sample at fault.
 */
export function convertSamples(
  tensor: Tensor,
  type: ElementType,
  where: string,
  first: number,
  locate = (row: number, _element: number): string => `sample ${row}`,
): Tensor {
  const inner = tensor.size / Math.max(1, tensor.dims[0] ?? 1);
  const fail = (index: number, what: string): never => {
    throw invalid('SWC3104', where, `${locate(first + Math.floor(index / inner), index % inner)} ${what}`);
  };
  if (isFloat(type)) return toFloat(tensor, type, fail);
  if (isFloat(tensor.type)) {
    throw invalid('SWC3104', where, `holds ${tensor.type}, the input takes ${type}`, `convert it: x.astype("${type}")`);
  }
  return tensor.type === type ? tensor : toInteger(tensor, type, fail);
}

type Fail = (index: number, what: string) => never;
type FloatType = 'float16' | 'float32' | 'float64';

function isFloat(type: ElementType): type is FloatType {
  return type === 'float16' || type === 'float32' || type === 'float64';
}

function toFloat(tensor: Tensor, type: FloatType, fail: Fail): Tensor {
  const { data } = tensor;
  const half = tensor.type === 'float16';
  const values = type === 'float32' ? new Float32Array(data.length) : new Float64Array(data.length);
  for (let index = 0; index < data.length; index++) {
    const value = half ? halfToNumber(Number(data[index])) : Number(data[index]);
    values[index] = value;
    const stored = type === 'float16' ? halfToNumber(numberToHalf(value)) : (values[index] ?? 0);
    if (!Number.isFinite(value)) fail(index, `holds ${value}`);
    if (!Number.isFinite(stored)) fail(index, `holds ${value}, which is too large for ${type}`);
  }
  if (tensor.type === type) return tensor;
  if (type === 'float16') return new Tensor('float16', tensor.dims, Uint16Array.from(values, numberToHalf));
  return values instanceof Float32Array
    ? new Tensor('float32', tensor.dims, values)
    : new Tensor('float64', tensor.dims, values);
}

function toInteger(tensor: Tensor, type: Exclude<ElementType, FloatType>, fail: Fail): Tensor {
  const { array, bytes } = elementTypes[type];
  const [low, high] = integerRange(type, bytes);
  const values = new array(tensor.size);
  for (let index = 0; index < tensor.size; index++) {
    const value = BigInt(tensor.data[index] ?? 0);
    if (value < low || value > high) fail(index, `holds ${value}, which ${type} cannot hold`);
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) values[index] = value;
    else values[index] = Number(value);
  }
  return new Tensor<ElementType>(type, tensor.dims, values);
}

function integerRange(type: Exclude<ElementType, FloatType>, bytes: number): [bigint, bigint] {
  if (type === 'bool') return [0n, 1n];
  const states = 1n << BigInt(8 * bytes);
  return type.startsWith('u') ? [0n, states - 1n] : [-states / 2n, states / 2n - 1n];
}

/**
 * Class numbers from sample `first` on, [samples] or [samples, 1] of whole numbers in any type, as int64 [samples].
 * @throws SwancError `invalid`.
 */
export function convertLabels(tensor: Tensor, where: string, first = 0): Tensor<'int64'> {
  const { dims, data } = tensor;
  if (dims.length === 0 || dims.slice(1).some((dim) => dim !== 1)) {
    const advice = 'save one class number per sample; of one-hot labels take numpy.argmax(labels, -1)';
    throw invalid('SWC3105', where, `labels of shape [${dims.join(', ')}]`, advice);
  }
  const half = tensor.type === 'float16';
  const labels = BigInt64Array.from({ length: data.length }, (_, index) => {
    const raw = data[index] ?? 0;
    const label = half ? halfToNumber(Number(raw)) : raw;
    if (typeof label === 'bigint') return label;
    if (!Number.isSafeInteger(label))
      throw invalid('SWC3105', where, `label ${label} of sample ${first + index} is no whole number`);
    return BigInt(label);
  });
  return new Tensor('int64', [data.length], labels);
}
