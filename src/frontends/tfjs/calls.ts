import type { Value } from '../../ir/graph.js';
import { invalid, SwancError } from '../../support/errors.js';
import { Context, type ImportState, type LayerCall, recordDeparture } from './context.js';
import type { InnerLayer, Masked } from './layer.js';
import { type CallArguments, noArguments, type Source } from './links.js';
import type { LayerSpec, ModelSpec } from './topology.js';
import { TypedBuilder } from './typed-builder.js';

/** Outputs of a step; undefined after a problem, which makes everything that depends on it undefined too. */
type Results = readonly Masked[] | undefined;

/** Turns the calls of a model's layers into nodes. Problems are recorded, and the rest of the model is looked at. */
export class Calls {
  readonly #state: ImportState;
  readonly #constants = new Map<LayerSpec, Map<string, Value>>();
  /** True once some part of the model was not looked at because what it depends on had a problem. */
  incomplete = false;
  /** True once some layer has given a mask. */
  hasMasks = false;

  constructor(state: ImportState) {
    this.#state = state;
  }

  /** The outputs of a model called with `inputs`; `prefix` stands before the names of its layers. */
  model(model: ModelSpec, inputs: readonly (Masked | undefined)[], prefix = ''): readonly (Masked | undefined)[] {
    const results: Results[] = [];
    const pick = ({ step, tensor }: Source): Masked | undefined => {
      const values = results[step];
      const value = values?.[tensor];
      if (values !== undefined && value === undefined) {
        const layer = model.steps[step]?.layer.name;
        this.#state.problems.invalid(`${layer}`, `output ${tensor} of it is used, but it has ${values.length}`);
      }
      return value;
    };
    for (const [index, step] of model.steps.entries()) {
      const place = model.inputs.indexOf(index);
      const given = place >= 0 ? [inputs[place]] : step.inputs.map(pick);
      const tensors = [...step.tensors].map(([name, sources]) => [name, sources.map(pick)] as const);
      const isKnown = [given, ...tensors.map(([, values]) => values)].every((values) => values.every(isDefined));
      if (!isKnown) {
        this.incomplete = true;
        results.push(undefined);
        continue;
      }
      const found = given.filter(isDefined);
      const named = new Map(tensors.map(([name, values]) => [name, values.filter(isDefined)] as const));
      const settings = { tensors: named, settings: step.settings };
      results.push(place >= 0 ? found : this.#step(step.layer, found, settings, prefix + step.layer.name));
    }
    return model.outputs.map(pick);
  }

  /** One call of a layer or nested model. */
  #step(layer: LayerSpec, inputs: readonly Masked[], given: CallArguments<Masked>, name: string): Results {
    const constants = this.#constants.get(layer) ?? new Map<string, Value>();
    this.#constants.set(layer, constants);
    const { graph, layers } = this.#state;
    // Where a call is given a mask, this is the mask of its first input.
    const asked = given.tensors.get('mask')?.[0]?.value;
    const isBool = asked === undefined || asked.elementType === 'bool';
    const mask = isBool ? asked : new TypedBuilder(graph, { origin: name }).cast(asked, 'bool');
    if (mask !== undefined) this.hasMasks = true;
    const masked = inputs.map((input, index) => (index === 0 && mask !== undefined ? { ...input, mask } : input));
    const rest = { ...given, tensors: new Map([...given.tensors].filter(([key]) => key !== 'mask')) };
    try {
      return this.#call(layer, {
        name,
        scope: layer.name,
        order: layers.weightsOf(layer),
        graph,
        inputs: masked,
        arguments: rest,
        constants,
      });
    } catch (error) {
      if (!(error instanceof SwancError)) throw error;
      this.#state.problems.add(error);
      this.incomplete = true;
      return undefined;
    }
  }

  /** @throws SwancError where the layer cannot be called so. */
  #call(layer: LayerSpec, call: LayerCall): Results {
    const { problems, layers } = this.#state;
    const { name, inputs } = call;
    if (layer.model !== undefined) {
      this.#checkCount(name, inputs.length, [layer.model.inputs.length, layer.model.inputs.length]);
      const outputs = this.model(layer.model, inputs, `${name}/`);
      if (outputs.some((output) => output?.mask !== undefined)) {
        recordDeparture(this.#state, name, 'tfjs loses the mask that a model inside gives');
      }
      return outputs.every(isDefined) ? outputs : undefined;
    }
    this.#state.classes.set(name, layer.className);
    const { definition, importer } = layers.of(layer);
    this.#checkCount(name, inputs.length, definition.arity);
    if (definition.followsMask === true && inputs[0]?.mask === undefined) this.#state.unmasked.add(name);
    const [first] = inputs;
    if (importer.maskedBy !== undefined && first !== undefined && this.#state.graph.inputs.includes(first.value)) {
      this.#state.maskedInputs.set(first.value.name, importer.maskedBy);
    }
    const ctx = new Context(this.#state, call, (inner, outer, scope) => this.#inner(inner, outer, scope));
    const outputs = importer.call(
      ctx,
      inputs.map(({ value }) => value),
    );
    if (outputs.some(({ mask }) => mask !== undefined)) this.hasMasks = true;
    for (const argument of ctx.unasked) {
      if (argument !== 'training') problems.unsupported(name, `it is called with the argument '${argument}'`);
    }
    return outputs;
  }

  #inner(inner: InnerLayer, outer: LayerCall, scope: string): readonly Masked[] {
    const spec = this.#state.layers.specOf(inner);
    const outputs = this.#call(spec, {
      ...outer,
      name: `${outer.name}/${inner.name}`,
      scope: scope === '' ? outer.scope : `${outer.scope}/${scope}`,
      arguments: noArguments,
    });
    if (outputs !== undefined) return outputs;
    // The problem is recorded; what it leaves undone ends here.
    throw new SwancError('SWC3004', 'an inner model cannot be called', []);
  }

  #checkCount(name: string, count: number, [fewest, most]: readonly [number, number]): void {
    if (count >= fewest && count <= most) return;
    const wanted = fewest === most ? `${fewest}` : `${fewest} to ${most}`;
    throw invalid('SWC3004', name, `it is called with ${count} inputs where ${wanted} are needed`);
  }
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
