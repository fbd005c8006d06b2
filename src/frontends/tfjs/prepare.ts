import { ConfigReader } from './config.js';
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

  /** Names of the weights of a layer, which its own begins, in the order in which it creates them, if that is known. */
  weightsOf(layer: LayerSpec): readonly string[] {
    return this.#prepared.get(layer)?.importer.weights.map((name) => `${layer.name}/${name}`) ?? [];
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
      this.#problems.unsupported(name, `layers of class ${layer.className} are not supported`, advice, 'SWC3015');
      return config;
    }
    this.#prepared.set(layer, { definition, importer: definition.prepare(config) });
    ConfigReader.finish(config);
    return config;
  }

  #readInner(entry: unknown, owner: string, field: string): InnerLayer {
    const where = `${owner}, ${field}`;
    const read = readLayer(entry, where, this.#problems);
    const spec = read ?? standIn(where);
    const config = read === undefined ? this.#configOf(spec, where) : this.#prepareLayer(spec, `${owner}/${spec.name}`);
    const prepared = this.#prepared.get(spec);
    const layer: InnerLayer = {
      name: spec.name,
      className: spec.className,
      config,
      perVector: prepared?.definition.perVector ?? false,
      weights: prepared?.importer.weights ?? [],
      states: (ctx, x) => {
        const states = prepared?.importer.states;
        if (states === undefined) throw ctx.unsupported(`${spec.className} '${spec.name}' is no recurrent cell`);
        return states(ctx, x);
      },
    };
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
