import { int } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { sameTensor, Tensor } from '../../ir/tensor.js';
import { defined } from '../../support/assert.js';
import type { CutConstant } from './cut-constants.js';
import { type IntegerWeights, quantizeBias, quantizeWeights } from './weights.js';

/** A single integer of the activations' type. */
export function integersOf(integer: number): Tensor<'uint8'> {
  return new Tensor('uint8', [], Uint8Array.of(integer));
}

/** What the scales of weights depend on besides the weights. */
export interface Layer {
  /** The least scale of the data that the weights are multiplied with. */
  readonly dataScale: number;
  readonly bias: Value | undefined;
}

/** The constants of quantization, each there once. */
export class ConstantPool {
  readonly #graph: Graph;
  readonly #layers: ReadonlyMap<Value, Layer>;
  readonly #small: Value[] = [];
  readonly #weights = new Map<Value, IntegerWeights & { readonly value: Value; readonly scale: Value }>();
  readonly #biases = new Map<string, { readonly value: Value; readonly scale: Value }>();

  /** `layers` by their weights. */
  constructor(graph: Graph, layers: ReadonlyMap<Value, Layer>) {
    this.#graph = graph;
    this.#layers = layers;
  }

  scalar(tensor: Tensor): Value {
    return this.#shared(tensor, tensor.is('float32') ? 's' : 'z');
  }

  table(tensor: Tensor): Value {
    return this.#shared(tensor, 'table');
  }

  /** A shape, in the outermost graph. */
  shape(dims: readonly number[]): Value {
    return this.#shared(Tensor.int64([dims.length], dims), 'shape');
  }

  #shared(tensor: Tensor, name: string): Value {
    const known = this.#small.find(({ constant }) => constant !== undefined && sameTensor(constant, tensor));
    if (known !== undefined) return known;
    const value = this.#graph.addConstant(name, tensor);
    this.#small.push(value);
    return value;
  }

  /** The weights in floats, made of integers that are cut as they were. */
  weights(constant: CutConstant, reader: Node): Value {
    const builder = new Builder(reader.graph, { before: reader });
    const { value, scale, scales: all } = this.#weightsOf(constant);
    const { integers, scales, axis } = this.#cut(constant, value, scale, builder);
    // Zero points are there for kernels of matrix products, which are not made without.
    const count = reader.inputs[1]?.shape?.[axis];
    const zeros = this.#zeros(typeof count === 'number' ? count : all.size);
    const own = typeof count === 'number' ? zeros : this.#cut(constant, value, zeros, builder).scales;
    return dequantized([integers, scales, own], axis, reader);
  }

  #zeros(count: number): Value {
    return this.#shared(new Tensor('int8', [count], new Int8Array(count)), 'zeros');
  }

  /** A bias in floats, in steps of the scale of the data times those of the weights. */
  bias(constant: CutConstant, weights: CutConstant, dataScale: number, reader: Node): Value {
    const builder = new Builder(reader.graph, { before: reader });
    const { root } = constant;
    const key = `${root.name} ${weights.root.name} ${dataScale}`;
    const known = this.#biases.get(key) ?? this.#addBias(root, this.#weightsOf(weights).scales, dataScale);
    this.#biases.set(key, known);
    const { integers, scales, axis } = this.#cut(constant, known.value, known.scale, builder);
    return dequantized([integers, scales], axis, reader);
  }

  #addBias(root: Value, scales: Tensor<'float32'>, dataScale: number) {
    const quantized = quantizeBias(floatsOf(root), scales, dataScale);
    return {
      value: root.graph.addConstant(root.name, quantized.integers),
      scale: root.graph.addConstant('s', quantized.scales),
    };
  }

  #weightsOf({ root, axis }: CutConstant): IntegerWeights & { readonly value: Value; readonly scale: Value } {
    const known = this.#weights.get(root);
    if (known !== undefined) return known;
    const { dataScale, bias } = defined(this.#layers.get(root), `the layer of '${root.name}'`);
    const quantized = quantizeWeights(floatsOf(root), axis, bias && floatsOf(bias), dataScale);
    const value = root.graph.addConstant(root.name, quantized.integers);
    const made = { ...quantized, value, scale: root.graph.addConstant('s', quantized.scales) };
    root.graph.swapNames(root, value);
    this.#weights.set(root, made);
    return made;
  }

  /** Does to integers and their scales what is done to the constant. */
  #cut({ cuts, axis: start }: CutConstant, value: Value, scale: Value, builder: Builder) {
    let [integers, scales, axis] = [value, scale, start];
    for (const { node, kind, axis: cutAxis } of cuts) {
      const [, ...others] = node.inputs;
      if (kind === 'silence') {
        const wide = builder.cast(integers, 'int32');
        const factor = defined(node.input(1).constant, 'a factor');
        const ones = builder.constant(new Tensor('int8', factor.dims, Int8Array.from(factor.numbers())), 'ones');
        integers = builder.cast(builder.op('Mul', [wide, builder.cast(ones, 'int32')]), 'int8');
      } else {
        integers = builder.op(node.op, [integers, ...others], node.attributes);
      }
      if (kind === 'take' && cutAxis === axis) scales = this.#cutScales(node.op, scales, others, builder);
      if (kind === 'permute') axis = node.ints('perm')?.indexOf(axis) ?? axis;
    }
    return { integers, scales, axis };
  }

  #cutScales(op: string, scales: Value, others: readonly (Value | undefined)[], builder: Builder): Value {
    // A Slice names its axis by an input, a Gather by an attribute; without either it is the first.
    return op === 'Slice' ? builder.op(op, [scales, others[0], others[1]]) : builder.op(op, [scales, others[0]]);
  }
}

function dequantized(inputs: readonly Value[], axis: number, reader: Node): Value {
  const attributes = axis === 1 ? {} : { axis: int(axis) };
  const { graph } = reader;
  return graph.addNode({ op: 'DequantizeLinear', inputs, attributes, outputs: ['w'], before: reader }).output;
}

function floatsOf({ constant, name }: Value): Tensor<'float32'> {
  if (constant?.is('float32') !== true) throw new Error(`internal error: '${name}' is no float32 constant`);
  return constant;
}
