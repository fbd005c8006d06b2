import { type Attributes, ints, string } from '../ir/attribute.js';
import type { Node } from '../ir/graph.js';
import type { Dim, Shape } from '../ir/types.js';
import { at } from '../support/assert.js';
import { type Padding, ShapeError } from './operator.js';
import { unknownDim } from './symbols.js';

/** What convolutions and poolings share: a window that slides over the spatial axes (ONNX Conv, MaxPool, …). */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begin of every axis, then end of every axis. */
  readonly pads: readonly number[];
  readonly autoPad: string;
  readonly ceil: boolean;
}

/** Reads the window attributes of a node, with ONNX's defaults. `kernel` is given where weights fix it. */
export function windowOf(node: Node, kernel: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: node.ints('strides') ?? ones,
    dilations: node.ints('dilations') ?? ones,
    pads: node.ints('pads') ?? [...ones, ...ones].map(() => 0),
    autoPad: node.string('auto_pad', 'NOTSET'),
    ceil: node.int('ceil_mode', 0) === 1,
  };
}

/** Sizes of the spatial axes after the window has passed over `spatial`. */
export function slide(node: Node, window: Window, spatial: Shape): Shape {
  if (spatial.length !== window.kernel.length) {
    throw new ShapeError(`a window of ${window.kernel.length} axes over ${spatial.length} spatial axes`);
  }
  const steps = [...window.kernel, ...window.strides, ...window.dilations];
  if (steps.some((step) => step < 1)) throw new ShapeError('sizes, strides and dilations of a window are 1 or more');
  return spatial.map((dim, axis) => slideAxis(node, window, dim, axis));
}

function slideAxis(node: Node, window: Window, dim: Dim, axis: number): Dim {
  const stride = at(window.strides, axis);
  const extent = (at(window.kernel, axis) - 1) * at(window.dilations, axis) + 1;
  const same = window.autoPad.startsWith('SAME');
  const valid = window.autoPad === 'VALID';
  const padding = valid ? 0 : at(window.pads, axis) + at(window.pads, axis + window.kernel.length);
  if (typeof dim === 'string') {
    const keepsSize = stride === 1 && (same || padding === extent - 1);
    return keepsSize ? dim : unknownDim(node, axis + 2);
  }
  if (same) return Math.ceil(dim / stride);
  const steps = (dim + padding - extent) / stride;
  const size = (window.ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  if (size < 1) throw new ShapeError(`a window of ${extent} does not fit into ${dim} elements padded by ${padding}`);
  // With ceil_mode a last window that would start beyond the input and its begin padding is dropped.
  const startsOutside = window.ceil && (size - 1) * stride >= dim + at(window.pads, axis);
  return startsOutside ? size - 1 : size;
}

/**
 * The pads of a window that does the padding of what it slides over itself; undefined where batch or channels are padded
 * too, or where the window reckons its own padding from the size.
 */
export function widerPads(window: Window, { begins, ends }: Padding): readonly number[] | undefined {
  const spatial = window.kernel.length;
  const isSpatial = begins.length === spatial + 2 && [...begins.slice(0, 2), ...ends.slice(0, 2)].every((n) => n === 0);
  if (!isSpatial || window.autoPad.startsWith('SAME')) return undefined;
  const added = [...begins.slice(2), ...ends.slice(2)];
  return window.autoPad === 'VALID' ? added : added.map((amount, side) => amount + at(window.pads, side));
}

/** Attributes that give a window `pads`, whatever it had. */
export function padsAttributes(node: Node, pads: readonly number[]): Attributes {
  return { pads: ints(pads), ...(node.attributes.auto_pad === undefined ? {} : { auto_pad: string('NOTSET') }) };
}
