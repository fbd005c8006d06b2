import * as tf from '@tensorflow/tfjs';
import type { InputCase, LayerCase, ModelCase } from './case.js';
import { standIns } from './oracles.js';

/** Makes the tfjs model that a case describes. */
export function buildModel(model: ModelCase): tf.LayersModel {
  return model.sequential === true ? buildSequential(model) : buildFunctional(model);
}

function buildFunctional(model: ModelCase): tf.LayersModel {
  const layers = model.layers.map(makeLayer);
  const steps: tf.SymbolicTensor[][] = model.inputs.map((input, index) => [
    inputOf(input, `${model.name}_x${index}`, model.batch),
  ]);
  const pick = (step: number, output: number): tf.SymbolicTensor => {
    const found = steps[step]?.[output];
    if (found === undefined) throw new Error(`the case has no output ${output} of step ${step}`);
    return found;
  };
  for (const { layer: place, inputs } of model.calls) {
    const layer = layers[place];
    if (layer === undefined) throw new Error(`the case has no layer ${place}`);
    const [first, ...rest] = inputs.map(([step, output]) => pick(step, output));
    if (first === undefined) throw new Error('a call without inputs');
    steps.push(symbolic(layer.apply(rest.length === 0 ? first : [first, ...rest])));
  }
  const outputs = model.outputs === 'last' ? steps.at(-1) : model.outputs.map(([step, output]) => pick(step, output));
  const inputs = model.inputs.map((_, step) => pick(step, 0));
  return tf.model({ name: model.name, inputs, outputs: outputs ?? [] });
}

function buildSequential(model: ModelCase): tf.LayersModel {
  const result = tf.sequential({ name: model.name });
  const [input] = model.inputs;
  if (input === undefined) throw new Error('a sequential model without input');
  const first = { inputShape: [...input.shape], inputDType: input.dtype };
  if (model.inputLayer === true) {
    result.add(tf.layers.inputLayer({ inputShape: [...input.shape], dtype: input.dtype, name: `${model.name}_x0` }));
  }
  for (const [index, layer] of model.layers.entries()) {
    const begins = index === 0 && model.inputLayer !== true;
    result.add(makeLayer(begins ? { ...layer, config: { ...layer.config, ...first } } : layer));
  }
  return result;
}

function inputOf({ shape, dtype }: InputCase, name: string, batch: number | undefined): tf.SymbolicTensor {
  return tf.input({ batchShape: [batch ?? null, ...shape], dtype, name });
}

/** A layer as tfjs itself makes it from a config. */
export function makeLayer({ className, config, model }: LayerCase): tf.layers.Layer {
  if (model !== undefined) return buildModel(model);
  const entry = tf.serialization.SerializationMap.getMap().classNameMap[className];
  if (entry === undefined) throw new Error(`tfjs has no layer class ${className}`);
  const [own, fromConfig] = entry;
  const make = standIns[className] ?? own;
  // tfjs writes into the configs that it is given. Its type of configs is that of JSON, but cannot say readonly.
  const made = fromConfig(make, structuredClone(config) as tf.serialization.ConfigDict);
  if (made instanceof tf.layers.Layer) return made;
  throw new Error(`${className} is no layer class`);
}

function symbolic(output: ReturnType<tf.layers.Layer['apply']>): tf.SymbolicTensor[] {
  return [output].flat().map((tensor) => {
    if (tensor instanceof tf.SymbolicTensor) return tensor;
    throw new Error('a symbolic tensor was expected');
  });
}
