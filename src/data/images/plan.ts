import type { Dim } from '../../ir/types.js';
import { type Problem, problem, SwancError } from '../../support/errors.js';
import type { ImageLayout } from '../names.js';
import type { InputSpec } from '../types.js';
import type { ImageOptions } from './options.js';
import type { PictureHeader } from './picture.js';

/** How pictures become samples of an input, all of one shape. */
export interface ImagePlan {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3 | 4;
  readonly layout: ImageLayout;
  readonly resizes: boolean;
  readonly crops: boolean;
  /** The shape of a sample. */
  readonly dims: readonly number[];
  /** Factor and, for each channel, what is subtracted and divided by; none is applied where they change nothing. */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** What follows from defaults, in words. */
  readonly notes: readonly string[];
}

export interface NamedHeader extends PictureHeader {
  readonly where: string;
}

/**
 * Decides how pictures with these headers become samples. What the options leave open follows from the shape of the input,
 * and is told; what neither tells is refused. @throws SwancError `invalid` with every picture at fault.
 */
export function planImages(
  input: InputSpec,
  options: ImageOptions,
  pictures: readonly NamedHeader[],
  where: string,
): ImagePlan {
  const axes = axesOf(input, options, where);
  const own = commonSize(pictures);
  const [height, width] = options.size ?? [axes.height ?? own?.height, axes.width ?? own?.width];
  const channels = options.channels ?? axes.channels ?? flatChannels(axes, height, width);
  const shape = `[${input.shape.slice(1).join(', ')}]`;
  if (height === undefined || width === undefined || channels === undefined) {
    const what = `the input '${input.name}' has shape ${shape}, and the images differ in size`;
    throw refused(where, what, 'say how large they shall be, such as --image-size 224x224');
  }
  if (!fits(axes, height, width, channels)) {
    const what = `images of ${height}x${width} with ${channels} channels do not fit the input '${input.name}' of shape ${shape}`;
    throw refused(where, what, 'set their size and channels with --image-size and --image-channels');
  }
  const layout = axes.layout ?? 'last';
  const order = layout === 'last' ? [height, width, channels] : [channels, height, width];
  const dims = axes.kind === 'flat' ? [height * width * channels] : axes.kind === 'grey' ? [height, width] : order;
  const { scale, mean, std } = numbersOf(options, channels, where);
  const [resizes, crops] = [options.resize !== 'none', options.crop === 'center'];
  const problems = resizes ? [] : pictures.flatMap((picture) => sizeProblem(picture, height, width, crops));
  if (problems.length > 0) throw new SwancError('SWC3103', 'the images do not fit the model', problems.slice(0, 50));
  const plan = { height, width, channels, layout, resizes, crops, dims, scale, mean, std };
  return { ...plan, notes: notesOf(plan, input, options, axes, pictures, where) };
}

interface Axes {
  readonly kind: 'image' | 'grey' | 'flat';
  readonly layout: ImageLayout | undefined;
  readonly height: number | undefined;
  readonly width: number | undefined;
  readonly channels: 1 | 3 | 4 | undefined;
  /** Elements of a flat input. */
  readonly size: number | undefined;
}

/** Which axes of the input are height, width and channels. */
function axesOf({ name, shape }: InputSpec, options: ImageOptions, where: string): Axes {
  const dims = shape.slice(1);
  const none = { layout: options.layout, height: undefined, width: undefined, channels: undefined, size: undefined };
  const [first, second, third] = dims;
  if (dims.length === 1) return { ...none, kind: 'flat', size: numberOf(first) };
  if (dims.length === 2)
    return { ...none, kind: 'grey', height: numberOf(first), width: numberOf(second), channels: 1 };
  if (dims.length !== 3) throw refused(where, `the input '${name}' of shape [${dims.join(', ')}] takes no images`);
  const isChannels = (dim: Dim | undefined): boolean => channelsOf(dim) !== undefined;
  const isOpen = (dim: Dim | undefined): boolean => typeof dim === 'string' && options.channels !== undefined;
  const [canFirst, canLast] = [isChannels(first) || isOpen(first), isChannels(third) || isOpen(third)];
  if (options.layout === undefined && canFirst === canLast) {
    const what = `the input '${name}' of shape [${dims.join(', ')}] could have its channels first or last`;
    throw refused(
      where,
      canFirst ? what : `the input '${name}' of shape [${dims.join(', ')}] has no axis of 1, 3 or 4 channels`,
      canFirst ? 'say which with --image-layout' : undefined,
    );
  }
  const layout = options.layout ?? (canLast ? 'last' : 'first');
  const [height, width, channels] = layout === 'last' ? [first, second, third] : [second, third, first];
  return {
    ...none,
    kind: 'image',
    layout,
    height: numberOf(height),
    width: numberOf(width),
    channels: channelsOf(channels),
  };
}

