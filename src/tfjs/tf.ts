/**
 * The one TensorFlow.js these layers register with.
 *
 * `@tensorflow/tfjs-node` re-exports `@tensorflow/tfjs`, and both share one registry of layers (that of the single
 * `@tensorflow/tfjs-layers` below them). So a program that trains with tfjs-node imports it as usual, imports
 * `swanc/tfjs` besides, and has SwanGate and SGBlend in the registry that `tf.loadLayersModel` reads.
 */
export * as tf from '@tensorflow/tfjs';
