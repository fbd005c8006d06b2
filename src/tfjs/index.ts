/**
 * `swanc/tfjs`: the layers with which a switchable activation network is trained in TensorFlow.js. Importing this
 * module registers them, so `tf.loadLayersModel` knows them from then on.
 */
export { type GateActivity, gateActivity, swanGates } from './activity.js';
export { fileHandler } from './files.js';
export type { Initializer, PartSpec, Regularizer, SerializedPart } from './parts.js';
export { BETA_RANGE, type Blend, type GeluForm, SGBlend, type SGBlendArgs } from './sg-blend.js';
export { type Pooling, type Shapes, SwanGate, type SwanGateArgs } from './swan-gate.js';
