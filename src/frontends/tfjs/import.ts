import { Graph, type Value } from '../../ir/graph.js';
import type { Dim, ElementType, ValueType } from '../../ir/types.js';
import { inferTypes } from '../../ops/index.js';
import { Calls } from './calls.js';
import { type Departure, type ImportState, recordDeparture } from './context.js';
import { readModelFile } from './files.js';
import { field, isList, show } from './json.js';
import type { LayerDefinition } from './layer.js';
import { builtinLayers } from './layers/index.js';
import { PreparedLayers } from './prepare.js';
import { Problems } from './problems.js';
import { type ModelState, States } from './states.js';
import { findTopology, isOfKeras3, keras3Advice, type LayerSpec, type ModelSpec, readModel } from './topology.js';
import { TypedBuilder } from './typed-builder.js';
import { WeightStore } from './weights.js';

export interface TfjsImportOptions {
  /** Rules for layers of the user's own. They go before the built-in ones. */
  readonly layers?: readonly LayerDefinition[];
}

export interface TfjsImport {
  /** Inputs and outputs have the names, layouts and types that they have in tfjs; all types are inferred. */
  readonly graph: Graph;
  /** What stateful layers keep between runs: inputs and outputs of the graph besides those of the model. */
  readonly states: readonly ModelState[];
  /** What tfjs computes otherwise or cannot compute: with any of these it is no reference for the graph. */
  readonly departures: readonly Departure[];
  /** Inputs in which steps that do not count consist of a number, and that number. */
  readonly maskedInputs: ReadonlyMap<string, number>;
  /** The class of each layer, by the name that its nodes have as origin. */
  readonly layerClasses: ReadonlyMap<string, string>;
  /** Bytes of model.json and all weight files. */
  readonly sourceBytes: number;
}

/** Most layer calls of a model with all nested models written out: nesting can multiply them without bound. */
const maxSteps = 100_000;

/**
 * Reads a tfjs layers model, given its `model.json` or the folder of it, and the weights beside it. No part of tfjs is
 * needed. Throws one SwancError with everything that is wrong: `invalid` for files that are no such model, `unsupported`
 * for models that use what swanc has no rule for.
 */
export function importTfjsModel(path: string, options: TfjsImportOptions = {}): TfjsImport {
  const file = readModelFile(path);
  const problems = new Problems();
  const topology = findTopology(file.json, problems);
  const model = topology === undefined ? undefined : readModel(topology, 'model', problems);
  if (model !== undefined) checkSize(model, problems);
  problems.throwIfAny(file.path);
  if (model === undefined) throw new Error('internal error: no model and no problem');
  const layers = new PreparedLayers(model, [...(options.layers ?? []), ...builtinLayers], problems);
  problems.throwIfAny(file.path);
  const weights = new WeightStore(file.folder, field(file.json, 'weights_manifest') ?? [], file.path);
  try {
    const graph = new Graph(model.name);
    const states = new States(graph);
    const departures: Departure[] = [];
    const maskedInputs = new Map<string, number>();
    const layerClasses = new Map<string, string>();
    const found = { departures, maskedInputs, classes: layerClasses, unmasked: new Set<string>() };
    const outputs = callModel(model, { graph, weights, problems, layers, states, ...found });
    if (problems.count > 0 && isOfKeras3(file.json)) {
      problems.unsupported(
        file.path,
        'Keras 3 saved this model, and names weights in other ways',
        keras3Advice,
        'SWC3017',
      );
    }
    problems.throwIfAny(file.path);
    const kept = setOutputs(graph, model, outputs, states);
    graph.removeUnused();
    inferTypes(graph);
    const sourceBytes = file.bytes + weights.bytes;
    return { graph, states: kept, departures, maskedInputs, layerClasses, sourceBytes };
  } finally {
    weights.close();
  }
}

