// Trains a small network on a task made up here and compiles it for the processor: what a server is given.
//
//     node build.mjs [folder]
import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { compile } from 'swanc';
import { fileHandler, SwanGate } from 'swanc/tfjs';

const folder = process.argv[2] ?? 'out';

// Each input is near one of four corners, which its label is.
const corner = tf.randomUniform([2048], 0, 4, 'int32', 1);
const corners = tf.tensor2d([1, 1, 1, -1, -1, 1, -1, -1], [4, 2]);
const x = tf.gather(corners, corner).add(tf.randomNormal([2048, 2], 0, 0.3, 'float32', 2));
const y = tf.oneHot(corner, 4);

const input = tf.input({ shape: [2], name: 'point' });
const hidden = tf.layers.dense({ units: 64, activation: 'relu' }).apply(input);
const gated = new SwanGate({ targetDensity: 0.25, densityWeight: 5 }).apply([hidden, input]);
const output = tf.layers.dense({ units: 4, activation: 'softmax', name: 'corner' }).apply(gated);
const model = tf.model({ inputs: input, outputs: output });

model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
await model.fit(x, y, { epochs: 5, batchSize: 64, verbose: 0 });
await model.save(fileHandler(`${folder}/source/model.json`));
writeFileSync(`${folder}/samples.json`, JSON.stringify(await x.slice(0, 8).array()));

const { files } = await compile({ model: `${folder}/source/model.json`, inputRange: [-3, 3], out: folder });
for (const { path, bytes } of files) console.log(`${path}: ${bytes} bytes`);
