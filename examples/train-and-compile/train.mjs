// Trains a small switchable network on a task made up here, compiles it, and runs the result.
//
//     node train.mjs [folder]
import { mkdirSync, writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { compile } from 'swanc';
import { fileHandler, SGBlend, SwanGate } from 'swanc/tfjs';

const folder = process.argv[2] ?? 'out';
mkdirSync(folder, { recursive: true });

// Is the sum of the first half of the numbers larger than that of the second?
const x = tf.randomNormal([1024, 16], 0, 1, 'float32', 1);
const y = tf.tidy(() => {
  const [left, right] = tf.split(x, 2, 1);
  return tf.oneHot(tf.cast(tf.greater(tf.sum(left, 1), tf.sum(right, 1)), 'int32'), 2);
});

const input = tf.input({ shape: [16], name: 'numbers' });
const hidden = new SGBlend().apply(tf.layers.dense({ units: 64 }).apply(input));
const gate = new SwanGate({ hiddenUnits: 8, targetDensity: 0.3, densityWeight: 2 });
const gated = gate.apply([hidden, input]);
const output = tf.layers.dense({ units: 2, activation: 'softmax', name: 'classes' }).apply(gated);
const model = tf.model({ inputs: input, outputs: output });

model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
await model.fit(x, y, { epochs: 5, batchSize: 64, verbose: 0 });
await model.save(fileHandler(`${folder}/model.json`));

// Calibration data as .npy: a header, padded to 64 bytes, and the numbers.
const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1024, 16), }".padEnd(117);
const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
writeFileSync(
  `${folder}/samples.npy`,
  Buffer.concat([prefix, Buffer.from(`${header}\n`), Buffer.from(x.dataSync().buffer)]),
);

const { report } = await compile({
  model: `${folder}/model.json`,
  calibration: `${folder}/samples.npy`,
  out: `${folder}/build`,
});
const [target] = report.targets;
const [gateReport] = target.gates;
console.log(`density ${gateReport.density.toFixed(2)}, units removed: ${JSON.stringify(gateReport.removedOff)}`);
console.log(`largest difference from TensorFlow.js: ${target.verification.maxDifference}`);

const session = await ort.InferenceSession.create(`${folder}/build/cpu/model.onnx`);
const numbers = new ort.Tensor(
  'float32',
  Float32Array.from({ length: 16 }, (_, index) => (index < 8 ? 1 : -1)),
  [1, 16],
);
const { classes } = await session.run({ numbers });
console.log(`left is larger with probability ${classes.data[1].toFixed(2)}`);
