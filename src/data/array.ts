import type { Tensor } from '../ir/tensor.js';
import type { ElementType } from '../ir/types.js';

/** An array in a file, of which rows (entries of the first axis: samples) are read as they are needed. */
export interface RowArray {
  readonly type: ElementType;
  /** The first is the number of rows. */
  readonly dims: readonly number[];
  /** Rows [start, start + count), which must exist, in the array's element type. @throws SwancError `invalid`. */
  rows(start: number, count: number): Promise<Tensor>;
  /** Where an element of a row stands, as a user finds it: `line 7, column 3`. By default the number of the sample. */
  locate?(row: number, element: number): string;
}

/** Labels that are names: the number of each row is that of its name in `classes`. */
export interface NamedLabels {
  /** In the order of their first appearance. */
  readonly classes: readonly string[];
  readonly rows: Uint32Array;
}

export type Labels = RowArray | NamedLabels;

export function areNamed(labels: Labels): labels is NamedLabels {
  return 'classes' in labels;
}

export function labelCount(labels: Labels): number {
  return areNamed(labels) ? labels.rows.length : (labels.dims[0] ?? 0);
}

/** What a file has for the inputs that it was opened for: rows of all its arrays belong together. */
export interface Part {
  readonly where: string;
  readonly count: number;
  /** By the name of the input. */
  readonly arrays: ReadonlyMap<string, RowArray>;
  readonly labels: Labels | undefined;
  /** Names of files that the rows are of: of images their own, of labels what a column says. */
  readonly rowNames?: readonly string[];
  /** What the user should know of how the file was understood. */
  readonly notes: readonly string[];
  /** Gives back open files and memory; what is read afterwards opens them again. */
  release(): Promise<void>;
}
