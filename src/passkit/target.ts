import type { Node } from '../ir/graph.js';
import type { ElementType } from '../ir/types.js';
import type { IntegerKernels } from './quantization/kernels.js';

/** What weights and arithmetic are in, apart from what its accuracy needs to be better. */
export const precisions = ['fp32', 'fp16', 'int8'] as const;
/** One of {@link precisions}. */
export type Precision = (typeof precisions)[number];

/** Where a node runs: `host` is the processor beside a device that has no kernel for it, which costs copies both ways. */
export type Placement = 'device' | 'host';

/** What of a browser runs a file. */
export interface BrowserDevices {
  readonly devices: readonly ('webgpu' | 'wasm')[];
  /** What WebGPU calls a feature that the adapter must have; null: none. */
  readonly feature: string | null;
}

/** Where a compiled model will run: data and predicates. Passes ask these and never name a target. */
export interface Target {
  /** As given to `--target`, and the folder that the files are written to. */
  readonly name: string;
  readonly description: string;
  /** The operator set that is written unless the user says otherwise. */
  readonly defaultOpset: number;
  /** ONNX Runtime's execution provider. Only `cpu` can be measured where models are compiled. */
  readonly provider: 'cpu' | 'webgpu';
  /** `fixed`: files are for one number of samples a run, so that all sizes are known when they are loaded. */
  readonly batch: 'open' | 'fixed';
  /** True where nodes are put in the order in which a run takes least memory. */
  readonly savesMemory?: true;
  /** What can be written, `fp32` among them. */
  readonly precisions: readonly Precision[];
  /** For a target in browsers: what the file in each of its precisions runs on. */
  readonly runsOn?: Readonly<Partial<Record<Precision, BrowserDevices>>>;
  /** Asked of nodes that the target {@link supports}, when their types are known. */
  placement(node: Node): Placement;
  /**
   * True where the device has a kernel of an operator of ONNX, for some element types. Plans do not rest on others: what they
   * compute would be copied to the host and back.
   */
  hasKernel(op: string): boolean;
  /** True where the target runs the operator itself, so that it need not be decomposed. */
  supports(node: Pick<Node, 'op' | 'domain'>): boolean;
  /** True where a Where may choose among elements of this type. */
  selects(type: ElementType): boolean;
  /**
   * True where starting a kernel takes longer than what most of them compute, so that passes choose the form that the engine
   * runs in the fewest: it makes one kernel of x · σ(c · x) with one number c, of a GELU, of a scale and a shift by channel.
   */
  readonly fewestKernels: boolean;
  /**
   * True for an operator that the engine runs with channels last, between transposes that it puts around what is with
   * channels first. Undefined where there is none.
   */
  channelsLast?(node: Node): boolean;
  readonly costs: TargetCosts;
  /** Microseconds until the processor has a value of the device, as the number of a branch is; 0 where it makes it itself. */
  readonly readBack: number;
  /** What runs on 8-bit integers; undefined where the target has no precision `int8`. */
  readonly integers?: IntegerKernels;
  /** Undefined where the time of a convolution goes with its number of channels, whatever that is. */
  readonly widths?: PreferredWidths;
}

/**
 * Which numbers of channels the target's convolutions like. Fast kernels compute channels a block at a time and take and
 * give a layout of their own, in which the channels of a block lie side by side; what is short of a block costs as much as
 * a whole one. Numbers that they do not take fall back to plain kernels. Times are in microseconds; `widths/layout-times`
 * says how they add up.
 */
export interface PreferredWidths {
  /** The fast kernels read a number of channels that is a multiple of this, or less than a block. */
  readonly multiple: number;
  readonly block: number;
  /** True for a convolution that has a fast kernel, if its widths allow. */
  isConvolution(node: Node): boolean;
  /** True for an operator that takes the layout of blocks and gives it, so that nothing is converted around it. */
  keepsLayout(node: Node): boolean;
  /**
   * For an operator that does so only if the numbers of channels are multiples of a block: what a floating-point operation
   * takes less then. Undefined for others.
   */
  savedByBlocks(node: Node): number | undefined;
  /** A fast kernel: for starting it, for a floating-point operation of full blocks, for an output element. */
  readonly blocked: { readonly operator: number; readonly flop: number; readonly output: number };
  /**
   * A fast kernel that reads less than a block of channels, in the plain layout. A window costs as much as so many elements
   * more than it has.
   */
  readonly direct: { readonly flop: number; readonly windowElements: number };
  /** A plain one, with what an element of a window costs that is copied together, unless the window is one element. */
  readonly plain: {
    readonly operator: number;
    readonly flop: number;
    readonly output: number;
    readonly windowElement: number;
  };
  /** A floating-point operation of a depthwise convolution, and what each channel of a plain one adds. */
  readonly depthwise: { readonly blockedFlop: number; readonly plainFlop: number; readonly plainChannel: number };
  /** Bringing a value from one layout into the other. */
  readonly conversion: { readonly operator: number; readonly element: number };
}

/** A cost model of one sample's inference, in microseconds; see `docs/planning.md` for where the numbers are from. */
export interface TargetCosts {
  /** For starting one operator. */
  readonly operator: number;
  /** For a floating-point operation in a convolution or matrix product with constant weights. */
  readonly flop: number;
  /** How many times slower weights that are made at run time are: they cannot be packed ahead. */
  readonly runtimeWeights: number;
  /** For an element of a tensor that something is added to that no operator takes over, as convolutions do a bias. */
  readonly addedElement: number;
  /** For an element of a result that is no sum of products: activations, masks. */
  readonly element: number;
  /** For a byte of weights that is read once a run. */
  readonly weightByte: number;
  /** So many bytes of weights stay in the processor's cache from one run to the next. */
  readonly cacheBytes: number;
  /** For a byte beyond those, in addition. */
  readonly uncachedByte: number;
  /** For a byte of weights that is gathered at run time: read and written. */
  readonly gatheredByte: number;
  /** For one contiguous run that a gather copies. */
  readonly gatheredRun: number;
  /** For running an `If`, besides the nodes of the branch that runs. */
  readonly branch: number;
  /** For starting a Where, and for each element that it chooses. */
  readonly select: number;
  readonly selectedElement: number;
}
