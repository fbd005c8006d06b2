import type { Problems } from './problems.js';
import type { LayerSpec, ModelSpec, TensorRef } from './topology.js';

/** What a call gives a layer besides its inputs. `R` tells tensors apart. Names are in snake_case. */
export interface CallArguments<R> {
  /** Arguments that are tensors, or lists of them. */
  readonly tensors: ReadonlyMap<string, readonly R[]>;
  /** All other arguments, as the file has them. */
  readonly settings: ReadonlyMap<string, unknown>;
}

export const noArguments: CallArguments<never> = { tensors: new Map(), settings: new Map() };

/** One call of one layer, with references resolved to earlier steps. */
export interface Step extends CallArguments<Source> {
  readonly layer: LayerSpec;
  readonly inputs: readonly Source[];
}

/** Output `tensor` of step `step` of the same model. */
export interface Source {
  readonly step: number;
  readonly tensor: number;
}

/** A model whose references are still names. */
export interface UnlinkedModel {
  readonly name: string;
  readonly layers: readonly LayerSpec[];
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
}

interface OpenStep extends CallArguments<TensorRef> {
  readonly layer: LayerSpec;
  readonly inputs: readonly TensorRef[];
}

/**
 * Resolves the references of a model and brings its calls into execution order. Undefined, with every problem
 * recorded, if names are unknown or used twice, or if calls depend on each other in a circle.
 */
export function linkSteps(model: UnlinkedModel, problems: Problems): ModelSpec | undefined {
  const before = problems.count;
  const steps: OpenStep[] = [];
  /** Number of a layer's first step. */
  const starts = new Map<string, number>();
  const layers = new Map<string, LayerSpec>();
  for (const layer of model.layers) {
    if (layers.has(layer.name)) problems.invalid(layer.name, `two layers of ${model.name} have this name`);
    layers.set(layer.name, layer);
    starts.set(layer.name, steps.length);
    if (layer.className === 'InputLayer') steps.push({ layer, inputs: [], ...noArguments });
    else for (const call of layer.calls) steps.push({ layer, ...call });
  }
  const resolve = (ref: TensorRef, where: string): Source | undefined => {
    const layer = layers.get(ref.layer);
    const start = starts.get(ref.layer);
    if (layer === undefined || start === undefined) {
      problems.invalid(where, `it refers to layer '${ref.layer}', which is not in ${model.name}`);
      return undefined;
    }
    const call = ref.node - firstNode(layer);
    const calls = layer.className === 'InputLayer' ? 1 : layer.calls.length;
    if (call < 0 || call >= calls) {
      problems.invalid(where, `it refers to node ${ref.node} of layer '${ref.layer}', which is called ${calls} times`);
      return undefined;
    }
    return { step: start + call, tensor: ref.tensor };
  };
  const resolveAll = (refs: readonly TensorRef[], where: string): Source[] =>
    refs.map((ref) => resolve(ref, where)).filter((source) => source !== undefined);

  const linked = steps.map((step) => withReferences(step, (refs) => resolveAll(refs, step.layer.name)));
  const inputs = resolveAll(model.inputs, `${model.name}, input_layers`);
  const outputs = resolveAll(model.outputs, `${model.name}, output_layers`);
  if (outputs.length === 0) problems.invalid(model.name, 'it has no outputs');
  for (const { step } of inputs) {
    const layer = steps[step]?.layer;
    if (layer?.className !== 'InputLayer')
      problems.invalid(`${layer?.name}`, 'an input of a model must be an InputLayer');
  }
  checkInputs(model, linked, inputs, problems);
  if (problems.count > before) return undefined;
  return inOrder(
    { name: model.name, layers: model.layers, steps: linked, inputs: inputs.map(({ step }) => step), outputs },
    problems,
  );
}

/** The same step with its references replaced, in their places. */
function withReferences<From, To>(
  { layer, inputs, tensors, settings }: CallArguments<From> & { layer: LayerSpec; inputs: readonly From[] },
  replace: (refs: readonly From[]) => readonly To[],
) {
  const replaced = new Map([...tensors].map(([name, refs]) => [name, replace(refs)] as const));
  return { layer, inputs: replace(inputs), tensors: replaced, settings };
}

/** Everything that a step reads. */
function sourcesOf({ inputs, tensors }: Step): readonly Source[] {
  return [...inputs, ...[...tensors.values()].flat()];
}

function checkInputs(
  model: UnlinkedModel,
  steps: readonly Step[],
  inputs: readonly Source[],
  problems: Problems,
): void {
  const listed = new Set(inputs.map(({ step }) => step));
  if (listed.size < inputs.length) problems.invalid(`${model.name}, input_layers`, 'it lists an input twice');
  for (const [index, { layer }] of steps.entries()) {
    if (layer.className === 'InputLayer' && !listed.has(index)) {
      problems.invalid(layer.name, `this InputLayer is not among the input_layers of ${model.name}`);
    }
  }
}

/**
 * The same model with its steps sorted so that each comes after those it reads (Kahn's algorithm). The order of the
 * file is kept where it is such an order, as it nearly always is.
 */
function inOrder(model: ModelSpec, problems: Problems): ModelSpec | undefined {
  const { steps } = model;
  if (steps.every((step, index) => sourcesOf(step).every((source) => source.step < index))) return model;
  const readers = steps.map((): number[] => []);
  const missing = steps.map((step, index) => {
    for (const { step: from } of sourcesOf(step)) readers[from]?.push(index);
    return sourcesOf(step).length;
  });
  const order = steps.flatMap((_, index) => (missing[index] === 0 ? [index] : []));
  for (let next = 0; next < order.length; next++) {
    for (const reader of readers[order[next] ?? -1] ?? []) {
      const left = (missing[reader] ?? 0) - 1;
      missing[reader] = left;
      if (left === 0) order.push(reader);
    }
  }
  if (order.length < steps.length) {
    const stuck = new Set(steps.filter((_, index) => (missing[index] ?? 0) > 0).map(({ layer }) => `'${layer.name}'`));
    const names = [...stuck].slice(0, 8).join(', ');
    const what = `its layers depend on each other in a circle: ${names}${stuck.size > 8 ? ', …' : ''}`;
    problems.invalid(model.name, what, undefined, 'SWC3031');
    return undefined;
  }
  const places = new Map(order.map((index, place) => [index, place]));
  const moved = ({ step, tensor }: Source): Source => ({ step: places.get(step) ?? step, tensor });
  return {
    ...model,
    steps: order.flatMap((index) => {
      const step = steps[index];
      return step === undefined ? [] : [withReferences(step, (sources) => sources.map(moved))];
    }),
    inputs: model.inputs.map((step) => places.get(step) ?? step),
    outputs: model.outputs.map(moved),
  };
}

/** The node index of a layer's first call: a nested model has a node of its own before it is ever called. */
export function firstNode(layer: LayerSpec): number {
  return layer.model === undefined ? 0 : 1;
}
