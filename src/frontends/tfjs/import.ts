import { Graph, type Value } from '../../ir/graph.js';
import type { Dim, ElementType, ValueType } from '../../ir/types.js';
import { inferTypes } from '../../ops/index.js';
import { SwancError } from '../../support/errors.js';
import { ConfigReader } from './config.js';
import { type ImportState, layerContext } from './context.js';
import { readModelFile } from './files.js';
import { field, isList, show } from './json.js';
import type { LayerDefinition, LayerImporter } from './layer.js';
import { builtinLayers } from './layers/index.js';
import { Problems } from './problems.js';
import { findTopology, type LayerSpec, type ModelSpec, readModel } from './topology.js';
import { TypedBuilder } from './typed-builder.js';
import { WeightStore } from './weights.js';

export interface TfjsImportOptions {
  /** Rules for layers of the user's own. They go before the built-in ones. */
  readonly layers?: readonly LayerDefinition[];
}

export interface TfjsImport {
  /** Inputs and outputs have the names, layouts and types that they have in tfjs; all types are inferred. */
  readonly graph: Graph;
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
  const rules = prepareLayers(model, [...(options.layers ?? []), ...builtinLayers], problems);
  problems.throwIfAny(file.path);
  const weights = new WeightStore(file.folder, field(file.json, 'weights_manifest') ?? []);
  try {
    const graph = new Graph(model.name);
    new Importer({ graph, weights, problems, constants: new Map() }, rules).run(model);
    problems.throwIfAny(file.path);
    graph.removeUnused();
    inferTypes(graph);
    return { graph, sourceBytes: file.bytes + weights.bytes };
  } finally {
    weights.close();
  }
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
  if (count(model) > maxSteps) problems.unsupported(model.name, `it has more than ${maxSteps} layer calls`);
}

/** Finds the rule of every layer and lets it read the layer's config, so that all problems come to light at once. */
function prepareLayers(
  model: ModelSpec,
  definitions: readonly LayerDefinition[],
  problems: Problems,
): ReadonlyMap<LayerSpec, { definition: LayerDefinition; importer: LayerImporter }> {
  const byClass = new Map<string, LayerDefinition>();
  for (const definition of definitions) {
    for (const name of definition.classNames) if (!byClass.has(name)) byClass.set(name, definition);
  }
  const rules = new Map<LayerSpec, { definition: LayerDefinition; importer: LayerImporter }>();
  const visit = (spec: ModelSpec, prefix: string): void => {
    for (const layer of spec.layers) {
      const name = prefix + layer.name;
      if (layer.model !== undefined) visit(layer.model, `${name}/`);
      else if (layer.className !== 'InputLayer') {
        const definition = byClass.get(layer.className);
        if (definition === undefined) {
          const advice = "give a rule for this class in `layers` of the library's compile(), or replace the layer";
          problems.unsupported(name, `layers of class ${layer.className} are not supported`, advice);
          continue;
        }
        const config = new ConfigReader(name, layer.config, problems);
        rules.set(layer, { definition, importer: definition.prepare(config) });
        config.finish();
      }
    }
  };
  visit(model, '');
  return rules;
}

/** Outputs of a step; undefined after a problem, which makes everything that depends on it undefined too. */
type Results = readonly Value[] | undefined;

class Importer {
  readonly #state: ImportState;
  readonly #rules: ReturnType<typeof prepareLayers>;
  /** True once some part of the model was not looked at because what it depends on had a problem. */
  #incomplete = false;

  constructor(state: ImportState, rules: ReturnType<typeof prepareLayers>) {
    this.#state = state;
    this.#rules = rules;
  }

  run(model: ModelSpec): void {
    const { graph, problems, weights } = this.#state;
    const inputs = model.inputs.map((step) => {
      const layer = model.steps[step]?.layer;
      const type = layer === undefined ? undefined : inputType(layer, problems);
      return layer === undefined || type === undefined ? undefined : graph.addInput(layer.name, type);
    });
    const outputs = this.#model(model, inputs, '');
    if (this.#incomplete) return;
    for (const name of weights.unused) problems.invalid(name, 'no layer of the model has this weight');
    this.#setOutputs(
      model,
      outputs.filter((output) => output !== undefined),
    );
  }

  #model(model: ModelSpec, inputs: readonly (Value | undefined)[], prefix: string): (Value | undefined)[] {
    const results: Results[] = [];
    for (const [index, { layer, inputs: sources }] of model.steps.entries()) {
      const place = model.inputs.indexOf(index);
      const given =
        place >= 0 ? [inputs[place]] : sources.map(({ step, tensor }) => this.#pick(results, step, tensor, model));
      if (!given.every((value) => value !== undefined)) {
        this.#incomplete = true;
        results.push(undefined);
      } else results.push(place >= 0 ? given : this.#step(layer, given, prefix + layer.name));
    }
    return model.outputs.map(({ step, tensor }) => this.#pick(results, step, tensor, model));
  }

  #pick(results: readonly Results[], step: number, tensor: number, model: ModelSpec): Value | undefined {
    const values = results[step];
    const value = values?.[tensor];
    if (values !== undefined && value === undefined) {
      const layer = model.steps[step]?.layer.name;
      this.#state.problems.invalid(`${layer}`, `output ${tensor} of it is used, but it has ${values.length}`);
    }
    return value;
  }

  /** One call of a layer or nested model. */
  #step(layer: LayerSpec, inputs: readonly Value[], name: string): Results {
    const { problems } = this.#state;
    if (layer.model !== undefined) {
      const wanted = layer.model.inputs.length;
      if (inputs.length === wanted) {
        const outputs = this.#model(layer.model, inputs, `${name}/`);
        return outputs.every((output) => output !== undefined) ? outputs : undefined;
      }
      problems.invalid(name, `it is called with ${inputs.length} inputs and has ${wanted}`);
    } else {
      const rule = this.#rules.get(layer);
      if (rule === undefined) throw new Error(`internal error: no rule for ${name}`);
      const [fewest, most] = rule.definition.arity;
      try {
        if (inputs.length >= fewest && inputs.length <= most) {
          return rule.importer(layerContext(this.#state, layer, name), inputs);
        }
        const wanted = fewest === most ? `${fewest}` : `${fewest} to ${most}`;
        problems.invalid(name, `it is called with ${inputs.length} inputs where ${wanted} are needed`);
      } catch (error) {
        if (!(error instanceof SwancError)) throw error;
        problems.add(error);
      }
    }
    this.#incomplete = true;
    return undefined;
  }

  /** Makes `values` the outputs of the graph, under the names that tfjs gives them. */
  #setOutputs(model: ModelSpec, values: readonly Value[]): void {
    const { graph } = this.#state;
    const outputs: Value[] = [];
    for (const [index, value] of values.entries()) {
      const layer = model.steps[model.outputs[index]?.step ?? -1]?.layer.name ?? 'output';
      // An output that is an input, a constant or another output gets a node, and so a name, of its own.
      const own = value.producer !== undefined && !outputs.includes(value);
      const output = own ? value : new TypedBuilder(graph, { origin: layer }).op('Identity', [value]);
      freeName(graph, layer, output);
      graph.rename(output, layer);
      outputs.push(output);
    }
    graph.setOutputs(outputs);
  }
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
  );
  return undefined;
}

function isSize(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31);
}
