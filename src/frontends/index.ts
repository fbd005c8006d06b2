import { statSync } from 'node:fs';
import { extname } from 'node:path';
import type { Graph } from '../ir/graph.js';
import { requireFinite } from '../onnx/finite.js';
import { readModel } from '../onnx/read.js';
import { modelFileAt } from './model-files.js';
import type { Departure } from './tfjs/context.js';
import { importTfjsModel, type TfjsImportOptions } from './tfjs/import.js';
import type { ModelState } from './tfjs/states.js';

export type { Attribute, Attributes } from '../ir/attribute.js';
export type { Builder } from '../ir/builder.js';
export type { Graph, Node, NodeSpec, Use, Value } from '../ir/graph.js';
export type { Tensor } from '../ir/tensor.js';
export type { Dim, ElementArrays, ElementType, Shape, ValueType } from '../ir/types.js';
export { type AttributeMakers, type Plugin, type PluginApi, rulesOf } from './plugin.js';
export type { ConfigReader, DataFormat } from './tfjs/config.js';
export type { JsonObject } from './tfjs/json.js';
export type {
  InnerLayer,
  LayerContext,
  LayerDefinition,
  LayerInputs,
  LayerOutput,
  LayerRule,
  Masked,
  PlainLayerRule,
  WeightForm,
  WeightPart,
} from './tfjs/layer.js';
export type { ModelState } from './tfjs/states.js';
export type { Departure };

/** Which front end read a model. */
export type ModelFormat = 'tfjs-layers' | 'onnx';

export interface ImportedModel {
  readonly graph: Graph;
  readonly format: ModelFormat;
  /** What stateful layers keep between runs: inputs and outputs of the graph besides those of the model. */
  readonly states: readonly ModelState[];
  /** What the engine that the model was made with computes otherwise: with any, it is no reference for the graph. */
  readonly departures: readonly Departure[];
  /** Inputs in which steps that do not count consist of a number, and that number. */
  readonly maskedInputs: ReadonlyMap<string, number>;
  /** The class of each layer in the framework that the model was made with, by the origin of its nodes. */
  readonly layerClasses: ReadonlyMap<string, string>;
  /** Path of the model file itself: where a folder was given, of the file in it. */
  readonly path: string;
  /** Bytes of the model file and of the weight files beside it. */
  readonly sourceBytes: number;
}

/** Options of all front ends. */
export type ImportOptions = TfjsImportOptions;

/**
 * Reads a model: an `.onnx` file, a tfjs `model.json` (of any name), or a folder with `model.json` or else
 * `model.onnx` in it.
 * @throws SwancError 'invalid' or 'unsupported', with everything that was found.
 */
export function importModel(path: string, options: ImportOptions = {}): ImportedModel {
  const file = modelFileAt(path);
  if (extname(file).toLowerCase() !== '.onnx') {
    return { ...importTfjsModel(file, options), format: 'tfjs-layers', path: file };
  }
  const graph = readModel(file);
  requireFinite(graph, file);
  const size = statSync(file).size;
  const constants = [...graph.constants].reduce((sum, { constant }) => sum + (constant?.bytes ?? 0), 0);
  // Constants larger than the file that names them lie beside it.
  return {
    graph,
    format: 'onnx',
    states: [],
    departures: [],
    maskedInputs: new Map(),
    layerClasses: new Map(),
    path: file,
    sourceBytes: constants > size ? size + constants : size,
  };
}
