import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { sinkTransposes } from '../../passes/sink-transposes.js';
import { importTfjsModel, type TfjsImportOptions } from '../../src/frontends/tfjs/import.js';
import type { Graph } from '../../src/ir/graph.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { runPass } from '../passes/support.js';
import { type Layer, sequential, type Weight, writeModel } from './handmade.js';
import { withFolder } from './support.js';

const runtime = await openRuntime();

/** The three recurrent layers of tfjs, all with the arguments of an LSTM, and their cells. */
export const recurrentLayers = { SimpleRNN: tf.layers.simpleRNN, GRU: tf.layers.gru, LSTM: tf.layers.lstm };
export const recurrentCells = { SimpleRNN: tf.layers.simpleRNNCell, GRU: tf.layers.gruCell, LSTM: tf.layers.lstmCell };
export type Kind = keyof typeof recurrentLayers;
export const kinds: readonly Kind[] = ['SimpleRNN', 'GRU', 'LSTM'];

/** Activations that the operators of ONNX have, and then those that they have not. */
export const activations = [
  ...(['tanh', 'sigmoid', 'hardSigmoid', 'relu', 'elu', 'softsign', 'softplus', 'linear'] as const),
  ...(['selu', 'relu6', 'softmax', 'logSoftmax', 'gelu', 'mish', 'swish'] as const),
] as const;

/** Gates that are not bounded make states grow with every step, and rounding errors with them. */
const gates = ['sigmoid', 'hardSigmoid', 'tanh', 'softsign', 'softmax'] as const;

/** tfjs declares some of its activations only. */
export function isTyped(name: (typeof activations)[number]): name is Exclude<typeof name, 'logSoftmax' | 'gelu'> {
  return name !== 'logSoftmax' && name !== 'gelu';
}

export const settings = fc.record({
  units: fc.integer({ min: 1, max: 5 }),
  useBias: fc.boolean(),
  activation: fc.constantFrom(...activations.filter(isTyped)),
  recurrentActivation: fc.constantFrom(...gates),
  returnSequences: fc.boolean(),
  returnState: fc.boolean(),
  goBackwards: fc.boolean(),
});

/** Steps and features of an input. */
export const sizes = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }));

/** All outputs of a layer. */
export function allOf(outputs: ReturnType<tf.layers.Layer['apply']>): tf.SymbolicTensor[] {
  return (Array.isArray(outputs) ? outputs : [outputs]).map((output) => {
    if (output instanceof tf.SymbolicTensor) return output;
    throw new Error('symbolic tensors were expected');
  });
}

/** Names of the operators of a graph, without those in loops. */
export function operatorsOf(graph: Graph): string {
  return graph.nodes.map(({ op }) => op).join(' ');
}

/** The same once Transposes that undo each other are gone. */
export async function sunkOperatorsOf(graph: Graph): Promise<string> {
  return operatorsOf((await runPass(graph, [sinkTransposes], { facts: [] })).graph);
}

/** Runs a graph and gives the outputs in order. */
export async function evaluate(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Tensor[]> {
  const session = await runtime.load(graph, { optimize: 'none' });
  const results = await session.run(feeds);
  await session.close();
  return graph.outputs.map(({ name }) => {
    const found = results[name];
    if (found === undefined) throw new Error(`no output ${name}`);
    return found;
  });
}

/** Imports a model written by hand. */
export function importTopology(
  topology: unknown,
  weights: readonly Weight[] = [],
  options: TfjsImportOptions = {},
): Promise<Graph> {
  return withFolder(async (folder) => {
    writeModel(folder, topology, weights);
    return importTfjsModel(folder, options).graph;
  });
}

/** Imports a sequential model written by hand. */
export function importLayers(layers: readonly Layer[], weights: readonly Weight[] = []): Promise<Graph> {
  return importTopology(sequential(...layers), weights);
}

/** Numbers that look random and are the same in every run. */
export function numbers(count: number, phase = 0): number[] {
  return Array.from({ length: count }, (_, index) => Math.sin(index * 1.7 + phase));
}

/** A functional model: each layer with the layers, or the `[layer, output]` pairs, that it is called on. */
export function functional(
  layers: readonly { readonly layer: Layer; readonly on?: readonly string[]; readonly arguments?: unknown }[],
  inputs: readonly string[],
  outputs: readonly string[],
): unknown {
  return {
    class_name: 'Functional',
    config: {
      name: 'model',
      layers: layers.map(({ layer, on = [], arguments: given = {} }) => ({
        ...layer,
        name: layer.config.name,
        inbound_nodes: on.length === 0 ? [] : [on.map((name) => [name, 0, 0, given])],
      })),
      input_layers: inputs.map((name) => [name, 0, 0]),
      output_layers: outputs.map((name) => [name, 0, 0]),
    },
  };
}
