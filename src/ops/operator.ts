import type { Attributes } from '../ir/attribute.js';
import type { Builder } from '../ir/builder.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import type { Dim, ElementType, Shape, ValueType } from '../ir/types.js';
import { isStatic } from '../ir/types.js';
import type { Bounds } from './bounds.js';
import type { Curves } from './curves.js';
import type { LinearStep } from './linear-step.js';
import type { Relation } from './relations.js';

/**
 * All that is known of one operator. One file an operator (or a table of like ones) declares it, `index.ts` lists the
 * files, and everything else asks here: no pass, front end or target has its own idea of what an operator does.
 */
export interface Operator {
  readonly op: string;
  /** '' is ONNX itself; swanc's own operators are in `ai.swan`. */
  readonly domain: string;
  /** Fewest and most inputs. */
  readonly inputs: readonly [number, number];
  /**
   * Types of the outputs from those of the inputs, undefined where not known. Throws where the inputs cannot be right.
   * Mathematics and defaults are those of the ONNX specification at {@link internalOpset}.
   */
  readonly infer: (node: Node) => readonly (ValueType | undefined)[];
  /**
   * Types of the inputs of the node's nested graph, for an operator that has just one and fixes them. Asked before
   * anything in the nested graph is inferred; undefined where what the graph declares is all that is known.
   */
  readonly nestedInputs?: (node: Node) => readonly (ValueType | undefined)[];
  /** Where values enter and leave the node's nested graphs; an axis that no passage names is pinned on both sides. */
  readonly passages?: (node: Node) => readonly Passage[];
  /** Floating-point operations for one run with symbolic dimensions taken as 1; the default is one per output element. */
  readonly flops?: (node: Node) => number;
  /** How the axes of inputs and outputs belong together. An axis that no relation names is pinned. */
  readonly relations?: (node: Node) => readonly Relation[];
  /** The input that the node hands on unchanged, if its attributes and constants make it do nothing. */
  readonly identity?: (node: Node) => Value | undefined;
  /** The node as scale · data + shift with constants along one axis, built as nodes to be folded; undefined if it is not. */
  readonly affine?: (node: Node, builder: Builder) => Affine | undefined;
  /** The inputs that are added up, for a sum: a zero among them may be left out. */
  readonly addends?: (node: Node) => readonly number[];
  /** Bounds of the output's elements from those of the inputs; without it nothing is known. See {@link Bounds}. */
  readonly bounds?: (node: Node, inputs: readonly (Bounds | undefined)[]) => Bounds | undefined;
  /** As `bounds`, for each output of an operator that has several. `inner` gives those of values in nested graphs. */
  readonly boundsEach?: (
    node: Node,
    inputs: readonly (Bounds | undefined)[],
    inner: (value: Value) => Bounds | undefined,
  ) => readonly (Bounds | undefined)[];
  /** How linear functions of the output become linear functions of the inputs. See {@link LinearStep}. */
  readonly linearStep?: (node: Node) => LinearStep | undefined;
  /** The node as a function of one number at a time, if it is one. It gives the bounds, too. See {@link Curves}. */
  readonly curves?: (node: Node) => Curves | undefined;
  /**
   * For an increasing function f of one number: the x from which on f(x) >= y, in real arithmetic. Undefined where there is
   * none, or where rounding decides before x does.
   */
  readonly inverse?: (node: Node, y: number) => number | undefined;
  /** For a plain sum of products plus bias: which inputs these are. Undefined where attributes scale one of them. */
  readonly linear?: (node: Node) => { readonly weight: number; readonly bias: number } | undefined;
  /** Inputs which, scaled by a positive number (slot by slot along a tied axis), scale the output by the same. */
  readonly homogeneous?: (node: Node) => readonly number[];
  /** The output holds elements of input 0 in other places, whatever they are: element-wise functions may come first. */
  readonly moves?: true;
  /** f(a, f(b, c)) = f(a, b, c) where the attributes of both are equal, for any numbers of inputs. */
  readonly associative?: true;
  /** The output holds the elements of input 0 in the same order, under another shape. */
  readonly reshapes?: true;
  /**
   * Lets the node give its elements, in the same order, under `shape` itself, as ONNX's `keepdims` does. False: it
   * cannot, and nothing was changed.
   */
  readonly reshaped?: (node: Node, shape: Shape, graph: Graph) => boolean;
  /**
   * For a window that slides over input 0: the attributes with which the node does on x what it now does on x padded
   * with constants. Undefined: there are none.
   */
  readonly padded?: (node: Node, padding: Padding) => Attributes | undefined;
  /** Lays the weights out with the output's units along axis 0, so that gathering some of them copies whole rows. */
  readonly rowsFirst?: (node: Node, graph: Graph) => void;
  /** For a mean of input 0 over some of its axes: which, and whether they stay with size 1. */
  readonly averages?: (node: Node) => { readonly axes: readonly number[]; readonly keepsAxes: boolean } | undefined;
  /** Axes of input 0 along which output elements lie between its elements; undefined: none, or not known. */
  readonly interpolates?: (node: Node) => readonly number[] | undefined;
  /** The output holds the elements of input 0 at their places, in another type. */
  readonly converts?: true;
  /**
   * How many numbers the node adds up, or multiplies, for an element of its output, besides those that it multiplies by
   * weights; infinity where that is open, or where steps follow on one another. Rounding of each adds up. The default is 1.
   */
  readonly sums?: (node: Node) => number;
  /**
   * `never`: ONNX does not define the operator for float16, or its types do not follow from those of its inputs. `either`:
   * floats of any type may be given, whatever the outputs are.
   */
  readonly float16?: 'never' | 'either';
  /**
   * Where the output jumps as the element of input 0 grows: at whole numbers, half-way between them, at zero. For what gives
   * floats; what makes other numbers of floats (Cast) jumps anyway.
   */
  readonly jumps?: 'whole' | 'halves' | 'zero';
  /**
   * Inputs of whose elements near zero the relative rounding counts: what is divided by, what a logarithm or a root is
   * taken of. Elements that become zero would make infinities.
   */
  readonly nearZero?: (node: Node) => readonly number[];
  /** Inputs that are float32 whatever the data are in, if they are floats: sizes, positions, what a shape follows from. */
  readonly float32Inputs?: readonly number[];
  /** The input whose elements are positions along an axis of so many slots; `size` is undefined where that is open. */
  readonly positions?: (node: Node) => { readonly input: number; readonly size: number | undefined };
  /** Each output element is the position of the greatest element along an axis of input 0, or of the `least`. */
  readonly searches?: (node: Node) => { readonly axis: number; readonly least: boolean };
  /** Every output element depends only on the input elements at its (broadcast) place. */
  readonly elementwise?: true;
  /**
   * Rewrites the node, whose first input was `Transpose(x, perm)`, to read x itself, and returns the permutation that
   * brings its output back. Undefined: there is no such rewrite. Element-wise operators need no rule of their own.
   */
  readonly transposed?: (node: Node, perm: readonly number[], graph: Graph) => readonly number[] | undefined;
  /** Brings attributes and shape inputs in line after `graph` has changed the sizes of the node's inputs. */
  readonly resize?: (node: Node, graph: Graph, sizes: Resized) => void;
  /** The definition in plain ONNX operators of an operator of our own. Adds nodes before `node`, returns the outputs. */
  readonly body?: (node: Node, graph: Graph) => readonly Value[];
  /** How to write the node at an opset that is older than {@link internalOpset}; the default writes it as it is. */
  readonly downgrade?: (node: Node, graph: Graph, opset: number) => void;
  /**
   * The outputs of the node, made of other operators that more devices have kernels for; adds nodes before it. Undefined:
   * there is none for these inputs.
   */
  readonly alternative?: (node: Node, builder: Builder) => readonly Value[] | undefined;
  /** First opset with this operator, 1 by default. */
  readonly since?: number;
  /** First opset with what this node asks of the operator, asked after {@link downgrade}, where that is later. */
  readonly needs?: (node: Node) => number;
  /**
   * For an operator on truth values: what its output tells of its inputs where it `holds`, and where it does not, at the
   * same (broadcast) place.
   */
  readonly implies?: (holds: boolean) => readonly Implication[];
  /**
   * True if the node runs, and gives an output of the inferred shape, whatever numbers its inputs hold, so that it may also
   * run where its result is not wanted. Unknown and symbolic sizes are right before the node runs, not because it does.
   */
  readonly isTotal?: (node: Node) => boolean;
  /** True where constants stay what they are: the output takes more bytes, and engines run the node together with others. */
  readonly expands?: true;
  /** True where equal inputs may give unequal outputs, so that no two nodes are ever merged. */
  readonly nondeterministic?: true;
}

