import { type Initializer, type Regularizer, readPart, type SerializedPart, writePart } from './parts.js';
import { hardGates, straightThroughGates } from './straight-through.js';
import { tf } from './tf.js';

export type Pooling = 'average' | 'none';

export interface SwanGateArgs {
  name?: string;
  trainable?: boolean;
  inputShape?: tf.Shape;
  batchInputShape?: tf.Shape;
  /** Probability from which a gate fires, in (0, 1). Default 0.5. */
  threshold?: number;
  /** Number of neighbouring units that share one gate. Default 1: each unit its own. */
  groupSize?: number;
  /** Width of a hidden relu layer between control and scores; 0, the default, for none. */
  hiddenUnits?: number;
  /** What happens to the spatial axes of a control of rank > 2: their mean (default), or a gate at each position. */
  pooling?: Pooling;
  /** Whether scores have a bias. Default true. */
  useBias?: boolean;
  /** Training: temperature of the straight-through sigmoid. Default 1. */
  temperature?: number;
  /** Training: density that the penalty pulls towards. Default 0.5. */
  targetDensity?: number;
  /** Training: weight of the density penalty. Default 0: no penalty. */
  densityWeight?: number;
  /** Default Glorot uniform; also for the hidden kernel. */
  kernelInitializer?: Initializer | SerializedPart;
  /** Default 1, so that gates begin open and training closes them. */
  biasInitializer?: Initializer | SerializedPart;
  /**
   * Training: a penalty on the kernel of the scores. An L1 penalty makes a gate depend on its input only where that pays,
   * so that more units end dead or always on.
   */
  kernelRegularizer?: Regularizer | SerializedPart | null;
}

type Shapes = tf.Shape | tf.Shape[];
type Weight = ReturnType<tf.layers.Layer['addWeight']>;

/**
 * Gate of a switchable activation network (*Switchable Activation Networks*, arXiv 2603.06601): every group of units
 * gets a binary gate that depends on the input.
 *
 *     c = control                     if it has rank 2, or pooling = 'none'
 *       = mean over spatial axes      if pooling = 'average'
 *     h = relu(c . hidden_kernel + hidden_bias)     only if hidden_units > 0, else h = c
 *     s = h . kernel + bias
 *     g = 1 where sigmoid(s) >= threshold, else 0
 *     y = features * repeat(g, group_size)          along the last axis
 *
 * Called with `[features, control]`, or with `features` alone, which are then their own control. The comparison is
 * made on the score, `s >= ln(threshold / (1 - threshold))`, which says the same without rounding a sigmoid. How it
 * trains is told in `straight-through.ts`.
 */
export class SwanGate extends tf.layers.Layer {
  static readonly className = 'SwanGate';

  readonly threshold: number;
  readonly groupSize: number;
  readonly hiddenUnits: number;
  readonly pooling: Pooling;
  readonly useBias: boolean;
  readonly temperature: number;
  readonly targetDensity: number;
  readonly densityWeight: number;
  private readonly kernelInitializer: Initializer;
  private readonly biasInitializer: Initializer;
  private readonly kernelRegularizer: Regularizer | undefined;
  private kernel: Weight | undefined;
  private bias: Weight | undefined;
  private hiddenKernel: Weight | undefined;
  private hiddenBias: Weight | undefined;

  constructor(args: SwanGateArgs = {}) {
    super(args);
    // Which steps count is for the layers behind; the gate itself pools all of them.
    this.supportsMasking = true;
    this.threshold = args.threshold ?? 0.5;
    this.groupSize = args.groupSize ?? 1;
    this.hiddenUnits = args.hiddenUnits ?? 0;
    this.pooling = args.pooling ?? 'average';
    this.useBias = args.useBias ?? true;
    this.temperature = args.temperature ?? 1;
    this.targetDensity = args.targetDensity ?? 0.5;
    this.densityWeight = args.densityWeight ?? 0;
    this.kernelInitializer = readPart(args.kernelInitializer, tf.initializers.glorotUniform({}));
    this.biasInitializer = readPart(args.biasInitializer, tf.initializers.ones());
    this.kernelRegularizer = readPart(args.kernelRegularizer);
    this.check(this.threshold > 0 && this.threshold < 1, 'threshold must be in (0, 1)');
    this.check(Number.isInteger(this.groupSize) && this.groupSize >= 1, 'groupSize must be an integer >= 1');
    this.check(Number.isInteger(this.hiddenUnits) && this.hiddenUnits >= 0, 'hiddenUnits must be an integer >= 0');
    this.check(this.pooling === 'average' || this.pooling === 'none', "pooling must be 'average' or 'none'");
    this.check(this.temperature > 0, 'temperature must be > 0');
    this.check(this.targetDensity >= 0 && this.targetDensity <= 1, 'targetDensity must be in [0, 1]');
    this.check(this.densityWeight >= 0, 'densityWeight must be >= 0');
  }

