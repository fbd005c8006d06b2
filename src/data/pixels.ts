import { Tensor } from '../ir/tensor.js';
import { type ElementType, sizeOf } from '../ir/types.js';
import type { RowArray } from './array.js';
import type { Series } from './series.js';
import type { InputSpec } from './types.js';

/** Samples that are looked at: the first ones. */
const looked = 32;
/** No more elements of them. */
const mostElements = 2 ** 22;
/** Whole numbers up to this are counts and classes as well as pixels. */
const smallest = 64;

/**
 * Whether an array may hold pixels as images do: whole numbers, for an input of floats, none of them a position. Those of the
 * type that images are stored in, in any shape; of other types where the input has the shape of an image.
 */
function mayBePixels(array: RowArray, { type, shape, below }: InputSpec): boolean {
  if (!takesScale(array.type, type) || below !== undefined) return false;
  return array.type === 'uint8' || shape.length >= 4;
}

/** Whether elements of one type are multiplied by the scale of pixels, on their way to an input of the other. */
export function takesScale(from: ElementType, to: ElementType): boolean {
  return to.startsWith('float') && !from.startsWith('float') && from !== 'bool';
}

/** Whole numbers times the scale of pixels; other data as they are. */
export function scaledPixels(tensor: Tensor, to: ElementType, scale: number | undefined): Tensor {
  if (scale === undefined || scale === 1 || !takesScale(tensor.type, to)) return tensor;
  const scaled = new Float64Array(tensor.size);
  for (let index = 0; index < scaled.length; index++) scaled[index] = Number(tensor.data[index] ?? 0) * scale;
  return new Tensor('float64', tensor.dims, scaled);
}

/** What the user should know of arrays that look like pixels, unless it is said how they are scaled. */
export async function pixelNotes(
  series: Series,
  inputs: readonly InputSpec[],
  scale: number | undefined,
): Promise<string[]> {
  if (scale !== undefined || series.count === 0) return [];
  const notes: string[] = [];
  const { part } = series.find(0);
  for (const input of inputs) {
    const array = part.arrays.get(input.name);
    if (array === undefined || !mayBePixels(array, input)) continue;
    const fitting = Math.floor(mostElements / Math.max(1, sizeOf(array.dims.slice(1))));
    const count = Math.min(looked, part.count, Math.max(1, fitting));
    const values = (await series.rows(part, array, 0, count)).data;
    let [least, largest] = [0, 0];
    for (const value of values) {
      least = Math.min(least, Number(value));
      largest = Math.max(largest, Number(value));
    }
    if (least < 0 || largest < smallest || largest > 255) continue;
    notes.push(
      `${part.where}: ${array.type} up to ${largest} is fed to '${input.name}' as it is: if the model was trained on 0 to 1, ` +
        'give --image-scale 1/255 or save x / 255; if not, --image-scale 1',
    );
  }
  await series.release();
  return notes;
}
