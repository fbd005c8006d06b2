import { decode } from 'jpeg-js';
import { invalid, type SwancError } from '../../support/errors.js';
import { maxPixels } from './options.js';
import type { Picture, PictureHeader } from './picture.js';

/**
 * Reading JPEG (ITU-T T.81): baseline and progressive, grey and colour of 8 bits. The parts of the file are looked at first,
 * so that what would be decoded wrongly, or take more time or memory than an image does, is refused.
 */
export const jpegMagic = [0xff, 0xd8, 0xff];

/** Every scan goes over all pixels: so many pixels in all, as 2^26 in 30 scans. */
const maxWork = 2 ** 31;
const maxMegabytes = 2048;

interface Structure {
  readonly width: number;
  readonly height: number;
  readonly components: readonly number[];
  readonly orientation: number;
  /** What an Adobe marker says of the colours: 0 is none, 1 YCbCr; undefined without one. */
  readonly transform: number | undefined;
  readonly hasJfif: boolean;
}

/** What the parts before the pixels tell. `bytes` may end early: then undefined says that more are needed. */
export function readJpegHeader(bytes: Uint8Array, where: string, isWhole: boolean): PictureHeader | undefined {
  const found = readStructure(bytes, where);
  if (found === undefined) {
    if (isWhole) throw damaged(where, 'it is cut off within its header');
    return undefined;
  }
  const { width, height, components, orientation } = found;
  return { format: 'jpeg', width, height, channels: components.length === 1 ? 1 : 3, orientation };
}

/** The parts up to the frame header, and the frame header; undefined where the bytes end before. */
function readStructure(bytes: Uint8Array, where: string): Structure | undefined {
  const u16 = (at: number): number => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  let [orientation, hasJfif] = [1, false];
  let transform: number | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) throw damaged(where, 'a part does not begin where the one before ends');
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = u16(at + 2);
    if (length < 2 || marker === 0xd9 || marker === 0xda) throw damaged(where, 'it has no frame');
    const content = bytes.subarray(at + 4, at + 2 + length);
    if (at + 2 + length > bytes.length) return undefined;
    if (marker === 0xe0 && textAt(content, 0, 4) === 'JFIF') hasJfif = true;
    if (marker === 0xe1) orientation = exifOrientation(content);
    if (marker === 0xee && textAt(content, 0, 5) === 'Adobe') transform = content[11];
    if (isFrame(marker)) {
      const { width, height, components } = readFrame(marker, content, where);
      return { width, height, components, orientation, transform, hasJfif };
    }
    at += 2 + length;
  }
  return undefined;
}

/** Start of frame, in any of its kinds. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function readFrame(marker: number, content: Uint8Array, where: string) {
  if (marker > 0xc2)
    throw invalid(
      'SWC3107',
      where,
      'is a lossless, hierarchical or arithmetic JPEG image, which is not read',
      'save it as a usual one',
    );
  const [precision = 0, h1 = 0, h0 = 0, w1 = 0, w0 = 0, count = 0] = content;
  const [width, height] = [w1 * 256 + w0, h1 * 256 + h0];
  if (content.length < 6 + 3 * count) throw damaged(where, 'its frame is cut off');
  if (precision !== 8) throw invalid('SWC3107', where, `has ${precision} bits a channel; 8 are read`);
  if (width === 0 || height === 0) throw damaged(where, 'it has no pixels');
  if (width * height > maxPixels)
    throw invalid('SWC3102', where, `has ${width}x${height} pixels, more than ${maxPixels}`);
  if (count !== 1 && count !== 3) {
    const what = count === 4 ? 'is in four colours for print (CMYK)' : `has ${count} channels`;
    throw invalid('SWC3107', where, what, 'save it in RGB');
  }
  return { width, height, components: Array.from({ length: count }, (_, index) => content[6 + 3 * index] ?? 0) };
}

/** The orientation in Exif data (a TIFF file within the file), 1 where there is none. */
function exifOrientation(content: Uint8Array): number {
  if (textAt(content, 0, 4) !== 'Exif' || content.length < 14) return 1;
  const view = new DataView(content.buffer, content.byteOffset + 6, content.byteLength - 6);
  const little = view.getUint16(0) === 0x4949;
  const start = view.getUint32(4, little);
  if (start + 2 > view.byteLength) return 1;
  for (let entry = 0; entry < view.getUint16(start, little); entry++) {
    const at = start + 2 + 12 * entry;
    if (at + 12 > view.byteLength) return 1;
    if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
  }
  return 1;
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** Decodes a whole file. */
export function decodeJpeg(bytes: Uint8Array, where: string): Picture {
  const found = readStructure(bytes, where);
  if (found === undefined) throw damaged(where, 'it is cut off within its header');
  const { width, height, components, transform, hasJfif } = found;
  const scans = countScans(bytes);
  if (scans * width * height > maxWork)
    throw invalid('SWC3102', where, `has ${scans} scans of ${width}x${height} pixels`, 'save it again');
  // Three channels are YCbCr, unless a marker says RGB, or they are named so and nothing says anything (as libjpeg has it).
  const isNamedRgb = components.join() === '82,71,66' && !hasJfif;
  const isRgb = components.length === 3 && (transform === undefined ? isNamedRgb : transform === 0);
  const picture = decodeWith(bytes, where, !isRgb);
  if (picture.width !== width || picture.height !== height) throw damaged(where, 'it has several frames');
  const grey = components.length === 1;
  const data = grey ? picture.data.filter((_, index) => index % 3 === 0) : picture.data;
  return { width, height, channels: grey ? 1 : 3, data };
}

function decodeWith(bytes: Uint8Array, where: string, colorTransform: boolean) {
  try {
    return decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: maxPixels / 1e6,
      maxMemoryUsageInMB: maxMegabytes,
      colorTransform,
    });
  } catch (error) {
    throw damaged(where, error instanceof Error ? error.message : String(error));
  }
}

/** Scans in the file: within their data, no marker but those of restarts can occur. */
function countScans(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at + 1 < bytes.length; at++) if (bytes[at] === 0xff && bytes[at + 1] === 0xda) count++;
  return count;
}

function damaged(where: string, what: string): SwancError {
  return invalid('SWC3102', where, `is a damaged JPEG image: ${what}`);
}