/** That a truth value is true, or false: input `input` of a node. */
export interface Implication {
  readonly input: number;
  readonly holds: boolean;
}

/** An affine function of one input: y = scale · data + shift, with constants of one element or one per `axis` slot. */
export interface Affine {
  readonly data: Value;
  readonly axis: number;
  readonly scale?: Value;
  readonly shift?: Value;
}

/** A value that hands its data to another one across the border of a nested graph. */
export interface Passage {
  readonly from: Value;
  readonly to: Value;
  /** Axes of `from` and of `to` that are the same axis. */
  readonly axes: readonly (readonly [from: number, to: number])[];
}

/** Elements of one `value` that are put around another value: how many before and behind each axis. */
export interface Padding {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly value: number;
  /** No element of what is padded is less than `value`. */
  readonly isLowest: boolean;
}

/** What stands along an axis that was cut or reordered. Undefined: it is as it was. */
export interface Resized {
  /** Positions in the old axis. */
  kept(value: Value, axis: number): readonly number[] | undefined;
  /** How long the old axis was: a value may have its new shape already, if it is a constant. */
  sizeBefore(value: Value, axis: number): number | undefined;
}

/** The operator set that graphs are held in, the newest that is written. Older ones are made when a file is written. */
export const internalOpset = 20;

