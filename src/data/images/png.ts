import { inflateSync } from 'node:zlib';
import { invalid, type SwancError } from '../../support/errors.js';
import { maxPixels, maxSide } from './options.js';
import type { Picture, PictureHeader } from './picture.js';

/**
 * Reading PNG (W3C PNG, third edition): every colour type and bit depth, interlaced or not. Only what makes up the pixels is
 * read, so nothing in other chunks can do harm; no more is inflated than the size in the header needs.
 */
export const pngMagic = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly color: ColorType;
  readonly interlaced: boolean;
}

type ColorType = 0 | 2 | 3 | 4 | 6;

/** Samples of a pixel in the file, and depths that they may have, by colour type. */
const colorTypes: Readonly<Record<ColorType, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

function isColorType(value: number): value is ColorType {
  return Object.hasOwn(colorTypes, value);
}

/** What the first chunk tells, from the first 33 bytes of the file. */
export function readPngHeader(bytes: Uint8Array, where: string): PictureHeader {
  const { width, height, color } = parseHeader(bytes, where);
  const channels = ({ 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 } as const)[color];
  return { format: 'png', width, height, channels, orientation: 1 };
}

function parseHeader(bytes: Uint8Array, where: string): Header {
  if (bytes.length < 33 || pngMagic.some((byte, index) => bytes[index] !== byte)) throw damaged(where, 'it is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (nameOf(bytes, 12) !== 'IHDR' || view.getUint32(8) !== 13) throw damaged(where, 'its header is missing');
  const [width, height, depth, color] = [view.getUint32(16), view.getUint32(20), view.getUint8(24), view.getUint8(25)];
  if (!isColorType(color) || !colorTypes[color].depths.includes(depth)) {
    throw damaged(where, `it has the unknown colour type ${color} with ${depth} bits`);
  }
  if (width === 0 || height === 0) throw damaged(where, 'it has no pixels');
  if (width > maxSide || height > maxSide || width * height > maxPixels) {
    throw invalid('SWC3102', where, `has ${width}x${height} pixels, more than ${maxPixels}`);
  }
  if (view.getUint8(26) !== 0 || view.getUint8(27) !== 0 || view.getUint8(28) > 1)
    throw damaged(where, 'its method is unknown');
  return { width, height, depth, color, interlaced: view.getUint8(28) === 1 };
}

/** Decodes a whole file. */
export function decodePng(bytes: Uint8Array, where: string): Picture {
  const header = parseHeader(bytes, where);
  const { data, palette, transparent } = readChunks(bytes, where);
  const passes = passesOf(header);
  const bits = header.depth * colorTypes[header.color].samples;
  const size = passes.reduce((sum, pass) => sum + pass.height * (1 + Math.ceil((pass.width * bits) / 8)), 0);
  const packed = inflate(data, size, where);
  const samples = unpack(packed, header, passes, where);
  return withColors(samples, header, palette, transparent, where);
}

/** The chunks that make up the pixels; their check sums must be right. */
function readChunks(bytes: Uint8Array, where: string) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let transparent: Uint8Array | undefined;
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw damaged(where, 'it is cut off');
    const length = view.getUint32(at);
    const name = nameOf(bytes, at + 4);
    if (at + 12 + length > bytes.length) throw damaged(where, 'it is cut off');
    const content = bytes.subarray(at + 8, at + 8 + length);
    const isCritical = name.charAt(0) < 'a';
    if (
      (isCritical || name === 'tRNS') &&
      crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)
    ) {
      throw damaged(where, `the check sum of its part ${name} is wrong`);
    }
    if (name === 'IEND') return { data, palette, transparent };
    if (name === 'IDAT') data.push(content);
    else if (name === 'PLTE') palette = content;
    else if (name === 'tRNS') transparent = content;
    else if (isCritical && name !== 'IHDR') throw damaged(where, `its part ${name} is unknown`);
    at += 12 + length;
  }
}

