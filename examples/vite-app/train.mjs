// Trains the network of this app: which arm of a spiral is a point of the plane on?
//
//     node train.mjs [folder]
import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { fileHandler, SGBlend, SwanGate } from 'swanc/tfjs';

const folder = process.argv[2] ?? 'model';
const [arms, samples] = [3, 3072];

// Points along the arms, from the middle out, with some noise; their label is the arm.
const arm = tf.range(0, samples, 1, 'int32').mod(tf.scalar(arms, 'int32'));
const along = tf.randomUniform([samples], 0.05, 1, 'float32', 1);
const angle = along.mul(5).add(tf.cast(arm, 'float32').mul((2 * Math.PI) / arms));
const noise = tf.randomNormal([samples, 2], 0, 0.02, 'float32', 2);
const x = tf.stack([angle.cos().mul(along), angle.sin().mul(along)], 1).add(noise);
const y = tf.oneHot(arm, arms);

const input = tf.input({ shape: [2], name: 'point' });
const first = new SGBlend().apply(tf.layers.dense({ units: 64 }).apply(input));
const second = new SGBlend().apply(tf.layers.dense({ units: 96 }).apply(first));
const gated = new SwanGate({ hiddenUnits: 16, targetDensity: 0.3, densityWeight: 0.5 }).apply([second, input]);
const output = tf.layers.dense({ units: arms, activation: 'softmax', name: 'arm' }).apply(gated);
const model = tf.model({ inputs: input, outputs: output });

model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
await model.fit(x, y, {
  epochs: 12,
  batchSize: 128,
  verbose: 0,
  callbacks: {
    onEpochEnd: (epoch, { acc }) => (epoch + 1) % 3 === 0 && console.log(`epoch ${epoch + 1}: ${acc.toFixed(3)} right`),
  },
});
await model.save(fileHandler(`${folder}/model.json`));

// Samples for the compiler as .npy: a header, padded to 64 bytes, and the numbers.
const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${samples}, 2), }`.padEnd(117);
const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
writeFileSync(
  `${folder}/samples.npy`,
  Buffer.concat([prefix, Buffer.from(`${header}\n`), Buffer.from(x.dataSync().buffer)]),
);