/** The oldest operator set that models are written at: before it, axes were attributes of most operators. */
export const oldestWrittenOpset = 13;

/** The domain of swanc's own operators. */
export const swanDomain = 'ai.swan';

/** A shape that an operator cannot take: an invalid model, reported with the node's layer. */
export class ShapeError extends Error {}

/** Type and shape of input `index`, or undefined while unknown. */
export function inputType(node: Node, index: number): ValueType | undefined {
  return node.inputs[index]?.type;
}

/** Rank of a value whose shape is known. */
export function rankOf(value: Value | undefined): number | undefined {
  return value?.shape?.length;
}

/** Input `index` as a list of whole numbers, if it is constant. */
export function constantInts(node: Node, index: number): readonly number[] | undefined {
  return node.inputs[index]?.constant?.numbers();
}

/** NumPy's rule, as in ONNX "multidirectional broadcasting". */
export function broadcastShapes(shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) =>
    shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).reduce(broadcastDims),
  );
}

function broadcastDims(left: Dim, right: Dim): Dim {
  if (left === right || right === 1) return left;
  if (left === 1) return right;
  // A symbol next to a number: both can only be right if the symbol is that number (or 1, which changes nothing).
  if (typeof left === 'string' && typeof right === 'string') return `max(${left},${right})`;
  if (typeof left === 'string') return right;
  if (typeof right === 'string') return left;
  throw new ShapeError(`sizes ${left} and ${right} do not broadcast`);
}

/** True if sizes are known, or symbols equal, wherever they meet: broadcasting succeeds whatever the symbols stand for. */
export function fitsBroadcast(shapes: readonly (Shape | undefined)[]): boolean {
  const rank = Math.max(0, ...shapes.map((shape) => shape?.length ?? 0));
  return (
    shapes.every((shape) => shape !== undefined) &&
    Array.from({ length: rank }, (_, axis) => axis).every((axis) => {
      const dims = new Set(shapes.map((shape) => shape?.[axis - rank + shape.length] ?? 1));
      dims.delete(1);
      return dims.size <= 1;
    })
  );
}

/** Number of elements with every symbol taken as 1: the cost of one sample. */
export function elementsPerSample(shape: Shape | undefined): number {
  return (shape ?? []).reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1), 1);
}

export function staticShape(value: Pick<Value, 'shape'> | undefined): readonly number[] | undefined {
  const shape = value?.shape;
  return shape !== undefined && isStatic(shape) ? shape : undefined;
}

/** The same element type with another shape. */
export function withShape(type: ElementType, shape: Shape): ValueType {
  return { type, shape };
}
