// Trains a network with a layer that neither TensorFlow.js nor swanc knows, and compiles it with a rule for that layer.
//
//     node train.mjs [folder]
import * as tf from '@tensorflow/tfjs';
import { compile } from 'swanc';
import { fileHandler, SwanGate } from 'swanc/tfjs';
import customLayers from './custom-layers.mjs';

/** scale * x, with one trained scale for every channel. */
class ChannelScale extends tf.layers.Layer {
  static className = 'ChannelScale';

  build(shape) {
    this.scale = this.addWeight('scale', [shape.at(-1)], 'float32', tf.initializers.ones());
    this.built = true;
  }

  call(inputs) {
    return tf.mul(Array.isArray(inputs) ? inputs[0] : inputs, this.scale.read());
  }
}

/** x / max(|x|, floor), with the length taken along the last axis. */
class UnitNorm extends tf.layers.Layer {
  static className = 'UnitNorm';

  constructor(config = {}) {
    super(config);
    this.floor = config.floor ?? 1e-6;
  }

  call(inputs) {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.tidy(() => tf.div(x, tf.maximum(tf.norm(x, 2, -1, true), this.floor)));
  }

  // What is not in the config is not in the model's file either.
  getConfig() {
    return { ...super.getConfig(), axis: -1, floor: this.floor };
  }
}

// So that TensorFlow.js can load the model again, which verification does.
tf.serialization.registerClass(ChannelScale);
tf.serialization.registerClass(UnitNorm);

const folder = process.argv[2] ?? 'out';

// Which of two directions is a point nearer to?
const x = tf.randomNormal([512, 8], 0, 1, 'float32', 1);
const y = tf.tidy(() => tf.oneHot(tf.cast(tf.greater(x.slice([0, 0], [-1, 1]).sum(1), 0), 'int32'), 2));

const input = tf.input({ shape: [8], name: 'point' });
const direction = new UnitNorm({ floor: 0.001 }).apply(input);
const hidden = tf.layers.dense({ units: 32, activation: 'relu' }).apply(direction);
const gated = new SwanGate({ targetDensity: 0.3, densityWeight: 2 }).apply([
  new ChannelScale({}).apply(hidden),
  direction,
]);
const output = tf.layers.dense({ units: 2, activation: 'softmax', name: 'classes' }).apply(gated);
const model = tf.model({ inputs: input, outputs: output });

model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
await model.fit(x, y, { epochs: 5, batchSize: 64, verbose: 0 });
await model.save(fileHandler(`${folder}/model.json`));

const { report } = await compile({
  model: `${folder}/model.json`,
  plugins: [customLayers],
  out: `${folder}/build`,
});
const { verification } = report.targets[0];
console.log(`equal to ${verification.reference} on ${verification.samples} samples`);