function numberOf(dim: Dim | undefined): number | undefined {
  return typeof dim === 'number' ? dim : undefined;
}

function channelsOf(dim: Dim | undefined): 1 | 3 | 4 | undefined {
  return dim === 1 || dim === 3 || dim === 4 ? dim : undefined;
}

/** Of a flat input, what its size leaves for the channels. */
function flatChannels(
  { kind, size }: Axes,
  height: number | undefined,
  width: number | undefined,
): 1 | 3 | 4 | undefined {
  if (kind !== 'flat' || height === undefined || width === undefined) return undefined;
  return size === undefined ? undefined : channelsOf(size / (height * width));
}

function fits(
  { kind, height, width, channels, size }: Axes,
  ownHeight: number,
  ownWidth: number,
  own: number,
): boolean {
  if (kind === 'flat') return (size ?? ownHeight * ownWidth * own) === ownHeight * ownWidth * own;
  return (height ?? ownHeight) === ownHeight && (width ?? ownWidth) === ownWidth && (channels ?? own) === own;
}

/** The size of all pictures, if they have the same. */
function commonSize(pictures: readonly PictureHeader[]): { height: number; width: number } | undefined {
  const [first] = pictures;
  const same = pictures.every(({ height, width }) => height === first?.height && width === first.width);
  return same ? first : undefined;
}

function numbersOf({ scale = 1, mean = [0], std = [1] }: ImageOptions, channels: number, where: string) {
  const each = (values: readonly number[], option: string): readonly number[] => {
    if (values.length === channels) return values;
    const [only = 0, ...others] = values;
    if (others.length > 0)
      throw refused(where, `--image-${option} has ${values.length} numbers for ${channels} channels`);
    return new Array<number>(channels).fill(only);
  };
  return { scale, mean: each(mean, 'mean'), std: each(std, 'std') };
}

function sizeProblem(picture: NamedHeader, height: number, width: number, crops: boolean): Problem[] {
  const isRight = picture.height === height && picture.width === width;
  const isLarge = picture.height >= height && picture.width >= width;
  if (isRight || (crops && isLarge)) return [];
  const what = `has ${picture.height}x${picture.width} pixels, ${crops ? 'less than' : 'not'} ${height}x${width}`;
  return [problem(picture.where, what, 'let it be resized: --image-resize bilinear')];
}

function notesOf(
  { height, width, channels, resizes, crops, scale, mean, std }: Omit<ImagePlan, 'notes'>,
  input: InputSpec,
  options: ImageOptions,
  { kind }: Axes,
  pictures: readonly NamedHeader[],
  where: string,
): string[] {
  const notes: string[] = [];
  const total = pictures.length;
  const tell = (count: number, what: string): void => {
    if (count > 0)
      notes.push(
        `${where}: ${count === total ? (total === 1 ? 'the image' : 'all images') : `${count} of ${total} images`} ${what}`,
      );
  };
  const other = pictures.filter((picture) => picture.height !== height || picture.width !== width);
  if (resizes && options.resize === undefined) {
    const from = other[0] === undefined ? '' : `, such as one of ${other[0].height}x${other[0].width}`;
    const how = crops ? 'the middle of them resized' : 'resized as a whole';
    tell(other.length, `${other.length === 1 ? 'was' : 'were'} ${how} to ${height}x${width} (bilinear)${from}`);
  }
  if (options.channels === undefined) {
    if (channels === 1) tell(pictures.filter((picture) => picture.channels > 2).length, 'in colour: made grey');
    if (channels > 1)
      tell(pictures.filter((picture) => picture.channels < 3).length, 'in grey: repeated as red, green and blue');
    if (channels < 4)
      tell(pictures.filter((picture) => picture.channels % 2 === 0).length, 'with alpha: it was left out');
  }
  tell(
    pictures.filter(({ orientation }) => orientation > 1 && orientation < 9).length,
    'with a turn noted by the camera (Exif): not turned',
  );
  if (kind === 'flat' && options.size === undefined)
    notes.push(`${where}: the input '${input.name}' is flat: fed the ${height}x${width}x${channels} pixels row by row`);
  const isPlain = scale === 1 && mean.every((value) => value === 0) && std.every((value) => value === 1);
  if (isPlain && options.scale === undefined && input.type.startsWith('float')) {
    notes.push(
      `${where}: pixels are fed to '${input.name}' as 0 to 255: if the model was trained on 0 to 1, give --image-scale 1/255; if not, --image-scale 1`,
    );
  }
  return notes;
}

function refused(where: string, what: string, advice?: string): SwancError {
  return new SwancError('SWC3103', 'the images do not fit the model', [problem(where, what, advice)]);
}
