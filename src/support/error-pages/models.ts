import type { ErrorPages } from './page.js';

/** Pages of errors of models. */
export const modelsPages = {
  SWC3001: {
    happened: 'Where the model should be there is no file, or none that can be read.',
    causes: ['A slip in the path.', 'A folder that has neither `model.json` nor `model.onnx` in it.'],
    advice: ['Give the path of the `model.json`, of the folder it is in, or of an `.onnx` file.'],
    example: `error SWC3001: there is no such model
  modle.json: there is no such file or folder`,
  },
  SWC3002: {
    happened: 'The file is there, but it is not the `model.json` of a TensorFlow.js layers model.',
    causes: [
      'A download that saved a page of the web in place of the file.',
      'A pointer of Git LFS: run `git lfs pull`.',
      'Some other file of JSON.',
    ],
    advice: [
      'Save the model with `model.save()` of tfjs layers, or convert it with `tensorflowjs_converter ' +
        '--output_format=tfjs_layers_model`.',
    ],
    example: `error SWC3002: the file is no model.json
  text/model.json: this is not JSON: Unexpected token '<', "<!DOCTYPE "... is not valid JSON`,
  },
  SWC3003: {
    happened:
      'The model names a file with weights that is not there, or that has fewer or more bytes than the model says.',
    causes: [
      '`model.json` was copied without its `.bin` files.',
      'A download or copy that broke off.',
      'Files of two different saves in one folder.',
    ],
    advice: ['Copy `model.json` and all files with weights again, from one save, into one folder.'],
    example: `error SWC3003: model.json is not a valid model (1 problem)
  weights file 'weights.bin': there is no file weights.bin
    copy all shards next to the model.json`,
  },
  SWC3004: {
    happened: 'The file is a layers model, but it contradicts itself or lacks something. All that is wrong is listed.',
    causes: [
      'A file that was edited by hand or written by another program.',
      'A model that was saved before it was built.',
    ],
    advice: [
      'Load it with `tf.loadLayersModel`: if that fails as well, the file is wrong, and has to be saved again.',
      'If TensorFlow.js loads and runs it, please report it: then swanc is wrong.',
    ],
    example: `error SWC3004: model.json is not a valid model (1 problem)
  hidden: units = -8 is not possible: a whole number of at least 1 is needed`,
  },
  SWC3005: {
    happened:
      'Layers of the model do what swanc has no rule for: a setting, an activation or a way to call them. ' +
      'swanc never guesses, so nothing is compiled. All such places are listed.',
    causes: ['A setting that few models use.', 'A field that a later version of Keras added.'],
    advice: [
      'Look at [limits.md](limits.md): it tells what is known of each class.',
      'Train or save the model without that setting, or give a rule of your own for the class, by a ' +
        '[plugin](custom-layers.md).',
    ],
    example: `error SWC3005: model.json has parts that swanc does not support (2 problems)
  hidden: activation = "my_relu" is not a known activation
    known are linear, elu, selu, relu, relu6, sigmoid, hard_sigmoid, softplus, softsign, tanh, softmax, log_softmax, gelu, gelu_new, mish, swish
  hidden: the field sparsity = 0.5 is not known for this layer`,
  },
  SWC3006: {
    happened: 'The bytes of the `.onnx` file are no ONNX model, or only a part of one.',
    causes: [
      'A download or copy that broke off.',
      'A pointer of Git LFS: run `git lfs pull`.',
      'A file of another kind with the ending `.onnx`.',
    ],
    advice: ['Get the file again. `onnx.checker.check_model` in Python tells more of it.'],
    example: `error SWC3006: the ONNX file is damaged
  model.onnx: this is no ONNX model that can be read: field 14 at byte 1 has wire type 6`,
  },
  SWC3007: {
    happened: 'The ONNX file is in order, but it has parts that swanc does not know. All of them are listed.',
    causes: [
      'An operator set that is older or newer than those that swanc reads.',
      "Sequences, maps, sparse tensors, functions of the model's own.",
    ],
    advice: ['Export the model again, at an operator set from 13 to 21.'],
    example: `error SWC3007: this ONNX operator set is not supported
  model.onnx: opset 99
    Export the model at an opset from 7 to 21.`,
  },
  SWC3008: {
    happened:
      'The parts of the graph do not fit one another: a value that is read and never made, a name that is ' +
      'given twice, shapes that an operator does not take.',
    causes: [
      'A tool that edited the graph and left something out.',
      'A rule of a plugin that makes nodes with wrong inputs.',
    ],
    advice: [
      'Look at the node that is named, in a viewer such as Netron.',
      '`onnx.checker.check_model(model, full_check=True)` in Python finds most of this as well.',
    ],
    example: `error SWC3008: the graph contradicts itself
  node 'relu' (Relu): 'hidden' is read, but nothing before this place defines it`,
  },
  SWC3009: {
    happened: 'The model, or a single value in it, is larger than can be handled. Nothing was run.',
    causes: [
      'A layer with a very large size, often by mistake.',
      'Weights beside an `.onnx` file that make more than 2 GB with it.',
    ],
    advice: [
      'Look at the sizes of the layer that is named.',
      '`--no-verify`, without `--calibration`, compiles what cannot be run on this machine.',
    ],
    example: `error SWC3009: the model is too large
  repeat: it has 4000000000000 elements for one sample: too many to be run here
    compile without verification and calibration data`,
  },
  SWC3010: {
    happened: 'swanc runs models in ONNX Runtime while it compiles, and neither of its packages could be loaded.',
    causes: ['`node_modules` is incomplete.', 'A policy or a loader that keeps out native code and WebAssembly.'],
    advice: [
      '`npm install --ignore-scripts onnxruntime-node`, or `npm install` again: `onnxruntime-web` comes with swanc.',
    ],
    example: `error SWC3010: no ONNX Runtime can be loaded
  onnxruntime-node: does not load: Cannot find package 'onnxruntime-node'
  onnxruntime-web: does not load: Cannot find package 'onnxruntime-web'`,
  },
  SWC3011: {
    happened: 'The file can be read, but ONNX Runtime does not run it. What it says is in the message.',
    causes: [
      'An operator that this version of ONNX Runtime does not have.',
      'A file that was edited after it was compiled.',
    ],
    advice: [
      'Compile the model again.',
      'Take the version of ONNX Runtime that the file was made for, or a later one.',
    ],
    example: `error SWC3011: ONNX Runtime refuses the model
  ONNX model: Fatal error: com.acme:Sharpen(-1) is not a registered function/op`,
  },
  SWC3012: {
    happened: 'The target has no kernel for operators of the model. All of them are listed.',
    causes: ['An operator of a domain of its own.', 'An operator that exists on other devices only.'],
    advice: ['Choose another `--target`; [targets.md](targets.md) tells what runs where.', 'Replace the layer.'],
    example: `error SWC3012: not for target webgpu
  y: target webgpu does not run com.microsoft.Gelu`,
  },
  SWC3013: {
    happened:
      'The model has operators that are newer than the operator set that was asked for, and that cannot be ' +
      'written in older ones.',
    causes: ['A low `--opset`.'],
    advice: ['Leave out `--opset`, or give the version that the message names.'],
    example: `error SWC3013: opset 17 lacks operators of this model
  y: Resize came with opset 19
    Write at opset 19 or later.`,
  },
  SWC3014: {
    happened: 'With `--precision int8` nothing would run on integers: the file would be the same as in `fp32`.',
    causes: [
      'A model without dense layers and convolutions.',
      'Layers that all decide something, such as the scores of gates: these stay in floats.',
    ],
    advice: ['Leave out `--precision`. The lines of the message tell the reason for each layer.'],
    example: `error SWC3014: nothing of the model runs on integers of 8 bits
  relu: what it reads is in floats`,
  },
} as const satisfies ErrorPages;
