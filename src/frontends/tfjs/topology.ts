import { field, isList, isObject, type JsonObject, show, snakeCase } from './json.js';
import { type CallArguments, firstNode, linkSteps, noArguments, type Source, type Step } from './links.js';
import type { Problems } from './problems.js';

/** A layer as the file describes it: used once for every call in `calls`, always with the same weights. */
export interface LayerSpec {
  readonly name: string;
  readonly className: string;
  readonly config: JsonObject;
  /** The layers inside, if this is a nested model. */
  readonly model: ModelSpec | undefined;
  readonly calls: readonly Call[];
}

/** One use of a layer. */
export interface Call extends CallArguments<TensorRef> {
  readonly inputs: readonly TensorRef[];
}

/** A tensor as Keras names it: output `tensor` of call `node` of `layer`. */
export interface TensorRef {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
}

/** A model (sequential, functional or nested) whose references are resolved and whose calls are in execution order. */
export interface ModelSpec {
  readonly name: string;
  readonly layers: readonly LayerSpec[];
  /** Every call of every layer; a call comes after those whose results it takes. */
  readonly steps: readonly Step[];
  /** Steps of the input layers, in the order of the model's inputs. */
  readonly inputs: readonly number[];
  readonly outputs: readonly Source[];
}

const modelClasses: ReadonlySet<string> = new Set(['Model', 'Functional', 'Sequential']);

/** The class and config of the outermost model, from the parsed file, which may also be the bare topology. */
export function findTopology(file: JsonObject, problems: Problems): JsonObject | undefined {
  const advice =
    'save the model with model.save() of tfjs layers, or convert it with --output_format=tfjs_layers_model';
  if (file.format === 'graph-model') {
    problems.unsupported('format', 'this is a graph model; layers models are supported', advice, 'SWC3018');
    return undefined;
  }
  let topology: unknown = field(file, 'model_topology') ?? file;
  if (isObject(topology) && isObject(field(topology, 'model_config'))) topology = field(topology, 'model_config');
  if (isObject(topology) && typeof field(topology, 'class_name') === 'string') return topology;
  if (isObject(topology) && isList(topology.node)) {
    problems.unsupported('modelTopology', 'this is a graph model; layers models are supported', advice, 'SWC3018');
  } else problems.invalid('modelTopology', 'this describes no layers model: it has no class_name', advice, 'SWC3002');
  return undefined;
}

/** True if the file says that Keras 3 saved the model. */
export function isOfKeras3(file: JsonObject): boolean {
  const topology = field(file, 'model_topology');
  const version = isObject(topology) ? field(topology, 'keras_version') : undefined;
  return typeof version === 'string' && Number.parseInt(version, 10) >= 3;
}

/** Reads the model that `{class_name, config}` describes. Undefined, with problems recorded, where it is no model. */
export function readModel(topology: JsonObject, fallbackName: string, problems: Problems): ModelSpec | undefined {
  const className = field(topology, 'class_name');
  const config = field(topology, 'config');
  if (className === 'Sequential') return readSequential(config, fallbackName, problems);
  if (className === 'Model' || className === 'Functional') return readFunctional(config, fallbackName, problems);
  problems.unsupported(fallbackName, `the model's class is ${show(className)}`, 'use a sequential or functional model');
  return undefined;
}

function readFunctional(config: unknown, fallbackName: string, problems: Problems): ModelSpec | undefined {
  if (!isObject(config) || !isList(config.layers)) {
    problems.invalid(fallbackName, 'a functional model must have a list of layers');
    return undefined;
  }
  const name = typeof config.name === 'string' ? config.name : fallbackName;
  if (config.layers.some(hasKeras3Calls)) {
    problems.unsupported(name, 'the model is in the format of Keras 3', keras3Advice, 'SWC3017');
    return undefined;
  }
  const layers: LayerSpec[] = [];
  for (const [index, entry] of config.layers.entries()) {
    const layer = readLayer(entry, `${name}, layer ${index}`, problems);
    if (layer === undefined) continue;
    // TensorFlow.js never comes to an end with such a model.
    if (isObject(entry) && typeof entry.name !== 'string') {
      problems.invalid(layer.name, 'it has no name beside its config, by which layers refer to each other');
    }
    layers.push({ ...layer, calls: readCalls(layer, entry, problems) });
  }
  const inputs = readRefs(field(config, 'input_layers'), `${name}, input_layers`, problems);
  const outputs = readRefs(field(config, 'output_layers'), `${name}, output_layers`, problems);
  return linkSteps({ name, layers, inputs, outputs }, problems);
}

function readSequential(config: unknown, fallbackName: string, problems: Problems): ModelSpec | undefined {
  const entries = isObject(config) ? config.layers : config;
  if (!isList(entries) || entries.length === 0) {
    problems.invalid(fallbackName, 'a sequential model must have a list of layers');
    return undefined;
  }
  const name = isObject(config) && typeof config.name === 'string' ? config.name : fallbackName;
  const layers: LayerSpec[] = [];
  for (const [index, entry] of entries.entries()) {
    const layer = readLayer(entry, `${name}, layer ${index}`, problems);
    if (layer === undefined) return undefined;
    if (index === 0 && layer.className !== 'InputLayer') layers.push(implicitInput(layer));
    const before = layers.at(-1);
    const calls = before === undefined ? [] : [{ inputs: [resultOf(before)], ...noArguments }];
    layers.push({ ...layer, calls });
  }
  const [first] = layers;
  const last = layers.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return linkSteps({ name, layers, inputs: [resultOf(first)], outputs: [resultOf(last)] }, problems);
}

