import type { Plugin } from '../frontends/index.js';
import type { Precision } from '../passkit/target.js';

export { type Precision, precisions } from '../passkit/target.js';

/** Dense removes what is never needed; dynamic also skips at run time what this input does not need. */
export const modes = ['dense', 'dynamic', 'auto'] as const;
export type Mode = (typeof modes)[number];

/** What plans to skip work are chosen by: the target's costs, or the times of the whole model on samples. */
export const tunings = ['measured', 'predicted'] as const;
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
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Rules for layers of the user's own: plugins, or paths of modules whose default export is one. */
  readonly plugins?: readonly (Plugin | string)[] | undefined;
}

export interface ProfileOptions extends CommonOptions {
  /** Path of a model.json, of an .onnx file, or of a folder with one of them. */
  readonly model: string;
  /** Path of .npy, .npz, or of a folder of them. */
  readonly calibration: string;
  /** Most samples to use; all by default. */
  readonly samples?: number | undefined;
}

export interface CompileOptions extends CommonOptions {
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
  /** Data for the gates' statistics, verification and measurements. */
  readonly calibration?: string | undefined;
  /** Path of a profile that was collected before. */
  readonly profile?: string | undefined;
  /** Most calibration samples to use; all by default. */
  readonly samples?: number | undefined;
  /** What units may be removed: those that can never fire, or also those that did not in the profile (the default). */
  readonly dead?: 'proved' | 'observed' | undefined;
  /** .npy file with the class number of every sample, for calibration data without labels of their own. */
  readonly labels?: string | undefined;
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

export interface VerifyOptions extends CommonOptions {
  readonly model: string;
  /** The compiled .onnx file. */
  readonly compiled: string;
  readonly calibration?: string | undefined;
  /** .npy file with the class number of every sample: a budget of accuracy is judged by labels. */
  readonly labels?: string | undefined;
  readonly samples?: number | undefined;
}

export interface InspectOptions extends CommonOptions {
  readonly model: string;
  /** Tells which units go together, too. */
  readonly units?: boolean | undefined;
}
