import { dataFormats, imageCrops, imageLayouts, imageResizes, modes, tunings } from '../compiler/options.js';
import { channels, dataPaths, factor, imageSize, perChannel } from './data-kinds.js';
import {
  byteSize,
  choice,
  count,
  flag,
  fraction,
  nameList,
  numberRange,
  orFalse,
  path,
  points,
  wholeNumber,
} from './kinds.js';
import { plugins } from './plugins.js';
import { precision } from './precision.js';
import type { OptionKey, OptionRow, OptionTable } from './row.js';

/** The options of calibration data, for commands other than `compile` that take them. */
export const dataOptionKeys = [
  'calibration',
  'labels',
  'samples',
  'shuffle',
  'dataFormat',
  'dataHeader',
  'imageSize',
  'imageResize',
  'imageCrop',
  'imageScale',
  'imageMean',
  'imageStd',
  'imageChannels',
  'imageLayout',
] as const satisfies readonly OptionKey[];

/** Names of the targets. A test holds them against `targets/`, which brings too much to be loaded for a `--help`. */
export const targetNames = ['cpu', 'webgpu', 'edge'] as const;

/**
 * Every option of `compile`, once. From it come the options of the command line, the schema of config files, the queries of
 * imports in bundlers and the man pages. A new option is a member of `CompileOptions` and a row here, in the order in which
 * people should meet them.
 */