  override build(inputShape: Shapes): void {
    const [features, control] = this.featuresAndControl(listOfShapes(inputShape));
    const units = lastDim(features);
    const width = lastDim(control);
    this.check(units !== null && width !== null, 'the channel axes of features and control must be known');
    if (units === null || width === null) return;
    this.check(units % this.groupSize === 0, `groupSize ${this.groupSize} does not divide ${units} channels`);
    const perPosition = this.pooling === 'none' && control.length > 2;
    this.check(!perPosition || control.length === features.length, "pooling 'none' needs control shaped as features");
    let inner = width;
    if (this.hiddenUnits > 0) {
      const shape = [width, this.hiddenUnits];
      this.hiddenKernel = this.addWeight('hidden_kernel', shape, 'float32', this.kernelInitializer);
      this.hiddenBias = this.addWeight('hidden_bias', [this.hiddenUnits], 'float32', tf.initializers.zeros());
      inner = this.hiddenUnits;
    }
    const groups = units / this.groupSize;
    const shape = [inner, groups];
    this.kernel = this.addWeight('kernel', shape, 'float32', this.kernelInitializer, this.kernelRegularizer);
    if (this.useBias) this.bias = this.addWeight('bias', [groups], 'float32', this.biasInitializer);
    this.built = true;
  }

  override computeOutputShape(inputShape: Shapes): tf.Shape {
    return this.featuresAndControl(listOfShapes(inputShape))[0];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const features = this.featuresAndControl(listOfTensors(inputs))[0];
      const score = this.scores(inputs);
      const gates = kwargs.training === true ? straightThroughGates(score, this) : hardGates(score, this.threshold);
      return tf.mul(features, this.spread(gates, features.rank));
    });
  }

  /** The scores of these inputs, `[batch, groups]`, or `[batch, ...positions, groups]` with pooling 'none'. */
  scores(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const control = this.featuresAndControl(listOfTensors(inputs))[1];
      const spatial = control.shape.slice(1, -1).map((_, i) => i + 1);
      const pooled = spatial.length > 0 && this.pooling === 'average' ? tf.mean(control, spatial) : control;
      const rows = tf.reshape(pooled, [-1, lastDim(pooled.shape) ?? 1]);
      const hidden = this.hiddenKernel ? tf.relu(affine(rows, this.hiddenKernel, this.hiddenBias)) : rows;
      if (!this.kernel) throw new Error(`SwanGate '${this.name}' is not built yet`);
      const score = affine(hidden, this.kernel, this.bias);
      return tf.reshape(score, [...pooled.shape.slice(0, -1), lastDim(score.shape) ?? 1]);
    });
  }

  /** The gates of these inputs, 0 or 1, in the shape of the scores. */
  gates(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => hardGates(this.scores(inputs), this.threshold));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      threshold: this.threshold,
      groupSize: this.groupSize,
      hiddenUnits: this.hiddenUnits,
      pooling: this.pooling,
      useBias: this.useBias,
      temperature: this.temperature,
      targetDensity: this.targetDensity,
      densityWeight: this.densityWeight,
      kernelInitializer: writePart(this.kernelInitializer),
      biasInitializer: writePart(this.biasInitializer),
      kernelRegularizer: writePart(this.kernelRegularizer),
    };
  }

  /** Gates as a factor for features of this rank: repeated to the channels, and along the positions by broadcast. */
  private spread(gates: tf.Tensor, rank: number): tf.Tensor {
    const groups = lastDim(gates.shape) ?? 1;
    const lead = gates.shape.slice(0, -1);
    const repeated =
      this.groupSize === 1 || groups === 1
        ? gates
        : tf.reshape(tf.tile(tf.expandDims(gates, -1), [...lead.map(() => 1), 1, this.groupSize]), [
            ...lead,
            groups * this.groupSize,
          ]);
    const channels = lastDim(repeated.shape) ?? 1;
    const missing = rank - repeated.rank;
    return missing > 0 ? tf.reshape(repeated, [...lead, ...Array<number>(missing).fill(1), channels]) : repeated;
  }

  private featuresAndControl<T>(inputs: readonly T[]): readonly [features: T, control: T] {
    const [features, control] = inputs;
    if (features === undefined || inputs.length > 2) {
      throw new Error(`SwanGate '${this.name}' takes [features, control] or features, not ${inputs.length} inputs`);
    }
    return [features, control ?? features];
  }

  private check(holds: boolean, message: string): void {
    if (!holds) throw new Error(`SwanGate '${this.name}': ${message}`);
  }
}

function affine(rows: tf.Tensor, kernel: Weight, bias: Weight | undefined): tf.Tensor {
  const product = tf.matMul(rows, kernel.read());
  return bias ? tf.add(product, bias.read()) : product;
}

function listOfTensors(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  return Array.isArray(inputs) ? inputs : [inputs];
}

function listOfShapes(shape: Shapes): tf.Shape[] {
  return shape.every((entry): entry is tf.Shape => Array.isArray(entry)) ? shape : [shape.filter(isDim)];
}

function isDim(entry: number | null | tf.Shape): entry is number | null {
  return entry === null || typeof entry === 'number';
}

function lastDim(shape: readonly (number | null)[]): number | null {
  return shape[shape.length - 1] ?? null;
}

tf.serialization.registerClass(SwanGate);
