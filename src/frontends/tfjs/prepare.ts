import { ConfigReader } from './config.js';
import type { JsonObject } from './json.js';
import type { InnerLayer, LayerDefinition, LayerImporter } from './layer.js';
import type { Problems } from './problems.js';
import { type LayerSpec, type ModelSpec, readLayer } from './topology.js';

/** A layer with the rule for its class, its config read. */
export interface PreparedLayer {
  readonly definition: LayerDefinition;
  readonly importer: LayerImporter;
}

/** The layers of a model, of the models in it and of its wrappers, before anything is called. */
export class PreparedLayers {
  readonly #byClass = new Map<string, LayerDefinition>();
  readonly #prepared = new Map<LayerSpec, PreparedLayer>();
  readonly #inner = new Map<InnerLayer, LayerSpec>();
  readonly #problems: Problems;

  /** Finds the rule of every layer and lets it read the layer's config, so that all problems come to light at once. */
  constructor(model: ModelSpec, definitions: readonly LayerDefinition[], problems: Problems) {
    this.#problems = problems;
    for (const definition of definitions) {
      for (const name of definition.classNames) if (!this.#byClass.has(name)) this.#byClass.set(name, definition);
    }
    this.#prepareModel(model, '');
  }

  of(layer: LayerSpec): PreparedLayer {
    const prepared = this.#prepared.get(layer);
    if (prepared === undefined) throw new Error(`internal error: no rule for ${layer.name}`);
    return prepared;
  }

  /** What the file says of a layer inside another. */
  specOf(layer: InnerLayer): LayerSpec {
    const spec = this.#inner.get(layer);
    if (spec === undefined) throw new Error(`internal error: ${layer.name} is no layer of this model`);
    return spec;
  }

  #prepareModel(model: ModelSpec, prefix: string): void {
    for (const layer of model.layers) {
      if (layer.className !== 'InputLayer') this.#prepareLayer(layer, prefix + layer.name);
    }
  }

  /** Returns the reader of the layer's config. */
  #prepareLayer(layer: LayerSpec, name: string): ConfigReader {
    const config = this.#configOf(layer, name);
    if (layer.model !== undefined) {
      this.#prepareModel(layer.model, `${name}/`);
      return config;
    }
    const definition = this.#byClass.get(layer.className);
    if (definition === undefined) {
      const advice = 'give a rule for this class with a plugin, or replace the layer';
      this.#problems.unsupported(name, `layers of class ${layer.className} are not supported`, advice);
      return config;
    }
    this.#prepared.set(layer, { definition, importer: definition.prepare(config) });
    config.finish();
    return config;
  }

  #readInner(entry: unknown, owner: string, field: string, changes: JsonObject): InnerLayer {
    const where = `${owner}, ${field}`;
    const read = readLayer(entry, where, this.#problems);
    const spec = read === undefined ? standIn(where) : { ...read, config: { ...read.config, ...changes } };
    const config = read === undefined ? this.#configOf(spec, where) : this.#prepareLayer(spec, `${owner}/${spec.name}`);
    const perVector = this.#prepared.get(spec)?.definition.perVector ?? false;
    const layer: InnerLayer = { name: spec.name, className: spec.className, config, perVector };
    this.#inner.set(layer, spec);
    return layer;
  }

  #configOf(layer: LayerSpec, name: string): ConfigReader {
    return new ConfigReader(name, layer.config, this.#problems, (...inner) => this.#readInner(...inner));
  }
}

/** Takes the place of a layer that a problem was recorded for; it is never called. */
function standIn(name: string): LayerSpec {
  return { name, className: '', config: {}, model: undefined, calls: [] };
}