export const compileOptions: OptionTable = {
  calibration: {
    flag: 'calibration',
    placeholder: '<path>',
    text: 'samples: .npy, .npz, .safetensors, .csv, .parquet, .json, .jsonl, images, a folder of these, or - (standard input); repeatable, and <input>=<path> for a single input',
    configText:
      "samples: a file or folder ('samples.npy'), or several of them (['a.npz', 'b.npz']); for one of several inputs 'input=file'",
    group: 'Input',
    kind: dataPaths,
  },
  labels: {
    flag: 'labels',
    placeholder: '<file>',
    text: 'class of every sample, in any of these formats',
    default: 'labels in the data',
    group: 'Input',
    kind: path('file'),
  },
  samples: {
    flag: 'samples',
    placeholder: '<count>',
    text: 'use at most so many calibration samples',
    default: 'all',
    group: 'Input',
    kind: count,
  },
  shuffle: {
    flag: 'shuffle',
    placeholder: '<seed>',
    text: 'take the samples in a random order that this number decides, so that --samples is a random choice',
    group: 'Input',
    kind: wholeNumber,
  },
  dataFormat: {
    flag: 'data-format',
    placeholder: '<format>',
    text: 'format of samples whose file name does not tell it',
    default: 'found out from how they begin',
    group: 'Input',
    kind: choice(dataFormats),
  },
  dataHeader: {
    flag: 'data-header',
    text: 'the first line of tables has the names of their columns; with --no-data-header it is a sample',
    default: 'found out',
    group: 'Input',
    kind: flag,
  },
  imageSize: {
    flag: 'image-size',
    placeholder: '<size>',
    text: 'height and width of the samples that images become, such as 224x224',
    default: "the input's",
    group: 'Images',
    kind: imageSize,
  },
  imageResize: {
    flag: 'image-resize',
    placeholder: '<way>',
    text: 'bilinear: bring images to their size, without antialiasing; none: refuse others, or cut with --image-crop center',
    default: 'bilinear',
    group: 'Images',
    kind: choice(imageResizes),
  },
  imageCrop: {
    flag: 'image-crop',
    placeholder: '<way>',
    text: 'center: cut off what is too wide or too high, before resizing; none: distort',
    default: 'none',
    group: 'Images',
    kind: choice(imageCrops),
  },
  imageScale: {
    flag: 'image-scale',
    placeholder: '<factor>',
    text: 'multiply pixels, which are 0 to 255, by this, such as 1/255',
    default: '1',
    group: 'Images',
    kind: factor,
  },
  imageMean: {
    flag: 'image-mean',
    placeholder: '<numbers>',
    text: 'subtract this from scaled pixels: a number, or one for each channel',
    default: '0',
    group: 'Images',
    kind: perChannel,
  },
  imageStd: {
    flag: 'image-std',
    placeholder: '<numbers>',
    text: 'divide by this then: a number, or one for each channel',
    default: '1',
    group: 'Images',
    kind: perChannel,
  },
  imageChannels: {
    flag: 'image-channels',
    placeholder: '<count>',
    text: '1: grey, 3: red, green and blue, 4: with alpha',
    default: "the input's",
    group: 'Images',
    kind: channels,
  },
  imageLayout: {
    flag: 'image-layout',
    placeholder: '<order>',
    text: 'whether the channels of a sample come last or first',
    default: "the input's",
    group: 'Images',
    kind: choice(imageLayouts),
  },
  profile: {
    flag: 'profile',
    placeholder: '<file>',
    text: 'gate statistics written by "swanc profile"',
    group: 'Input',
    kind: path('file'),
  },
  inputRange: {
    flag: 'input-range',
    placeholder: '<low,high>',
    text: 'what every input element lies between: lets more be proved',
    configText: 'what every input element lies between ([0, 1]): lets more be proved',
    group: 'Input',
    kind: numberRange,
  },
  plugins: {
    flag: 'plugin',
    placeholder: '<file>',
    text: 'module with rules for your own layers; repeatable',
    configText: "modules with rules for your own layers (['layers.mjs']), or the functions themselves",
    group: 'Input',
    kind: plugins,
  },
  out: {
    flag: 'out',
    short: 'o',
    placeholder: '<folder>',
    text: 'folder to write to',
    default: 'swanc-out',
    group: 'Output',
    kind: path('folder'),
  },
  targets: {
    flag: 'target',
    placeholder: '<names>',
    text: 'where the model will run: cpu, webgpu, edge; several separated by commas',
    default: 'cpu',
    configText: "where the model will run: 'cpu', 'webgpu', 'edge', as a list (['cpu', 'edge'])",
    group: 'Output',
    kind: nameList(targetNames),
  },
  opset: {
    flag: 'opset',
    placeholder: '<version>',
    text: 'ONNX operator set to write',
    default: "the target's",
    group: 'Output',
    kind: count,
  },
  externalData: {
    flag: 'external-data',
    text: 'write the weights into a file beside each model',
    default: 'where it would pass 2 GB',
    group: 'Output',
    kind: flag,
  },
  gateOutputs: {
    flag: 'gate-outputs',
    text: 'add an output <gate>/fires for every gate: which of the units left fire in each sample',
    group: 'Output',
    kind: flag,
  },
  mode: {
    flag: 'mode',
    placeholder: '<mode>',
    text:
      'dense: remove what is never needed; auto: also skip what an input does not need, where that is faster; ' +
      'dynamic: skip something in any case, and warn where that is slower',
    default: 'auto',
    group: 'Gates',
    kind: choice(modes),
  },
  dead: {
    flag: 'dead',
    placeholder: '<basis>',
    text: 'proved: remove only units that can never fire; observed: also those that did not on the samples',
    default: 'observed',
    group: 'Gates',
    kind: choice(['proved', 'observed']),
  },
  tune: {
    flag: 'tune',
    placeholder: '<way>',
    text: 'how plans to skip work are chosen: measured on the samples, or predicted by costs',
    default: 'measured with samples',
    group: 'Gates',
    kind: choice(tunings),
  },
  batch: {
    flag: 'batch',
    placeholder: '<count>',
    text: 'samples of a run, up to 4096: files for webgpu and edge take just so many, others are planned for it',
    default: 'what the model takes, else 1',
    group: 'Gates',
    kind: count,
  },
  tunedCosts: {
    flag: 'tuned-costs',
    placeholder: '<file>',
    text: 'costs written by "swanc tune"',
    default: 'those of this machine, if it was run',
    group: 'Gates',
    kind: orFalse(path('file')),
    negated: 'use the costs that swanc comes with',
  },
  precision: {
    flag: 'precision',
    placeholder: '<type>',
    text:
      'write the model in this precision, too, beside model.onnx in fp32: fp16 for webgpu; int8 for cpu and edge, with ' +
      '--calibration; for each target its own as webgpu=fp16,edge=int8',
    default: 'fp32 alone',
    configText:
      "write the model in this precision, too, beside model.onnx in fp32: 'fp16' for webgpu; 'int8' for cpu and edge, with calibration; for each target its own as { webgpu: 'fp16', edge: 'int8' }",
    group: 'Precision',
    kind: precision,
  },
  maxDrop: {
    flag: 'max-drop',
    placeholder: '<part>',
    text: 'remove units in use, too, while accuracy on held-out samples drops by at most this, such as 0.5%; needs labels',
    group: 'Budgets',
    kind: points,
    excludes: ['maxError'],
  },
  maxError: {
    flag: 'max-error',
    placeholder: '<part>',
    text: 'remove units in use, too, while outputs for held-out samples change by at most this part of them, such as 1e-3',
    group: 'Budgets',
    kind: fraction,
    excludes: ['maxDrop'],
  },
  budgetRam: {
    flag: 'budget-ram',
    placeholder: '<size>',
    text: 'for webgpu and edge: fail if the activations of a run take more memory than this, such as 256K; K is 1024 bytes',
    group: 'Budgets',
    kind: byteSize,
  },
  budgetFlash: {
    flag: 'budget-flash',
    placeholder: '<size>',
    text: 'fail if the file to be deployed is larger than this, such as 1.5M; M is 1024 K',
    group: 'Budgets',
    kind: byteSize,
  },
  verify: {
    flag: 'verify',
    text: 'leave out the comparison with the original',
    group: 'Verification',
    kind: flag,
    negated: true,
  },
  verifyEach: {
    flag: 'verify-each',
    text: 'compare before and after every pass, too',
    group: 'Verification',
    kind: flag,
  },
  dumpIr: {
    flag: 'dump-ir',
    placeholder: '<folder>',
    text: 'write the graph after every pass, as text and as .onnx',
    group: 'Diagnostics',
    kind: path('folder'),
  },
};

/** The rows, each with its key, in the order of the table; for what treats them all alike. */
export const optionRows: readonly (OptionRow<unknown> & { readonly key: OptionKey })[] = Object.entries(
  compileOptions,
).map(([key, row]) => ({ ...row, key: key as OptionKey }));
