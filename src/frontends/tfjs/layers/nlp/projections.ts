import type { Value } from '../../../../ir/graph.js';
import { Tensor } from '../../../../ir/tensor.js';
import { sizeOf } from '../../../../ir/types.js';
import { at } from '../../../../support/assert.js';
import type { LayerContext } from '../../layer.js';
import { affine, withBias } from '../core.js';

/** The layers inside an attention layer, in the order in which it creates them. */
const layers = ['query', 'key', 'value', 'attention_output'] as const;

/** Names of the weights of an attention layer, in the order in which it creates them. */
export function attentionWeights(useBias: boolean): readonly string[] {
  return layers.flatMap((layer) => withBias(useBias, 'kernel').map((name) => `${layer}/${name}`));
}

/** A projection by one of them; its weights are multiplied by `factor`. */
export interface Projection {
  readonly layer: (typeof layers)[number];
  /** Shapes of its kernel, `[...summed, ...units]`, and bias. */
  readonly summed: readonly number[];
  readonly units: readonly number[];
  readonly factor?: number;
}

/** x, `[..., summed]`, times the kernels of projections plus their biases: `[..., units of all of them]`. */
export function project(
  ctx: LayerContext,
  scope: string,
  x: Value,
  projections: readonly Projection[],
  useBias: boolean,
): Value {
  const names = projections.map(({ layer }) => layer).join('_');
  const width = projections.reduce((sum, { units }) => sum + sizeOf(units), 0);
  const rows = sizeOf(projections[0]?.summed ?? []);
  const make = (height: number) => (tensors: readonly Tensor<'float32'>[]) =>
    sideBySide(
      tensors.map((tensor, index) => scaled(tensor, projections[index]?.factor ?? 1)),
      height,
    );
  const kernels = projections.map((each) => ({
    name: `${scope}${each.layer}/kernel`,
    shape: [...each.summed, ...each.units],
  }));
  const biases = projections.map((each) => ({
    name: `${scope}${each.layer}/bias`,
    shape: each.units,
  }));
  const kernel = ctx.combine(`${scope}${names}/kernel`, [rows, width], kernels, (tensors) =>
    make(rows)(tensors).reshaped([rows, width]),
  );
  const bias = useBias ? ctx.combine(`${scope}${names}/bias`, [width], biases, make(1)) : undefined;
  return affine(ctx, x, kernel, bias);
}

/** Matrices of `height` rows beside one another, as the values of one, flat. */
function sideBySide(tensors: readonly Tensor<'float32'>[], height: number): Tensor<'float32'> {
  if (tensors.length === 1) return flat(at(tensors, 0).floats());
  const size = tensors.reduce((sum, tensor) => sum + tensor.size, 0);
  const result = new Float32Array(size);
  let column = 0;
  for (const tensor of tensors) {
    const width = tensor.size / height;
    const values = tensor.floats();
    for (let row = 0; row < height; row++) {
      result.set(values.subarray(row * width, (row + 1) * width), row * (size / height) + column);
    }
    column += width;
  }
  return flat(result);
}

function flat(values: Float32Array): Tensor<'float32'> {
  return new Tensor('float32', [values.length], values);
}

function scaled(tensor: Tensor<'float32'>, factor: number): Tensor<'float32'> {
  if (factor === 1) return tensor;
  const values = tensor.floats().map((value) => value * factor);
  return new Tensor('float32', tensor.dims, values);
}
