import type { DataFormat, ImageChannels, ImageCrop, ImageLayout, ImageResize } from '../data/names.js';
import type { Plugin } from '../frontends/index.js';
import type { Precision } from '../passkit/target.js';

export {
  type DataFormat,
  dataEndings,
  dataFormats,
  type ImageChannels,
  type ImageCrop,
  type ImageLayout,
  type ImageResize,
  imageCrops,
  imageLayouts,
  imageResizes,
} from '../data/names.js';
export { type Precision, precisions } from '../passkit/target.js';

/** Dense removes what is never needed; dynamic also skips at run time what this input does not need. */
export const modes = ['dense', 'dynamic', 'auto'] as const;
/** One of {@link modes}. */
export type Mode = (typeof modes)[number];

/** What plans to skip work are chosen by: the target's costs, or the times of the whole model on samples. */
export const tunings = ['measured', 'predicted'] as const;
/** One of {@link tunings}. */
export type Tuning = (typeof tunings)[number];

/** How far a long operation is. Without a known total, `total` is absent. */
export interface Progress {
  readonly stage:
    | 'import'
    | 'prepare'
    | 'profile'
    | 'optimize'
    | 'rank'
    | 'prune'
    | 'verify'
    | 'plan'
    | 'measure'
    | 'write';
  readonly done?: number;
  readonly total?: number;
}

/** What every operation on a model takes. */
export interface CommonOptions {
  /** Ends the operation with a SwancError of kind `aborted`, and nothing written. */
  readonly signal?: AbortSignal | undefined;
  /** Called often: for each pass, each batch of samples, each plan that is measured. It must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Told what the user should know and no result says: of a profile, how its data were understood. */
  readonly onWarning?: ((warning: string) => void) | undefined;
  /** Rules for layers of the user's own: plugins, or paths of modules whose default export is one. */
  readonly plugins?: readonly (Plugin | string)[] | undefined;
}

/** Calibration data, and how they are read (`docs/data.md`). */
export interface DataOptions {
  /**
   * Files of samples, or folders of them, one behind the other: .npy, .npz, .safetensors, .csv, .tsv, .parquet, .json, .jsonl,
   * .png, .jpg. `name=path` has the data of one input.
   */
  readonly calibration?: string | readonly string[] | undefined;
  /** A file, in any of these formats, with the label of every sample, for calibration data without labels of their own. */
  readonly labels?: string | undefined;
  /** Most samples to use; all by default. */
  readonly samples?: number | undefined;
  /** Takes the samples in an order that depends on this seed alone, so that `samples` of them are a random choice. */
  readonly shuffle?: number | undefined;
  /** The format of files whose name does not tell it; by default found out from how they begin. */
  readonly dataFormat?: DataFormat | undefined;
  /** Whether the first line of tables has the names of their columns; by default found out. */
  readonly dataHeader?: boolean | undefined;
  /** Height and width of the samples that images become; by default those of the input. */
  readonly imageSize?: readonly [height: number, width: number] | undefined;
  /** `bilinear` by default: without antialiasing, between the centres of pixels. */
  readonly imageResize?: ImageResize | undefined;
  /** `center` cuts off what is too wide or too high before resizing; `none` by default, which distorts. */
  readonly imageCrop?: ImageCrop | undefined;
  /**
   * What pixels, and whole numbers for an input of floats, are multiplied by; 1 by default, with a warning where pixels from 0
   * to 255 go to floats. Numbers that are floats already stay as they are.
   */
  readonly imageScale?: number | undefined;
  /** Subtracted from the scaled pixels: one number, or one for each channel. */
  readonly imageMean?: readonly number[] | undefined;
  /** What the rest is divided by: one number, or one for each channel. */
  readonly imageStd?: readonly number[] | undefined;
  /** 1: grey, 3: red, green and blue, 4: with alpha; by default as the input has. */
  readonly imageChannels?: ImageChannels | undefined;
  /** Where the channels of a sample are; by default where the input has 1, 3 or 4 of them. */
  readonly imageLayout?: ImageLayout | undefined;
}

