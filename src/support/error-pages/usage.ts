import type { ErrorPages } from './page.js';

/** Pages of errors of calls, and of what did not end. */
export const usagePages = {
  SWC1001: {
    happened: 'Something happened in swanc that never should. It is not your fault, and nothing was written.',
    causes: ['A model with a combination of layers that nobody tried before.'],
    advice: [
      'Run the same command with `--verbose`, and report what it prints, with the model if you can.',
      '`--mode dense` and `--dead proved` leave out the parts of the compiler that do most. They may get you ' +
        'further until it is mended.',
    ],
    example: `internal error SWC1001: Cannot read properties of undefined (reading 'shape')
This is a defect of swanc. Please report it with the command, the model if you can, and what the same command prints with --verbose.`,
  },
  SWC1002: {
    happened:
      'The program that called swanc stopped it, by its `AbortSignal`, before the work was done. Nothing was ' +
      'written. On the command line this is Ctrl-C: it prints `interrupted: nothing was written` and ends with ' +
      'exit code 130.',
    causes: ['A time limit of the caller.'],
    advice: ['Call again without the signal, or with more time.', 'Less data take less time: `--samples 1000`.'],
    example: 'error SWC1002: aborted by the caller',
  },
  SWC2001: {
    happened: 'The command, an option or its value is not known.',
    causes: [
      'A slip of the pen; a similar name is suggested where there is one.',
      'An option of another command: each has its own.',
    ],
    advice: ['`swanc help compile` prints the options of a command; [cli.md](cli.md) tells all.'],
    example: `error SWC2001: the command line is not understood
  swanc compile: unknown option '--sample'
    did you mean --samples?`,
  },
  SWC2002: {
    happened:
      'Each option is understood, but they contradict one another, or do not fit the model or the data. All ' +
      'that do not fit are listed.',
    causes: [
      'Two options of which only one can hold.',
      'An option that needs calibration data, without `--calibration`.',
      'An option that the target does not know.',
    ],
    advice: ['Follow the line under each problem: it says what to give or what to leave out.'],
    example: `error SWC2002: these options do not fit
  verify each: passes cannot be verified with verification left out`,
  },
  SWC2003: {
    happened: 'A file could not be written. Files of an earlier run stay as they were.',
    causes: [
      'The path given by `--out` is a file and no folder, or the other way round.',
      'You may not write there, or the disk is full.',
    ],
    advice: ['Name another place with `--out`.'],
    example: `error SWC2003: nothing can be written
  build: it is a file
    name a folder with --out`,
  },
  SWC2004: {
    happened: 'The module given by `--plugin` cannot be loaded, or does not do what a plugin must.',
    causes: [
      'A wrong path: it is relative to the working directory.',
      'The module does not export a function as its default.',
      'Two plugins have rules for the same class of layers.',
    ],
    advice: ['Compare it with the plugin in [custom-layers.md](custom-layers.md).'],
    example: `error SWC2004: a plugin cannot be used
  my-layers.mjs: its default export is no function
    export default ({ registerLayer }) => { … }`,
  },
  SWC2005: {
    happened: 'A budget of accuracy or error asks for evidence, and the data cannot give it.',
    causes: [
      'Too few samples: one half ranks the units, on the other half the loss is measured.',
      '`--max-drop` without labels.',
      '`--max-drop` for a model whose output is no list of classes.',
    ],
    advice: [
      'Give more calibration data: some hundreds at least, thousands for half a point of accuracy.',
      'Give `--labels`, or judge by `--max-error`, which needs none.',
    ],
    example: `error SWC2005: the budget cannot be judged
  calibration data: has no labels to measure accuracy by
    an array 'labels' in the .npz file, labels.npy in the folder, or --labels <file>
  calibration data: 10 samples are too few to rank by one half and judge by the other
    give some hundreds at least`,
  },
  SWC2006: {
    happened: 'The config file is found, but what it says is not understood. All that is wrong in it is listed.',
    causes: [
      'An option that does not exist, or a value of the wrong type.',
      'A syntax error in `swanc.config.ts`, or an import in it that fails.',
    ],
    advice: [
      'Compare it with [config.schema.json](config.schema.json): editors that know JSON Schema do that while ' +
        'you type.',
      '`swanc init` writes a file that is right.',
    ],
    example: `error SWC2006: the config file cannot be used
  swanc.config.json: taget: there is no such option
    did you mean 'target'?`,
  },
  SWC2007: {
    happened: 'A bundler imports a model with options that swanc does not understand.',
    causes: ['A misspelt option in the query behind `?swanc`.', 'A value that the option does not take.'],
    advice: [
      'The query takes the options of the command line by their names in [cli.md](cli.md): ' +
        '`./model.json?swanc&target=webgpu&mode=dynamic`.',
    ],
    example: `error SWC2007: the import of a model by a bundler cannot be used
  ./model.json?swanc: taget: there is no such option
    did you mean 'target'?`,
  },
  SWC2008: {
    happened:
      '`fp16` and `int8` need to know how large the numbers in the model become, and that is seen on data only.',
    causes: [
      '`--precision int8` without `--calibration`.',
      'A single sample: `int8` needs one half of the data for ranges and the other half to judge by.',
      '`--precision fp16` with neither data nor verification.',
    ],
    advice: ['Give `--calibration`, some hundreds of samples like those that the model will see.'],
    example: `error SWC2008: these options do not fit
  precision: int8 takes the ranges of values from data
    give --calibration`,
  },
  SWC2009: {
    happened: 'A rule in a plugin of yours threw an error. The message is its own.',
    causes: ['A mistake in the rule.', 'A layer with other inputs or another config than the rule expects.'],
    advice: [
      'Mend the rule at the layer that is named. `--verbose` prints where in your module it failed.',
      '[custom-layers.md](custom-layers.md) tells what a rule is given.',
    ],
    example: `error SWC2009: own/model.json cannot be read (1 problem)
  the rule for Scale of scale.mjs: it failed at 'scale': Cannot read properties of undefined (reading 'x')`,
  },
  SWC5001: {
    happened:
      'The model is compiled, but it does not fit the memory that you said there is. Nothing was written. The ' +
      'message tells what is largest.',
    causes: [
      '`--budget-ram`: activations that are in memory at the same time.',
      '`--budget-flash`: the bytes of the file to be deployed.',
    ],
    advice: [
      'Follow the advice of the message: data to remove units by, a budget of accuracy, a lower precision, a ' +
        'smaller batch.',
    ],
    example: `error SWC5001: the memory budget is exceeded
  cpu/model.onnx: 857 bytes, 657 bytes more than the budget of 200 bytes: 589 bytes are the graph itself, of the weights hidden has 160 bytes, classes has 108
    --precision int8, with --calibration, makes weights a quarter as large; --calibration removes units that never fire on your samples; --max-drop or --max-error with --calibration removes units that tell little`,
  },
} as const satisfies ErrorPages;
