import type { ErrorPages } from './page.js';

/** Pages of errors of files of models, their weights and their layers. */
export const moreModelsPages = {
  SWC3015: {
    happened: 'The model has layers of a class that swanc does not know. All of them are listed.',
    causes: ['A layer class of your own.', 'A `Lambda` layer: what it does is a program, and not in the file.'],
    advice: [
      'Write a rule for the class, often a few lines, and give it with `--plugin`: ' +
        '[custom-layers.md](custom-layers.md).',
      'Replace the layer by others that do the same; [limits.md](limits.md) lists those that are known.',
    ],
    example: `error SWC3015: model.json has parts that swanc does not support (1 problem)
  scale: layers of class Lambda are not supported
    give a rule for this class with a plugin, or replace the layer`,
  },
  SWC3016: {
    happened:
      'The file is HDF5 (`.h5`) or a ZIP archive (`.keras`): a model as Keras in Python saves it. swanc reads ' +
      'the format of TensorFlow.js.',
    causes: ['The model was trained in Python and not converted yet.'],
    advice: [
      'Convert it: `tensorflowjs_converter --input_format=keras --output_format=tfjs_layers_model model.h5 out`.',
      'A `.keras` file of Keras 3 is first saved by Keras 2 (`tf_keras`) as `.h5`.',
    ],
    example: `error SWC3016: the file is as Keras saves models
  model.keras: it is a file of ZIP, and no model.json
    convert it: tensorflowjs_converter --input_format=keras --output_format=tfjs_layers_model <file> <folder>`,
  },
  SWC3017: {
    happened: 'The model was saved by Keras 3, which writes calls of layers and names of weights in another way.',
    causes: ['TensorFlow 2.16 or later, in which Keras is Keras 3.'],
    advice: ['Save it with Keras 2: install `tf_keras`, set `TF_USE_LEGACY_KERAS=1`, and convert again.'],
    example: `error SWC3017: model.json has parts that swanc does not support (1 problem)
  classifier: the model is in the format of Keras 3
    save it with Keras 2: tf_keras, or TensorFlow before 2.16`,
  },
  SWC3018: {
    happened:
      'This is a graph model of TensorFlow.js: a frozen graph without layers. swanc reads layers models, in ' +
      'which gates and units can be told.',
    causes: ['`tensorflowjs_converter` without `--output_format=tfjs_layers_model`.'],
    advice: [
      'Convert the Keras model again, with `--output_format=tfjs_layers_model`.',
      'If only the graph is left, write it as ONNX by another tool, and give swanc the `.onnx` file.',
    ],
    example: `error SWC3018: model.json has parts that swanc does not support (1 problem)
  format: this is a graph model; layers models are supported
    save the model with model.save() of tfjs layers, or convert it with --output_format=tfjs_layers_model`,
  },
  SWC3019: {
    happened: 'A file that the target takes cannot be made here.',
    causes: ['`--target edge` without `onnxruntime-node`: only that writes `.ort` files.'],
    advice: ['`npm install --ignore-scripts onnxruntime-node`, or compile on a machine that has it.'],
    example: `error SWC3019: these targets cannot be compiled for here
  target edge: onnxruntime-web cannot write .ort files
    install onnxruntime-node: npm install --ignore-scripts onnxruntime-node
  target edge: onnxruntime-web cannot list its kernels
    install onnxruntime-node: npm install --ignore-scripts onnxruntime-node`,
  },
  SWC3020: {
    happened: 'One file of ONNX holds 2 GB at most, and the model is larger.',
    causes: ['A large model without `--external-data`.'],
    advice: ['Compile with `--external-data`: weights go into a file beside the model.'],
    example: `error SWC3020: the model does not fit into one ONNX file
  classifier: 3000000000 bytes, at most 2147483647 are possible
    compile with --external-data`,
  },
  SWC3021: {
    happened:
      'The model names a weights file that is not in its own folder or below it. A model from elsewhere could ' +
      'make swanc read any file of yours, so this is refused.',
    causes: [
      'A path with `..`, an absolute path, or an address of the web in `model.json` or in an `.onnx` file.',
      'A symbolic link that leads out of the folder.',
    ],
    advice: [
      'Copy the files into the folder of the model, and name them there.',
      'If the model is not your own, do not trust it.',
    ],
    example: `error SWC3021: model.json is not a valid model (1 problem)
  weights file '../weights.bin': the manifest names a file outside the model's folder`,
  },
  SWC3022: {
    happened:
      'Layers need weights that the files do not have, or have in another shape; or the files have weights ' +
      'that no layer needs.',
    causes: [
      '`model.json` and the files with weights come from two different models.',
      'A layer of your own whose rule names its weights otherwise.',
    ],
    advice: [
      'Save the model again, and copy all of its files.',
      'In a rule, compare the names with those that `model.json` lists in `weightsManifest`.',
    ],
    example: `error SWC3022: model.json is not a valid model (3 problems)
  hidden/kernel: the file has float32[4, 8] where the layer needs float32[4, 16]
  hidden/bias: the file has float32[8] where the layer needs float32[16]
  classes/kernel: the file has float32[8, 3] where the layer needs float32[16, 3]`,
  },
  SWC3023: {
    happened: 'Weights are infinite or no numbers (NaN). Such a model computes nothing that could be compared.',
    causes: ['Training that diverged.', 'A file that was damaged without changing its size.'],
    advice: ['Train with a lower learning rate, or clip the gradients.', 'Take an earlier checkpoint.'],
    example: `error SWC3023: model.json is not a valid model (1 problem)
  hidden/kernel: some of its elements are infinite or no numbers
    train with a lower learning rate`,
  },
  SWC3024: {
    happened: 'The part of `model.json` that describes the weights is not what TensorFlow.js writes there.',
    causes: ['A file that was edited by hand, or cut off and mended.', 'Two weights of one name.'],
    advice: ['Save the model again with TensorFlow.js.'],
    example: `error SWC3024: model.json is not a valid model (1 problem)
  hidden/kernel: its type "float99" is unknown`,
  },
  SWC3031: {
    happened:
      'Some layers wait for the output of each other, so that none of them can run first. Their names are listed.',
    causes: ['A file that was edited by hand or written by another program.'],
    advice: [
      'Save the model again with TensorFlow.js, which makes no circles. What goes round in time is a ' +
        'recurrent layer.',
    ],
    example: `error SWC3031: model.json is not a valid model (1 problem)
  classifier: its layers depend on each other in a circle: 'a', 'b'`,
  },
  SWC3032: {
    happened: 'What shape the model takes is not in the file, or no data can have it.',
    causes: [
      'A sequential model that was saved before it was built or ran once.',
      'A size that is 0, negative or no number.',
    ],
    advice: ['Give the first layer an `inputShape`, and save the model again.'],
    example: `error SWC3032: model.json is not a valid model (1 problem)
  hidden_input: the shape of this input is not given
    save the model after it was built, with the shape of its input`,
  },
  SWC3033: {
    happened: 'The original model itself fails on these inputs, so there is nothing to compare with.',
    causes: [
      'Random inputs that the model does not take, such as numbers of tokens that do not exist.',
      'Calibration data that belong to another model.',
    ],
    advice: [
      'Give samples like those that the model will see, with `--calibration`.',
      '`--no-verify` leaves the comparison out.',
    ],
    example: `error SWC3033: the original cannot be run
  the original: Non-zero status code returned while running Gather node. Name:'/Gather_2' Status Message: indices element out of data bounds, idx=961 must be within the inclusive range [-2,1]
    random inputs may not suit the model: give samples with --calibration, or leave the comparison out with --no-verify`,
  },
} as const satisfies ErrorPages;
