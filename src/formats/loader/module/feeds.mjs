import { ModelError } from './errors.mjs';
import { model } from './sample.mjs';

/** @import { Signature } from './sample.mjs' */

/** Element types, and the arrays that hold them. Where there is a Float16Array, float16 may also be given in that. */
const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/**
 * @typedef {keyof typeof arrays} ElementType
 * @typedef {ArrayBufferView & { length: number }} View A typed array
 * @typedef {{ type: ElementType, data: View, dims: number[] }} Sized
 * @typedef {Record<string, View | { data: View, dims: number[] }>} Feeds
 */

/**
 * Data for a first run: shaders are compiled in it. Sizes that are open are 1.
 * @returns {Feeds}
 */
export function zeros() {
  const entries = model.inputs.map(({ name, type, shape }) => {
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
    return /** @type {const} */ ([name, { data: new arrays[type](sizeOf(dims)), dims }]);
  });
  return Object.fromEntries(entries);
}

/**
 * Each input's data and sizes, by name.
 * @param {Feeds} feeds
 * @throws ModelError that names all that is wrong.
 */
export function checkFeeds(feeds) {
  const given = typeof feeds === 'object' && feeds !== null ? feeds : {};
  const names = model.inputs.map(({ name }) => name);
  const problems = Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => `there is no input '${name}', only ${names.map((known) => `'${known}'`).join(', ')}`);
  /** @type {Map<string, number | undefined>} */
  const open = new Map();
  /** @type {Map<string, Sized>} */
  const checked = new Map();
  for (const input of model.inputs) {
    const feed = Object.hasOwn(given, input.name) ? given[input.name] : undefined;
    const result = feed === undefined || feed === null ? 'has no data' : checkFeed(input, feed, open);
    if (typeof result === 'string') problems.push(`input '${input.name}' ${result}`);
    else checked.set(input.name, result);
  }
  if (problems.length > 0) throw new ModelError('feeds', problems.join('; '));
  return checked;
}

/**
 * One input's data and sizes, or what is wrong with them. `open` holds the sizes that symbols have in this run.
 * @param {Signature} input
 * @param {Feeds[string]} feed
 * @param {Map<string, number | undefined>} open
 * @returns {Sized | string}
 */
function checkFeed({ type, shape }, feed, open) {
  const isBare = ArrayBuffer.isView(feed);
  const data = isBare ? feed : feed.data;
  if (!(data instanceof arrays[type] || isHalf(type, data))) {
    return `is ${type}: give a ${arrays[type].name}, not ${Object(data ?? feed).constructor?.name}`;
  }
  const dims = isBare || feed.dims === undefined ? dimsOf(shape, data.length) : sizesOf(feed.dims);
  if (typeof dims === 'string') return dims;
  const fits =
    shape.length === dims.length && shape.every((dim, axis) => typeof dim === 'string' || dim === dims[axis]);
  if (!fits) return `is [${shape.join(', ')}], not [${dims.join(', ')}]`;
  if (sizeOf(dims) !== data.length)
    return `has ${data.length} elements, and [${dims.join(', ')}] takes ${sizeOf(dims)}`;
  for (const [axis, dim] of shape.entries()) {
    if (typeof dim !== 'string') continue;
    const known = open.get(dim) ?? dims[axis];
    if (known !== dims[axis]) return `has ${dims[axis]} as '${dim}', and another input ${known}`;
    open.set(dim, known);
  }
  return { type, data: copyOf(data), dims: [...dims] };
}

/**
 * Runs wait for each other, and the caller may fill its array anew meanwhile.
 * @param {View} data
 */
function copyOf(data) {
  const Own = /** @type {new (buffer: ArrayBufferLike) => View} */ (data.constructor);
  return new Own(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
}

/**
 * @param {ElementType} type
 * @param {View} data
 */
function isHalf(type, data) {
  return type === 'float16' && Object.prototype.toString.call(data) === '[object Float16Array]';
}

/**
 * The sizes that were given, or what is wrong with them.
 * @param {number[]} dims
 */
function sizesOf(dims) {
  const areSizes = Array.isArray(dims) && dims.every((dim) => Number.isInteger(dim) && dim >= 0);
  return areSizes ? dims : 'has dims that are no list of sizes';
}

/**
 * The sizes that so many elements have, or why there are none.
 * @param {(number | string)[]} shape
 * @param {number} length
 */
function dimsOf(shape, length) {
  const wanted = `is [${shape.join(', ')}]`;
  const fixed = sizeOf(shape.filter((dim) => typeof dim === 'number'));
  const open = shape.filter((dim) => typeof dim === 'string').length;
  if (open > 1 || (open === 1 && fixed === 0)) {
    return `${wanted}, which ${length} elements do not tell: give { data, dims }`;
  }
  if (open === 0 ? length !== fixed : length % fixed !== 0) return `${wanted}, and ${length} elements were given`;
  return shape.map((dim) => (typeof dim === 'number' ? dim : length / fixed));
}

/** @param {number[]} dims */
function sizeOf(dims) {
  return dims.reduce((product, dim) => product * dim, 1);
}
