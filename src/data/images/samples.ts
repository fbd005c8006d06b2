import { Tensor } from '../../ir/tensor.js';
import type { ElementType } from '../../ir/types.js';
import { invalid } from '../../support/errors.js';
import { decodeJpeg, jpegMagic, readJpegHeader } from './jpeg.js';
import { type Picture, type PictureHeader, toChannels } from './picture.js';
import type { ImagePlan } from './plan.js';
import { decodePng, pngMagic, readPngHeader } from './png.js';
import { cutCenter, cutToShape, type Plane, resizeBilinear } from './resize.js';

/** What begins an image: undefined for what is none that is read. */
export function imageFormatOf(head: Uint8Array): 'png' | 'jpeg' | undefined {
  const begins = (magic: readonly number[]): boolean => magic.every((byte, index) => head[index] === byte);
  return begins(pngMagic) ? 'png' : begins(jpegMagic) ? 'jpeg' : undefined;
}

/** The header of an image, from the beginning of its bytes; undefined where more of them are needed. */
export function readImageHeader(head: Uint8Array, where: string, isWhole: boolean): PictureHeader | undefined {
  const format = imageFormatOf(head);
  if (format === 'png') return readPngHeader(head, where);
  if (format === 'jpeg') return readJpegHeader(head, where, isWhole);
  throw invalid('SWC3102', where, head.length === 0 ? 'is empty' : 'is neither a PNG nor a JPEG image');
}

export function decodeImage(bytes: Uint8Array, where: string): Picture {
  return imageFormatOf(bytes) === 'png' ? decodePng(bytes, where) : decodeJpeg(bytes, where);
}

/** The element type that samples of images have for an input: whole numbers are rounded only if they were resized. */
export function imageType(type: ElementType): 'float32' | 'int64' {
  return type.startsWith('float') ? 'float32' : 'int64';
}

/**
 * The sample of a picture, in the order of the plan: cut, resized, scaled, mean subtracted, divided by the deviation. For an input of
 * whole numbers each value is rounded to the nearest at the end, upwards from the middle.
 */
export function sampleOf(picture: Picture, plan: ImagePlan, type: 'float32' | 'int64'): Float32Array | BigInt64Array {
  let plane: Plane = { ...picture, channels: plan.channels, data: toChannels(picture, plan.channels) };
  if (plan.crops) {
    plane = plan.resizes ? cutToShape(plane, plan.height, plan.width) : cutCenter(plane, plan.height, plan.width);
  }
  if (plane.height !== plan.height || plane.width !== plan.width)
    plane = resizeBilinear(plane, plan.height, plan.width);
  const values = inLayout(normalized(plane.data, plan), plan);
  return type === 'float32' ? values : BigInt64Array.from(values, (value) => BigInt(Math.floor(value + 0.5)));
}

function normalized(data: Float32Array, { scale, mean, std, channels }: ImagePlan): Float32Array {
  if (scale === 1 && mean.every((value) => value === 0) && std.every((value) => value === 1)) return data;
  return data.map((value, index) => (value * scale - (mean[index % channels] ?? 0)) / (std[index % channels] ?? 1));
}

function inLayout(data: Float32Array, { height, width, channels, layout }: ImagePlan): Float32Array {
  if (layout === 'last' || channels === 1) return data;
  const pixels = height * width;
  return data.map((_, index) => data[(index % pixels) * channels + Math.floor(index / pixels)] ?? 0);
}

/** Samples one behind the other. */
export function stack(
  samples: readonly (Float32Array | BigInt64Array)[],
  dims: readonly number[],
  type: 'float32' | 'int64',
): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const all = [samples.length, ...dims];
  const fill = <A extends Float32Array | BigInt64Array>(result: A): A => {
    for (const [index, sample] of samples.entries())
      new Uint8Array(result.buffer).set(new Uint8Array(sample.buffer), index * size * result.BYTES_PER_ELEMENT);
    return result;
  };
  if (type === 'float32') return new Tensor('float32', all, fill(new Float32Array(samples.length * size)));
  return new Tensor('int64', all, fill(new BigInt64Array(samples.length * size)));
}
