import type { ErrorPages } from './page.js';

/** Pages of errors of calibration data, profiles, costs and compiled files. */
export const dataPages = {
  SWC3101: {
    happened: 'The path given by `--calibration` or `--labels` cannot be opened, or is no file of data.',
    causes: ['A slip in the path.', 'A format that is not read.'],
    advice: [
      '[data.md](data.md) lists what is read.',
      "From Python, `numpy.save('samples.npy', x)` writes what always works.",
    ],
    example: `error SWC3101: the calibration data cannot be used
  sample.npy: cannot be read: there is no such file or folder`,
  },
  SWC3102: {
    happened: 'The file begins as it should, but its content contradicts that.',
    causes: [
      'A download or copy that broke off, or a program that was stopped while it wrote.',
      'A file of another kind that was renamed.',
    ],
    advice: ['Write or copy the file again.'],
    example: `error SWC3102: the calibration data cannot be used
  samples.npy: has 400 bytes; 768 belong to float32 of shape (40, 4)`,
  },
  SWC3103: {
    happened: 'The data are in order, but the model takes others: another shape, or other names of inputs.',
    causes: [
      'One sample saved without the axis of samples: `x[None]` adds it.',
      'Channels first where the model wants channels last: `x.transpose(0, 2, 3, 1)`.',
      'Several inputs and one array: a `.npz` file has an array for each, by the name of the input.',
    ],
    advice: [
      '`swanc inspect model.json` shows the names, shapes and types of the inputs. The first axis is that of ' +
        'the samples.',
    ],
    example: `error SWC3103: the calibration data cannot be used
  samples.npy: has shape [40, 5]; input 'hidden_input' takes [samples, 4]`,
  },
  SWC3104: {
    happened: "A sample holds a value that the model's input cannot have.",
    causes: [
      'NaN or infinity in the data.',
      'Floats for an input of integers, or integers beyond its range.',
      'A position in a table, such as a token, that the table does not have.',
    ],
    advice: ["Look at the sample that is named, and clean or convert the data: `x.astype('int32')`."],
    example: `error SWC3104: the calibration data hold values that the model cannot take
  samples.npy: sample 3 holds NaN`,
  },
  SWC3105: {
    happened: 'The labels cannot be those of the samples and of this model.',
    causes: [
      'As many labels as there are not samples.',
      'Labels that count from 1, or one-hot labels: `numpy.argmax(y, -1)` makes numbers of them.',
      'Labels or samples in another order: the model is right no more often than by chance.',
    ],
    advice: ['Give one whole number for each sample, from 0, in the order of the samples.'],
    example: `error SWC3105: the calibration data cannot be used
  labels.npy: has 40 labels for 50 samples`,
  },
  SWC3106: {
    happened:
      'On these data the model computes infinite values, or what is no number, where numbers are needed: ' +
      'scores of gates, or ranges for integers.',
    causes: [
      'Inputs that are not scaled as in training: 0 to 255 in place of 0 to 1.',
      'Weights that are very large: training that diverged.',
    ],
    advice: [
      'Scale the samples as in training.',
      'Look at the layer that is named: `swanc inspect model.json` shows the ones before it.',
    ],
    example: `error SWC3106: the model computes values that are infinite or no numbers
  gate 'gate': the score of unit 0 is not a finite number
    look for such values in data and weights`,
  },
  SWC3107: {
    happened: 'The file is in order, but it holds something else than plain numbers in a form that is known.',
    causes: ['Python objects: rows of several lengths, or strings.', 'Records with fields, complex numbers.'],
    advice: ["Make an array of numbers of it: `numpy.asarray(x, dtype='float32')`, and save that."],
    example: `error SWC3107: the calibration data cannot be used
  samples.npy: holds Python objects
    convert it to numbers first: numpy.asarray(x, dtype="float32")`,
  },
  SWC3108: {
    happened:
      '`--input-range` says what every element of the inputs lies between, and a sample does not keep to it. ' +
      'What is proved for the range says nothing of that sample.',
    causes: ['The range is meant for inputs that are scaled, and the data are not.', 'An outlier.'],
    advice: ['Give a range that holds for all inputs the model will ever see, or scale the data.'],
    example: `error SWC3108: a sample lies outside the input range
  calibration data: sample 0 of input 'hidden_input' has an element -0.756802499294281 outside 0 to 1
    give an --input-range that holds for all inputs`,
  },
  SWC3109: {
    happened: 'The data are in order, but there is no sample in them.',
    causes: ['An array with 0 as its first size.', 'A filter before it that let nothing through.'],
    advice: ['Write the data again, and look at their shape: the first axis is that of the samples.'],
    example: `error SWC3109: the calibration data cannot be used
  samples.npy: holds no samples`,
  },
  SWC3201: {
    happened: 'The file given as a profile is none, or cannot be read.',
    causes: [
      'Another file of JSON, such as `report.json`.',
      'A profile of another version of swanc.',
      'A file that was edited or cut off.',
    ],
    advice: ['Make it again: `swanc profile model.json --calibration samples.npy -o profile.json`.'],
    example: `error SWC3201: the profile cannot be used
  profile.json: has version 0; version 2 is understood
    make it again with this version of swanc`,
  },
  SWC3202: {
    happened: 'Profiles can be merged only if they are of the same model.',
    causes: ['Shards that were profiled with different versions of the model.'],
    advice: ['Profile all shards with the same `model.json` and weights.'],
    example: `error SWC3202: the profiles do not belong together
  profile 2: is of another model than the first
    profile all shards with the same model file`,
  },
  SWC3203: {
    happened:
      'The profile was made of another model, or of the same one before it was trained on. What its gates did ' +
      'says nothing of this model.',
    causes: ['The model was saved anew since.'],
    advice: ['Profile this model: `swanc profile model.json --calibration samples.npy -o profile.json`.'],
    example: `error SWC3203: this profile is of another model
  profile.json: it is of the model 3d26f1cc4af6…, this one is 3c6b8843a62b…
    profile this model again`,
  },
  SWC3204: {
    happened: 'Counts add up to more than 2^53, beyond which they would not be exact.',
    causes: ['A profile that was edited.', 'A profile that was merged with itself again and again.'],
    advice: ['Merge each shard once.'],
    example: 'error SWC3204: the counts of the profiles add up to more than 2^53',
  },
  SWC3301: {
    happened: 'The file with measured costs cannot be used.',
    causes: [
      'A file of another version of swanc.',
      'A file that was edited or cut off, or that is for another target.',
    ],
    advice: [
      'Measure again: `swanc tune`, or with `--out` for a file elsewhere.',
      '`--no-tuned-costs` compiles by the costs that swanc comes with.',
    ],
    example: `error SWC3301: the file of costs cannot be used
  costs.json: its costs are in version 0 of the format, not 1
    run "swanc tune --out costs.json" again, or leave out --tuned-costs`,
  },
  SWC3401: {
    happened: 'Nothing that swanc compiled is at this place.',
    causes: [
      'Another folder than the one that was compiled to.',
      'An `.ort` file without the `.onnx` file beside it, which tells what it rests on.',
    ],
    advice: ['Give the folder that was given to `swanc compile --out`, or a model file in it.'],
    example: `error SWC3401: there is no compiled model
  build: this folder has no compiled model
    give the folder that was compiled to, the folder of a target in it, or a file`,
  },
  SWC3402: {
    happened:
      'The two models do not take the same inputs and give the same outputs: names, types and ranks must be equal.',
    causes: ['The compiled file belongs to another model.', 'The original was changed since it was compiled.'],
    advice: ['Compile this model again, and verify that.'],
    example: `error SWC3402: these models cannot be compared
  input 'hidden_input': the original has float32 of rank 2, 'build/model.onnx' has none
  output 'classes': the original has float32 of rank 2, 'build/model.onnx' has none
  input 'x': 'build/model.onnx' has it and the original does not
  output 'y': 'build/model.onnx' has it and the original does not`,
  },
  SWC3403: {
    happened:
      'A compiled file tells in its metadata what was removed and what it may lose, and here that cannot be read.',
    causes: ['A tool that changed the file after it was compiled.', 'A file of a later version of swanc.'],
    advice: ['Compile the model again.'],
    example: `error SWC3403: the compiled file says of itself what swanc does not write
  build/cpu/model.onnx: its metadata 'swanc.removed' is not what swanc writes`,
  },
  SWC3404: {
    happened: 'A page was to be made of the report of a compile, and this is no such report, or none that can be read.',
    causes: [
      'Another folder than the one that was compiled to.',
      'A report that an earlier version of swanc wrote.',
      'A file that was changed, or is not whole.',
    ],
    advice: ['Give the folder that was given to `swanc compile --out`, or compile the model again.'],
    example: `error SWC3404: the report cannot be used
  build/report.json: there is no such file or folder
    give the folder that was compiled to, or the report.json in it`,
  },
} as const satisfies ErrorPages;
