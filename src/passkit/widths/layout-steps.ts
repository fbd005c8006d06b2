import type { Graph, Node, Value } from '../../ir/graph.js';
import { flopsOf, relationsOf } from '../../ops/index.js';
import { type Port, portValue, slotsAt, weightedSum } from '../../ops/relations.js';
import { at } from '../../support/assert.js';
import type { Target } from '../target.js';

/** The size of an axis: as it is, or as it would be. */
export type SizeOf = (value: Value, axis: number) => number;

/** A target that prefers some widths. */
type PaddingTarget = Required<Pick<Target, 'widths' | 'costs'>>;

/** ONNX has channels behind the samples. */
const channelAxis = 1;

/** A convolution that may have a fast kernel. */
interface Convolution {
  readonly x: Value;
  readonly y: Value;
  readonly isDepthwise: boolean;
  /** Elements of the window that it sees of a channel. */
  readonly window: number;
}

/** Another sum of products with constant weights: as it is, it takes so many operations. */
interface Sum {
  readonly node: Node;
  readonly data: Port;
  readonly weight: Value;
  readonly flops: number;
}

interface Step {
  readonly node: Node;
  readonly reads: readonly Value[];
  readonly convolution: Convolution | undefined;
  readonly sum: Sum | undefined;
  readonly keepsLayout: boolean;
  /** See PreferredWidths.savedByBlocks: of the whole node as it is now. */
  readonly savedByBlocks: number | undefined;
}

/** What a node does with layouts, with axes of some sizes. */
export interface StepOutcome {
  /** Microseconds for one sample, without conversions. */
  readonly time: number;
  /** True if its output is in the layout of blocks. */
  readonly givesBlocks: boolean;
  /** What it reads in another layout than it is in. */
  readonly converts: readonly Value[];
}

/**
 * The nodes of a graph and of those nested in it, in execution order, and the time that each takes as far as the number of
 * channels decides: convolutions by fast or plain kernels, and other sums of products with constant weights.
 */
export class LayoutSteps {
  readonly #steps: readonly Step[];
  readonly #target: PaddingTarget;
  readonly #touching = new Map<Value, number[]>();

  constructor(graph: Graph, target: PaddingTarget) {
    this.#target = target;
    this.#steps = [...graph.allNodes()].map((node) => this.#stepOf(node));
    for (const [index, { node }] of this.#steps.entries()) {
      for (const value of new Set([...node.inputs, ...node.outputs])) {
        if (value === undefined) continue;
        const touching = this.#touching.get(value) ?? [];
        this.#touching.set(value, touching);
        touching.push(index);
      }
    }
  }

  get count(): number {
    return this.#steps.length;
  }

  /** The steps whose outcome depends on the size of a value, or on its layout. */
  touching(value: Value): readonly number[] {
    return this.#touching.get(value) ?? [];
  }