/** Pictures that an image is stored as: itself, or the seven of interlacing, each with its first pixel and its steps. */
function passesOf({ width, height, interlaced }: Header) {
  const starts = interlaced
    ? [
        [0, 0, 8, 8],
        [4, 0, 8, 8],
        [0, 4, 4, 8],
        [2, 0, 4, 4],
        [0, 2, 2, 4],
        [1, 0, 2, 2],
        [0, 1, 1, 2],
      ]
    : [[0, 0, 1, 1]];
  return starts
    .map(([left = 0, top = 0, across = 1, down = 1]) => {
      return {
        left,
        top,
        across,
        down,
        width: Math.ceil((width - left) / across),
        height: Math.ceil((height - top) / down),
      };
    })
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

function inflate(parts: readonly Uint8Array[], size: number, where: string): Uint8Array {
  try {
    const result = inflateSync(Buffer.concat(parts), { maxOutputLength: size });
    if (result.length === size) return result;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const isLarge = 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw damaged(where, isLarge ? `it holds more than the ${size} bytes of its size` : 'its data cannot be inflated');
  }
  throw damaged(where, `it does not hold the ${size} bytes of its size`);
}

/** Samples in the order of the pixels, as they are in the file. */
function unpack(packed: Uint8Array, header: Header, passes: ReturnType<typeof passesOf>, where: string) {
  const { width, height, depth, color } = header;
  const { samples } = colorTypes[color];
  const result = depth === 16 ? new Uint16Array(width * height * samples) : new Uint8Array(width * height * samples);
  const step = Math.max(1, (depth * samples) / 8);
  let at = 0;
  for (const pass of passes) {
    const rowBytes = Math.ceil((pass.width * depth * samples) / 8);
    let above: Uint8Array = new Uint8Array(rowBytes);
    for (let row = 0; row < pass.height; row++) {
      const line = packed.subarray(at + 1, at + 1 + rowBytes);
      if (!unfilter(line, above, step, packed[at] ?? 0))
        throw damaged(where, `a row has the unknown filter ${packed[at]}`);
      at += 1 + rowBytes;
      above = line;
      for (let index = 0; index < pass.width * samples; index++) {
        const pixel = Math.floor(index / samples);
        const target =
          ((pass.top + row * pass.down) * width + pass.left + pixel * pass.across) * samples + (index % samples);
        result[target] = sampleAt(line, index, depth);
      }
    }
  }
  return result;
}

function sampleAt(line: Uint8Array, index: number, depth: number): number {
  if (depth === 8) return line[index] ?? 0;
  if (depth === 16) return (line[2 * index] ?? 0) * 256 + (line[2 * index + 1] ?? 0);
  const bit = index * depth;
  return ((line[bit >> 3] ?? 0) >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

/** Undoes the filter of a row in place; false if there is none of that number. */
function unfilter(line: Uint8Array, above: Uint8Array, step: number, filter: number): boolean {
  if (filter > 4) return false;
  for (let index = 0; filter > 0 && index < line.length; index++) {
    const left = index < step ? 0 : (line[index - step] ?? 0);
    const up = above[index] ?? 0;
    const corner = index < step ? 0 : (above[index - step] ?? 0);
    const predicted =
      filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner);
    line[index] = (line[index] ?? 0) + predicted;
  }
  return true;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [fromLeft, fromUp, fromCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (fromLeft <= fromUp && fromLeft <= fromCorner) return left;
  return fromUp <= fromCorner ? up : corner;
}

/** Colours instead of numbers of a palette, small depths spread to 8 bits, and alpha where one colour is transparent. */
function withColors(
  samples: Uint8Array | Uint16Array,
  { width, height, depth, color }: Header,
  palette: Uint8Array | undefined,
  transparent: Uint8Array | undefined,
  where: string,
): Picture {
  if (color === 3) return fromPalette(samples, width, height, palette, transparent, where);
  const { samples: count } = colorTypes[color];
  const key = color === 0 || color === 2 ? transparent : undefined;
  if (key !== undefined && key.length !== 2 * count) throw damaged(where, 'its transparent colour is malformed');
  const most = depth === 16 ? 65535 : 255;
  const factor = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const channels = key === undefined ? count : count + 1;
  if (key === undefined && factor === 1) return { width, height, channels: channelsOf(channels), data: samples };
  const data = depth === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    let isKey = key !== undefined;
    for (let channel = 0; channel < count; channel++) {
      const value = samples[pixel * count + channel] ?? 0;
      data[pixel * channels + channel] = value * factor;
      isKey &&= value === (key?.[2 * channel] ?? 0) * 256 + (key?.[2 * channel + 1] ?? 0);
    }
    if (key !== undefined) data[pixel * channels + count] = isKey ? 0 : most;
  }
  return { width, height, channels: channelsOf(channels), data };
}

function fromPalette(
  samples: ArrayLike<number>,
  width: number,
  height: number,
  palette: Uint8Array | undefined,
  transparent: Uint8Array | undefined,
  where: string,
): Picture {
  if (palette === undefined || palette.length % 3 !== 0) throw damaged(where, 'its palette is missing or malformed');
  const channels = transparent === undefined ? 3 : 4;
  const data = new Uint8Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const index = samples[pixel] ?? 0;
    if (3 * index >= palette.length) throw damaged(where, `it has colour ${index}, which its palette lacks`);
    for (let channel = 0; channel < 3; channel++) data[pixel * channels + channel] = palette[3 * index + channel] ?? 0;
    if (channels === 4) data[pixel * channels + 3] = transparent?.[index] ?? 255;
  }
  return { width, height, channels, data };
}

function channelsOf(count: number): 1 | 2 | 3 | 4 {
  return count === 1 || count === 2 || count === 3 ? count : 4;
}

function nameOf(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** The check sum of PNG (ISO 3309), a nibble at a time. */
function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum = (nibbles[(sum ^ byte) & 15] ?? 0) ^ (sum >>> 4);
    sum = (nibbles[(sum ^ (byte >> 4)) & 15] ?? 0) ^ (sum >>> 4);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

const nibbles = Uint32Array.from({ length: 16 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 4; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function damaged(where: string, what: string): SwancError {
  return invalid('SWC3102', where, `is a damaged PNG image: ${what}`);
}