/** What the statistics of gates are collected of, and on. */
export interface ProfileOptions extends CommonOptions, DataOptions {
  /** Path of a model.json, of an .onnx file, or of a folder with one of them. */
  readonly model: string;
  readonly calibration: string | readonly string[];
}

/** What is compiled, for what, with what data, and how far it may depart from the original. */
export interface CompileOptions extends CommonOptions, DataOptions {
  readonly model: string;
  /** Folder to write into. Without it nothing is written, and the models are in the result. */
  readonly out?: string | undefined;
  /** Names of targets; ['cpu'] by default. */
  readonly targets?: readonly string[] | undefined;
  /**
   * 'auto' by default: what is fastest. 'dynamic' skips in one region at least, if any has a plan, with a warning where that
   * is slower than masks.
   */
  readonly mode?: Mode | undefined;
  /** 'measured' by default where there is calibration data and a dynamic form is wanted, else 'predicted'. */
  readonly tune?: Tuning | undefined;
  /**
   * Samples of a run that plans are made and measured for; by default as many as the model takes, 1 where it leaves that
   * open. At most 4096, and no more than there are samples. What is written for a target of fixed batch takes just so
   * many, what is written for others is right for any number.
   */
  readonly batch?: number | undefined;
  /**
   * A file of costs that `tune` wrote. By default that of this machine is used if it is there; false uses the costs that
   * swanc comes with.
   */
  readonly tunedCosts?: string | false | undefined;
  /** Path of a profile that was collected before. */
  readonly profile?: string | undefined;
  /** What units may be removed: those that can never fire, or also those that did not in the profile (the default). */
  readonly dead?: 'proved' | 'observed' | undefined;
  /**
   * Units in use may be removed too, as long as accuracy on held-out calibration samples drops by no more than this part of
   * them: 0.005 for half a point. Needs labels.
   */
  readonly maxDrop?: number | undefined;
  /**
   * As `maxDrop`, as long as the outputs change by no more than this: root mean square of the change in parts of that of
   * the outputs, on held-out calibration samples. Only one of the two can be given.
   */
  readonly maxError?: number | undefined;
  /** What every element of the inputs lies between: proofs that a unit never fires rest on it. */
  readonly inputRange?: readonly [number, number] | undefined;
  /**
   * Also writes the model in this precision, beside the one in `fp32`, with more where accuracy needs it: what stays is in
   * the report. One for all targets, or one by the name of the target: `{ webgpu: 'fp16', edge: 'int8' }`. `int8` needs
   * calibration data.
   */
  readonly precision?: Precision | Readonly<Record<string, Precision>> | undefined;
  /** Most bytes of memory that the activations of a run may take, with the weights beside them not counted. */
  readonly budgetRam?: number | undefined;
  /** Most bytes of the file that is deployed. */
  readonly budgetFlash?: number | undefined;
  /**
   * Adds for every gate that is left an output `<gate>/fires`, [samples, units left], which is 1 for each unit that fires in
   * the sample and 0 for the others.
   */
  readonly gateOutputs?: boolean | undefined;
  /** ONNX operator set to write; the target's default if not given. */
  readonly opset?: number | undefined;
  /** Weights go into a file beside each model, `model.onnx.data`; the default is where a model would pass 2 GB. */
  readonly externalData?: boolean | undefined;
  /** False leaves out the comparison with the original. */
  readonly verify?: boolean | undefined;
  /** Compares before and after every pass, too. */
  readonly verifyEach?: boolean | undefined;
  /** Folder that gets the graph after every pass, as text and as .onnx. */
  readonly dumpIr?: string | undefined;
}

/** What is compared with what. */
export interface VerifyOptions extends CommonOptions, DataOptions {
  readonly model: string;
  /** The compiled .onnx file. */
  readonly compiled: string;
}

/** What is looked at. */
export interface InspectOptions extends CommonOptions {
  readonly model: string;
  /** Tells which units go together, too. */
  readonly units?: boolean | undefined;
}
