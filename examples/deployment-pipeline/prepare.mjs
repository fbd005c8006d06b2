// Stands for what comes before a pipeline: a trained model, and calibration data in uneven shards.
//
//     node prepare.mjs
import { mkdirSync, writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { fileHandler, SwanGate } from 'swanc/tfjs';

const samples = [700, 450, 610, 288];

// Each input is near one of four corners of a cube, which its label is.
const count = samples.reduce((left, right) => left + right, 0);
const corner = tf.randomUniform([count], 0, 4, 'int32', 1);
const corners = tf.tensor2d([1, 1, 1, 1, -1, -1, -1, 1, -1, -1, -1, 1], [4, 3]);
const x = tf.gather(corners, corner).add(tf.randomNormal([count, 3], 0, 0.3, 'float32', 2));
const y = tf.oneHot(corner, 4);

const input = tf.input({ shape: [3], name: 'point' });
const hidden = tf.layers.dense({ units: 96, activation: 'relu' }).apply(input);
const first = new SwanGate({ targetDensity: 0.25, densityWeight: 5 }).apply([hidden, input]);
const inner = tf.layers.dense({ units: 48, activation: 'relu' }).apply(first);
const second = new SwanGate({ modes: 4, hiddenUnits: 8, targetDensity: 0.3, densityWeight: 5 }).apply([inner, input]);
const output = tf.layers.dense({ units: 4, activation: 'softmax', name: 'corner' }).apply(second);
const model = tf.model({ inputs: input, outputs: output });
model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
await model.fit(x, y, { epochs: 5, batchSize: 64, verbose: 0 });
await model.save(fileHandler('out/model/model.json'));

mkdirSync('out/data', { recursive: true });
let start = 0;
for (const [index, size] of samples.entries()) {
  writeFileSync(`out/data/shard-${index + 1}.npy`, npy(x.slice(start, size)));
  start += size;
}

/** The bytes of a .npy file: a header, padded so that the numbers begin at a multiple of 64 bytes, and the numbers. */
function npy(tensor) {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${tensor.shape.join(', ')}), }`.padEnd(117);
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
  return Buffer.concat([prefix, Buffer.from(`${header}\n`), Buffer.from(tensor.dataSync().slice().buffer)]);
}