/** Adds inputs and nodes of the outermost model and returns its outputs; with problems recorded, maybe not all. */
function callModel(model: ModelSpec, state: ImportState): readonly Value[] {
  const { graph, problems, weights } = state;
  const inputs = model.inputs.map((step) => {
    const layer = model.steps[step]?.layer;
    const type = layer === undefined ? undefined : inputType(layer, problems);
    if (layer === undefined || type === undefined) return undefined;
    return { value: graph.addInput(layer.name, type), mask: undefined };
  });
  const calls = new Calls(state);
  const outputs = calls.model(model, inputs);
  if (calls.hasMasks) {
    for (const where of state.unmasked) recordDeparture(state, where, 'tfjs hands it the mask of another layer');
  }
  if (!calls.incomplete) {
    for (const name of weights.unused)
      problems.invalid(name, 'no layer of the model has this weight', undefined, 'SWC3022');
    for (const name of weights.notFinite) {
      problems.invalid(
        name,
        'some of its elements are infinite or no numbers',
        'train with a lower learning rate',
        'SWC3023',
      );
    }
  }
  return outputs.filter((output) => output !== undefined).map(({ value }) => value);
}

/** Number of steps with nested models written out, at most; sums are cut off above the limit. */
function checkSize(model: ModelSpec, problems: Problems): void {
  const known = new Map<ModelSpec, number>();
  const count = (spec: ModelSpec): number => {
    const before = known.get(spec);
    if (before !== undefined) return before;
    let sum = 0;
    for (const { layer } of spec.steps) sum += layer.model === undefined ? 1 : count(layer.model);
    known.set(spec, sum);
    return sum;
  };
  if (count(model) > maxSteps)
    problems.unsupported(model.name, `it has more than ${maxSteps} layer calls`, undefined, 'SWC3009');
}

/** Makes `values` and the final states the outputs of the graph, under the names that tfjs gives them. */
function setOutputs(graph: Graph, model: ModelSpec, values: readonly Value[], states: States): readonly ModelState[] {
  const outputs: Value[] = [];
  const add = (name: string, value: Value): Value => {
    // An output that is an input, a constant or another output gets a node, and so a name, of its own.
    const own = value.producer !== undefined && !outputs.includes(value);
    const output = own ? value : new TypedBuilder(graph, { origin: name }).op('Identity', [value]);
    freeName(graph, name, output);
    graph.rename(output, name);
    outputs.push(output);
    graph.setOutputs(outputs);
    return output;
  };
  for (const [index, value] of values.entries()) {
    add(model.steps[model.outputs[index]?.step ?? -1]?.layer.name ?? 'output', value);
  }
  return states.all.map(({ input, output }) => {
    return { input: input.name, output: add(`${input.name}_next`, output).name };
  });
}

/** Renames the inner value, if any, that happens to have the name of an output. */
function freeName(graph: Graph, name: string, output: Value): void {
  const values = [...graph.constants, ...graph.nodes.flatMap((node) => node.outputs)];
  const taker = values.find((value) => value.name === name && value !== output && !graph.outputs.includes(value));
  if (taker !== undefined) graph.rename(taker, `${name}_inner`);
}

const inputTypes: ReadonlyMap<unknown, ElementType> = new Map([
  ['float32', 'float32'],
  ['int32', 'int32'],
  ['bool', 'bool'],
]);

/** Type of a model's input. Unknown sizes become symbols: `batch`, which all inputs share, and `<name>_d<axis>`. */
function inputType(layer: LayerSpec, problems: Problems): ValueType | undefined {
  const { config, name } = layer;
  const shape = field(config, 'batch_input_shape') ?? field(config, 'batch_shape');
  const dtype = field(config, 'dtype') ?? 'float32';
  const type = inputTypes.get(dtype);
  const advice = 'save the model after it was built, with the shape of its input';
  if (type === undefined) problems.unsupported(name, `inputs of type ${show(dtype)} are not supported`);
  if (isList(shape) && shape.length > 0 && shape.every(isSize)) {
    if (type === undefined) return undefined;
    const dims = shape.map((size, axis): Dim => size ?? (axis === 0 ? 'batch' : `${name}_d${axis}`));
    return { type, shape: dims };
  }
  problems.invalid(
    name,
    shape === undefined ? 'the shape of this input is not given' : `its shape ${show(shape)} is not possible`,
    advice,
    'SWC3032',
  );
  return undefined;
}

function isSize(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31);
}
