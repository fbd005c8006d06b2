import { type Problem, problem } from '../../support/errors.js';
import {
  type ImageChannels,
  type ImageCrop,
  type ImageLayout,
  type ImageResize,
  imageCrops,
  imageLayouts,
  imageResizes,
} from '../names.js';

/** How images become samples. What is not given follows from the input of the model; the result tells what that was. */
export interface ImageOptions {
  /** Height and width of the samples; by default those of the input. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /**
   * `bilinear` (default) brings images to their size; `none` takes only images that have it, or, with `crop`, cuts it out of
   * their middle.
   */
  readonly resize?: ImageResize | undefined;
  /** `center` cuts off what is too wide or too high for the shape of the samples before resizing; `none` (default) distorts. */
  readonly crop?: ImageCrop | undefined;
  /** What pixel values, 0 to 255, are multiplied by; 1 by default, which is told where floats are fed. */
  readonly scale?: number | undefined;
  /** Subtracted from the scaled values: one number, or one for each channel. */
  readonly mean?: readonly number[] | undefined;
  /** What is left is divided by: one number, or one for each channel. */
  readonly std?: readonly number[] | undefined;
  /** 1: grey, 3: red, green, blue, 4: with alpha; by default as many as the input has. */
  readonly channels?: ImageChannels | undefined;
  /** Whether channels are the last axis of a sample or the first; by default where the input has 1, 3 or 4 of them. */
  readonly layout?: ImageLayout | undefined;
}

/** Largest side and number of pixels of an image. */
export const maxSide = 1 << 16;
export const maxPixels = 1 << 26;

/** What is wrong with options that no types have checked. */
export function imageOptionProblems({
  size,
  scale,
  mean,
  std,
  channels,
  resize,
  crop,
  layout,
}: ImageOptions): Problem[] {
  const problems: Problem[] = [];
  const add = (option: string, what: string, advice?: string): void => {
    problems.push(problem(`image ${option}`, what, advice));
  };
  if (
    size !== undefined &&
    !(size.length === 2 && size.every((side) => Number.isInteger(side) && side > 0 && side <= maxSide))
  ) {
    add('size', `${size.join('x')} is no height and width`, 'such as 224x224');
  }
  if (scale !== undefined && !(Number.isFinite(scale) && scale !== 0))
    add('scale', `${scale} is not a finite number other than 0`);
  if (mean !== undefined && !isPerChannel(mean, channels))
    add('mean', `${mean.join(', ')} is not a number for each channel`);
  if (std !== undefined && !(isPerChannel(std, channels) && std.every((value) => value > 0))) {
    add('std', `${std.join(', ')} is not a number above 0 for each channel`);
  }
  if (channels !== undefined && ![1, 3, 4].includes(channels))
    add('channels', `${channels} is not a number of channels`, '1, 3 or 4');
  if (resize !== undefined && !imageResizes.includes(resize))
    add('resize', `'${resize}' is not one`, `choose from ${imageResizes.join(', ')}`);
  if (crop !== undefined && !imageCrops.includes(crop))
    add('crop', `'${crop}' is not one`, `choose from ${imageCrops.join(', ')}`);
  if (layout !== undefined && !imageLayouts.includes(layout))
    add('layout', `'${layout}' is not one`, `choose from ${imageLayouts.join(', ')}`);
  return problems;
}

function isPerChannel(values: readonly number[], channels: number | undefined): boolean {
  const isCount =
    values.length === 1 || (channels === undefined ? [3, 4].includes(values.length) : values.length === channels);
  return isCount && values.every(Number.isFinite);
}
