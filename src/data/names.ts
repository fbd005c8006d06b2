/** Names that options of calibration data may have: without the formats behind them, so that nothing is loaded for a list. */

/** Formats of files that do not tell theirs by name. */
export const dataFormats = ['npy', 'npz', 'image', 'parquet', 'safetensors', 'json', 'jsonl', 'csv'] as const;
/** What a file of samples is. @useDeclaredType */
export type DataFormat = (typeof dataFormats)[number];

export const imageResizes = ['bilinear', 'none'] as const;
/** How images get another size. @useDeclaredType */
export type ImageResize = (typeof imageResizes)[number];

export const imageCrops = ['center', 'none'] as const;
/** What becomes of an image of other proportions. @useDeclaredType */
export type ImageCrop = (typeof imageCrops)[number];

export const imageLayouts = ['last', 'first'] as const;
/** Where the channels of a sample are: last, or before height and width. @useDeclaredType */
export type ImageLayout = (typeof imageLayouts)[number];

/** 1: grey, 3: red, green and blue, 4: with alpha. */
export type ImageChannels = 1 | 3 | 4;

/** How the names of files in each format end, in lower case. */
export const dataEndings: Readonly<Record<DataFormat, readonly string[]>> = {
  npy: ['.npy'],
  npz: ['.npz'],
  image: ['.png', '.jpg', '.jpeg'],
  parquet: ['.parquet'],
  safetensors: ['.safetensors'],
  json: ['.json'],
  jsonl: ['.jsonl', '.ndjson'],
  csv: ['.csv', '.tsv'],
};

/** What a column, list or array of labels is named, in lower case. */
export const labelNames: readonly string[] = ['labels', 'label', 'class', 'y'];

/** Whether what has this name may be labels. */
export function isLabelName(name: string | undefined): boolean {
  return name !== undefined && labelNames.includes(name.trim().toLowerCase());
}