function resultOf(layer: LayerSpec): TensorRef {
  return { layer: layer.name, node: firstNode(layer), tensor: 0 };
}

/** The input that tfjs makes for a sequential model whose first layer is none: shaped and typed as that layer says. */
function implicitInput(layer: LayerSpec): LayerSpec {
  let name = `${layer.name}_input`;
  let config = layer.config;
  // A nested model is the first layer: its own input is the model's.
  for (let model = layer.model; model !== undefined; ) {
    const inner = model.steps[model.inputs[0] ?? -1]?.layer;
    if (inner === undefined) break;
    name = inner.name;
    config = inner.config;
    model = inner.model;
  }
  return { name, className: 'InputLayer', config, model: undefined, calls: [] };
}

/** Names of values, weights and gates are made of those of layers, and stand in profiles and reports. */
const maxNameLength = 1024;

/** Reads a layer of a model, or inside another layer's config. Undefined, with problems recorded, where it is none. */
export function readLayer(entry: unknown, where: string, problems: Problems): LayerSpec | undefined {
  const className = isObject(entry) ? field(entry, 'class_name') : undefined;
  const config = isObject(entry) ? field(entry, 'config') : undefined;
  if (!isObject(entry) || typeof className !== 'string') {
    problems.invalid(where, `a layer must have a class_name and a config, not be ${show(entry)}`);
    return undefined;
  }
  const own = isObject(config) ? config.name : undefined;
  const name = typeof entry.name === 'string' ? entry.name : typeof own === 'string' ? own : '';
  // A sequential model inside another is saved without a name by old versions; nothing refers to it by one.
  const label = name === '' && modelClasses.has(className) ? where.replace(/^.*, layer /, 'sequential_') : name;
  if (label === '') {
    problems.invalid(where, `this ${className} layer has no name`);
    return undefined;
  }
  if (label.length > maxNameLength) {
    problems.invalid(where, `the name of this layer has ${label.length} characters; it may have ${maxNameLength}`);
    return undefined;
  }
  const nested = modelClasses.has(className);
  const model = nested ? readModel(entry, label, problems) : undefined;
  if (nested && model === undefined) return undefined;
  if (!nested && config !== undefined && !isObject(config)) {
    problems.invalid(label, `its config must be an object, not ${show(config)}`);
    return undefined;
  }
  return { name: label, className, config: isObject(config) ? config : {}, model, calls: [] };
}

/** `inbound_nodes`: for every call a list of `[layer, node, tensor, kwargs]`; a call on one tensor may be flat. */
function readCalls(layer: LayerSpec, entry: unknown, problems: Problems): readonly Call[] {
  const nodes = isObject(entry) ? field(entry, 'inbound_nodes') : undefined;
  if (nodes === undefined) return [];
  if (!isList(nodes)) {
    problems.invalid(layer.name, `its inbound_nodes must be a list, not ${show(nodes)}`);
    return [];
  }
  const calls: Call[] = [];
  for (const node of nodes) {
    calls.push({ inputs: readRefs(node, layer.name, problems), ...readArguments(node, layer.name, problems) });
  }
  return calls;
}

export const keras3Advice = 'save it with Keras 2: tf_keras, or TensorFlow before 2.16';

/** Keras 3 has objects where Keras 2 has lists of `[layer, node, tensor, arguments]`. */
function hasKeras3Calls(entry: unknown): boolean {
  const nodes = isObject(entry) ? field(entry, 'inbound_nodes') : undefined;
  return isList(nodes) && nodes.some(isObject);
}

/** The arguments of a call: the fourth element of each `[layer, node, tensor, arguments]`. */
function readArguments(node: unknown, where: string, problems: Problems): CallArguments<TensorRef> {
  const tensors = new Map<string, readonly TensorRef[]>();
  const settings = new Map<string, unknown>();
  for (const ref of isList(node) ? node : []) {
    const given = isList(ref) ? (ref[3] ?? {}) : {};
    if (!isObject(given)) {
      problems.invalid(where, `the arguments of a call must be an object, not ${show(given)}`);
      continue;
    }
    for (const [key, value] of Object.entries(given)) {
      const list = isList(value) && !isRef(value) ? value : [value];
      const name = snakeCase(key);
      if (list.length > 0 && list.every(isRef)) tensors.set(name, readRefs(list, where, problems));
      else settings.set(name, value);
    }
  }
  return { tensors, settings };
}

function isRef(value: unknown): boolean {
  return isList(value) && typeof value[0] === 'string' && isIndex(value[1]) && isIndex(value[2]);
}

function readRefs(value: unknown, where: string, problems: Problems): readonly TensorRef[] {
  if (!isList(value)) {
    problems.invalid(where, `a list of [layer, node, tensor] is needed, not ${show(value)}`);
    return [];
  }
  const list = typeof value[0] === 'string' ? [value] : value;
  const refs: TensorRef[] = [];
  for (const entry of list) {
    const [layer, node, tensor] = isList(entry) ? entry : [];
    if (layer === '_CONSTANT_VALUE') problems.unsupported(where, 'it is called with a constant instead of a tensor');
    else if (typeof layer === 'string' && isIndex(node) && isIndex(tensor)) refs.push({ layer, node, tensor });
    else problems.invalid(where, `${show(entry)} is no [layer, node, tensor]`);
  }
  return refs;
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