  /** The axes of channels of the convolutions that may be fast: what they read and what they make. */
  channels(): { readonly value: Value; readonly axis: number }[] {
    const values = this.#steps.flatMap(({ convolution }) =>
      convolution === undefined ? [] : [convolution.x, convolution.y],
    );
    return [...new Set(values)].map((value) => ({ value, axis: channelAxis }));
  }

  /** The output that may be in the layout of blocks. */
  output(index: number): Value {
    return at(this.#steps, index).node.output;
  }

  outcome(index: number, size: SizeOf, blocked: ReadonlySet<Value>): StepOutcome {
    const step = at(this.#steps, index);
    const { node, reads, convolution, sum, savedByBlocks } = step;
    if (convolution !== undefined) {
      const { x, isDepthwise } = convolution;
      const channels = size(x, channelAxis);
      const isFast = this.#isFast(convolution, channels);
      const isDirect = !isDepthwise && channels < this.#target.widths.block;
      const converts = blocked.has(x) !== (isFast && !isDirect) ? [x] : [];
      return { time: this.#timeOf(convolution, isFast, size), givesBlocks: isFast, converts };
    }
    if (this.#keepsBlocks(step, size, blocked)) return { time: 0, givesBlocks: true, converts: [] };
    const saved = savedByBlocks === undefined ? 0 : savedByBlocks * growthOf(node.output, size);
    const time = saved + (sum === undefined ? 0 : this.#timeOfSum(sum, size));
    return { time, givesBlocks: false, converts: reads.filter((value) => blocked.has(value)) };
  }

  /** Microseconds for one sample of a value that is put in the other layout. */
  timeOfConversion(value: Value, size: SizeOf): number {
    const { conversion } = this.#target.widths;
    return conversion.operator + conversion.element * elementsOf(value, size);
  }

  #stepOf(node: Node): Step {
    const { widths } = this.#target;
    const sum = weightedSum(relationsOf(node));
    const saved = widths.savedByBlocks(node);
    const weight = sum === undefined ? undefined : portValue(node, sum.weight);
    return {
      node,
      reads: node.inputs.flatMap((value) => (value === undefined || value.constant !== undefined ? [] : [value])),
      convolution: widths.isConvolution(node) ? convolutionOf(node) : undefined,
      sum:
        sum === undefined || weight?.constant === undefined
          ? undefined
          : { node, data: sum.data, weight, flops: flopsOf(node) },
      keepsLayout: widths.keepsLayout(node),
      savedByBlocks: saved === undefined ? undefined : saved * flopsOf(node),
    };
  }

  #isFast({ isDepthwise }: Convolution, channels: number): boolean {
    const { multiple, block } = this.#target.widths;
    return channels % multiple === 0 || (!isDepthwise && channels < block);
  }

  #timeOf({ x, y, isDepthwise, window }: Convolution, isFast: boolean, size: SizeOf): number {
    const { blocked, direct, plain, depthwise, block } = this.#target.widths;
    const [read, made] = [size(x, channelAxis), size(y, channelAxis)];
    const outputs = elementsOf(y, size);
    if (isFast) {
      const whole = (outputs / made) * wholeBlocks(made, block);
      const started = blocked.operator + whole * blocked.output;
      if (isDepthwise) return started + 2 * window * whole * depthwise.blockedFlop;
      if (read < block) return started + 2 * (window + direct.windowElements) * whole * read * direct.flop;
      return started + 2 * window * whole * wholeBlocks(read, block) * blocked.flop;
    }
    const flops = 2 * window * outputs * (isDepthwise ? 1 : read);
    if (isDepthwise) return plain.operator + made * depthwise.plainChannel + flops * depthwise.plainFlop;
    const copied = window === 1 ? 0 : (outputs / made) * window * read;
    return plain.operator + flops * plain.flop + copied * plain.windowElement + outputs * plain.output;
  }

  #timeOfSum({ node, data, weight, flops }: Sum, size: SizeOf): number {
    const { costs } = this.#target;
    const value = portValue(node, data);
    const longer = value === undefined ? 1 : size(value, data.axis) / Math.max(1, slotsAt(node, data));
    return flops * longer * growthOf(node.output, size) * costs.flop + 4 * elementsOf(weight, size) * costs.weightByte;
  }

  #keepsBlocks({ node, reads, keepsLayout, savedByBlocks }: Step, size: SizeOf, blocked: ReadonlySet<Value>): boolean {
    if (reads.length === 0 || !reads.every((value) => blocked.has(value))) return false;
    // An operand that is stretched has another shape, and is read in the plain layout.
    const isStretched = (value: Value): boolean => elementsOf(value, size) < elementsOf(node.output, size);
    if (keepsLayout) return reads.length === 1 || !reads.some(isStretched);
    if (savedByBlocks === undefined) return false;
    return reads.every((value) => size(value, channelAxis) % this.#target.widths.block === 0);
  }
}

/** An axis as long as it is now; axes of unknown size, which are the samples, count once. */
export function sizeNow(value: Value, axis: number): number {
  const dim = value.shape?.[axis];
  return typeof dim === 'number' ? dim : 1;
}

/** How many times as large as now a value would be. */
function growthOf(value: Value, size: SizeOf): number {
  return elementsOf(value, size) / elementsOf(value, sizeNow);
}

function elementsOf(value: Value, size: SizeOf): number {
  let product = 1;
  for (let axis = 0; axis < (value.shape?.length ?? 0); axis++) product *= size(value, axis);
  return product;
}

/** Undefined for groups of several channels, which widths make no faster, and for sizes that only a run will tell. */
function convolutionOf(node: Node): Convolution | undefined {
  const [x, y] = [node.input(0), node.output];
  const isKnown = [x, y].every(({ shape }) => shape?.every((dim, axis) => axis === 0 || typeof dim === 'number'));
  if (!isKnown) return undefined;
  const relations = relationsOf(node);
  const sum = weightedSum(relations);
  const repeat = relations.find((relation) => relation.kind === 'repeat');
  if (sum === undefined && repeat === undefined) return undefined;
  if (node.int('group', 1) !== (repeat === undefined ? 1 : sizeNow(x, channelAxis))) return undefined;
  // A depthwise convolution that makes several channels of one has no fast kernel.
  if (repeat !== undefined && sizeNow(x, channelAxis) !== sizeNow(y, channelAxis)) return undefined;
  const dims = node.input(1).shape ?? [];
  const window = dims.slice(2).reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1), 1);
  return { x, y, isDepthwise: repeat !== undefined, window };
}

function wholeBlocks(channels: number, block: number): number {
  return Math.ceil(channels / block) * block;
}
