import { chosenMasks, chosenModes, hardMasks, modalGates } from './modal-gate.js';
import { checkKnown, type LayerArgs } from './options.js';
import { type Initializer, type PartSpec, type Regularizer, readPart, writePart } from './parts.js';
import { hardGates, straightThroughGates } from './straight-through.js';
import { tf } from './tf.js';

/** What becomes of a control that has positions: their mean, or a gate at each. */
export type Pooling = 'average' | 'none';

/** What {@link SwanGate} takes, besides what any layer of TensorFlow.js does. */
export interface SwanGateArgs extends LayerArgs {
  /** Probability from which a gate fires, in (0, 1). Default 0.5. Not with `modes`. */
  threshold?: number;
  /**
   * Makes a modal gate: it chooses one of this many learned masks, 2 at least, so that which units fire together is known.
   * 0, the default: each group of units decides by itself.
   */
  modes?: number;
  /** Number of neighbouring units that share one gate. Default 1: each unit its own. */
  groupSize?: number;
  /** Width of a hidden relu layer between control and scores; 0, the default, for none. */
  hiddenUnits?: number;
  /** What happens to the spatial axes of a control of rank > 2: their mean (default), or a gate at each position. */
  pooling?: Pooling;
  /** Whether scores have a bias. Default true. */
  useBias?: boolean;
  /** Training: temperature of the straight-through sigmoid, and of the softmax over modes. Default 1. */
  temperature?: number;
  /** Training: density that the penalty pulls towards. Default 0.5. */
  targetDensity?: number;
  /** Training: weight of the density penalty. Default 0: no penalty. */
  densityWeight?: number;
  /** Training, with `modes`: weight of the penalty that keeps all modes in use. Default 0.1. */
  balanceWeight?: number;
  /**
   * Training, without `modes`: weight of the penalty that pulls the gates of a batch towards few patterns, so that a
   * compiler finds units that fire together. Default 0: no penalty.
   */
  coherenceWeight?: number;
  /** Training, with `coherenceWeight`: number of those patterns. Default 4. */
  coherencePatterns?: number;
  /**
   * Default Glorot uniform; also for the hidden kernel. This and the next ones are objects of `tf.initializers` or
   * `tf.regularizers`, identifiers such as 'zeros' or 'l1l2', or saved configs.
   */
  kernelInitializer?: PartSpec<Initializer>;
  /** Default 1, so that gates begin open and training closes them; with `modes`, whose logits it shifts, 0. */
  biasInitializer?: PartSpec<Initializer>;
  /** With `modes`: of the masks. Default uniform in [-0.25, 0.5): modes begin different, with two thirds open. */
  maskInitializer?: PartSpec<Initializer>;
  /**
   * Training: a penalty on the kernel of the scores. An L1 penalty makes a gate depend on its input only where that pays,
   * so that more units end dead or always on.
   */
  kernelRegularizer?: PartSpec<Regularizer>;
}

const ownOptions = Object.keys({
  threshold: true,
  modes: true,
  groupSize: true,
  hiddenUnits: true,
  pooling: true,
  useBias: true,
  temperature: true,
  targetDensity: true,
  densityWeight: true,
  balanceWeight: true,
  coherenceWeight: true,
  coherencePatterns: true,
  kernelInitializer: true,
  biasInitializer: true,
  maskInitializer: true,
  kernelRegularizer: true,
} satisfies Readonly<Record<Exclude<keyof SwanGateArgs, keyof LayerArgs>, true>>);

const defaultThreshold = 0.5;

/** The shape of one input, or of each. */
export type Shapes = tf.Shape | tf.Shape[];
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
 *
 * With `modes: K` it is a modal gate, which chooses one of K learned masks; `kernel` and `bias` then give K logits:
 *
 *     r = h . kernel + bias
 *     m = argmax(r)                                 the first of equal ones
 *     g = 1 where masks[m] >= 0, else 0             masks [K, groups]
 *
 * and `modal-gate.ts` tells how that trains.
 */
export class SwanGate extends tf.layers.Layer {
  static readonly className = 'SwanGate';

  readonly threshold: number;
  /** Number of masks that a modal gate chooses from; 0 for a gate that is none. */
  readonly modes: number;
  readonly groupSize: number;
  readonly hiddenUnits: number;
  readonly pooling: Pooling;
  readonly useBias: boolean;
  readonly temperature: number;
  readonly targetDensity: number;
  readonly densityWeight: number;
  readonly balanceWeight: number;
  readonly coherenceWeight: number;
  readonly coherencePatterns: number;
  private readonly kernelInitializer: Initializer;
  private readonly biasInitializer: Initializer;
  private readonly maskInitializer: Initializer;
  private readonly kernelRegularizer: Regularizer | undefined;
  private kernel: Weight | undefined;
  private bias: Weight | undefined;
  private masks: Weight | undefined;
  private hiddenKernel: Weight | undefined;
  private hiddenBias: Weight | undefined;

  constructor(args: SwanGateArgs = {}) {
    super(args);
    checkKnown(this, args, ownOptions);
    // Which steps count is for the layers behind; the gate itself pools all of them.
    this.supportsMasking = true;
    this.threshold = args.threshold ?? defaultThreshold;
    this.modes = args.modes ?? 0;
    this.groupSize = args.groupSize ?? 1;
    this.hiddenUnits = args.hiddenUnits ?? 0;
    this.pooling = args.pooling ?? 'average';
    this.useBias = args.useBias ?? true;
    this.temperature = args.temperature ?? 1;
    this.targetDensity = args.targetDensity ?? 0.5;
    this.densityWeight = args.densityWeight ?? 0;
    this.balanceWeight = args.balanceWeight ?? 0.1;
    this.coherenceWeight = args.coherenceWeight ?? 0;
    this.coherencePatterns = args.coherencePatterns ?? 4;
    this.kernelInitializer = readPart(args.kernelInitializer, tf.initializers.glorotUniform({}));
    this.biasInitializer = readPart(
      args.biasInitializer,
      this.modes > 0 ? tf.initializers.zeros() : tf.initializers.ones(),
    );
    this.maskInitializer = readPart(
      args.maskInitializer,
      tf.initializers.randomUniform({ minval: -0.25, maxval: 0.5 }),
    );
    this.kernelRegularizer = readPart(args.kernelRegularizer);
    this.checkOptions();
    this.checkTogether(args);
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
    const outputs = this.modes > 0 ? this.modes : groups;
    const shape = [inner, outputs];
    this.kernel = this.addWeight('kernel', shape, 'float32', this.kernelInitializer, this.kernelRegularizer);
    if (this.useBias) this.bias = this.addWeight('bias', [outputs], 'float32', this.biasInitializer);
    if (this.modes > 0) this.masks = this.addWeight('masks', [this.modes, groups], 'float32', this.maskInitializer);
    this.built = true;
  }

  override computeOutputShape(inputShape: Shapes): tf.Shape {
    return this.featuresAndControl(listOfShapes(inputShape))[0];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const features = this.featuresAndControl(listOfTensors(inputs))[0];
      const gates = kwargs.training === true ? this.trainingGates(inputs) : this.gates(inputs);
      return tf.mul(features, this.spread(gates, features.rank));
    });
  }

  /**
   * The scores of these inputs, `[batch, groups]`, or `[batch, ...positions, groups]` with pooling 'none'. Those of a modal
   * gate are the learned masks that its inputs choose, which fire where they are at least 0.
   */
  scores(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const { rows, lead } = this.affineRows(inputs);
      return byPosition(this.masks ? chosenMasks(rows, this.masks.read()) : rows, lead);
    });
  }

  /** The gates of these inputs, 0 or 1, in the shape of the scores. */
  gates(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const scores = this.scores(inputs);
      return this.masks ? hardMasks(scores) : hardGates(scores, this.threshold);
    });
  }

  /** Which mode each of these inputs chooses: int32, `[batch]`, or `[batch, ...positions]` with pooling 'none'. */
  choices(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    this.check(this.modes > 0, 'a gate without modes has no choices');
    return tf.tidy(() => {
      const { rows, lead } = this.affineRows(inputs);
      return tf.reshape(chosenModes(rows), lead);
    });
  }

  private trainingGates(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { rows, lead } = this.affineRows(inputs);
    return byPosition(this.masks ? modalGates(rows, this.masks.read(), this) : straightThroughGates(rows, this), lead);
  }

  /** `h . kernel + bias`, one row for each sample or position, and the axes in front which the rows stand for. */
  private affineRows(inputs: tf.Tensor | tf.Tensor[]): { readonly rows: tf.Tensor; readonly lead: number[] } {
    const control = this.featuresAndControl(listOfTensors(inputs))[1];
    const spatial = control.shape.slice(1, -1).map((_, i) => i + 1);
    const pooled = spatial.length > 0 && this.pooling === 'average' ? tf.mean(control, spatial) : control;
    const rows = tf.reshape(pooled, [-1, lastDim(pooled.shape) ?? 1]);
    const hidden = this.hiddenKernel ? tf.relu(affine(rows, this.hiddenKernel, this.hiddenBias)) : rows;
    if (!this.kernel) throw new Error(`SwanGate '${this.name}' is not built yet`);
    return { rows: affine(hidden, this.kernel, this.bias), lead: pooled.shape.slice(0, -1) };
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
      ...(this.modes > 0 && {
        modes: this.modes,
        balanceWeight: this.balanceWeight,
        maskInitializer: writePart(this.maskInitializer),
      }),
      ...(this.coherenceWeight > 0 && {
        coherenceWeight: this.coherenceWeight,
        coherencePatterns: this.coherencePatterns,
      }),
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

  private checkOptions(): void {
    const { threshold, modes, groupSize, hiddenUnits, pooling, temperature, targetDensity, coherencePatterns } = this;
    this.check(threshold > 0 && threshold < 1, 'threshold must be in (0, 1)');
    this.check(modes === 0 || (Number.isInteger(modes) && modes >= 2), 'modes must be 0 or an integer >= 2');
    this.check(Number.isInteger(groupSize) && groupSize >= 1, 'groupSize must be an integer >= 1');
    this.check(Number.isInteger(hiddenUnits) && hiddenUnits >= 0, 'hiddenUnits must be an integer >= 0');
    this.check(pooling === 'average' || pooling === 'none', "pooling must be 'average' or 'none'");
    this.check(temperature > 0, 'temperature must be > 0');
    this.check(targetDensity >= 0 && targetDensity <= 1, 'targetDensity must be in [0, 1]');
    this.check(this.densityWeight >= 0, 'densityWeight must be >= 0');
    this.check(this.balanceWeight >= 0, 'balanceWeight must be >= 0');
    this.check(this.coherenceWeight >= 0, 'coherenceWeight must be >= 0');
    this.check(this.coherenceWeight === 0 || modes === 0, 'coherenceWeight has no meaning with modes');
    this.check(
      Number.isInteger(coherencePatterns) && coherencePatterns >= 1,
      'coherencePatterns must be an integer >= 1',
    );
  }

  /** Options that do nothing beside the others are mistakes. What getConfig writes passes, the default threshold of a modal gate too. */
  private checkTogether(args: SwanGateArgs): void {
    const { threshold, balanceWeight, maskInitializer, coherenceWeight, coherencePatterns } = args;
    if (this.modes > 0) {
      const isOwn = threshold !== undefined && threshold !== defaultThreshold;
      this.check(!isOwn, 'threshold has no meaning with modes: a mask lets units fire where it is at least 0');
      this.check(coherencePatterns === undefined, 'coherencePatterns has no meaning with modes');
    } else {
      this.check(balanceWeight === undefined, 'balanceWeight has no meaning without modes');
      this.check(
        maskInitializer === undefined || maskInitializer === null,
        'maskInitializer has no meaning without modes',
      );
    }
    this.check(
      coherencePatterns === undefined || coherenceWeight !== undefined,
      'coherencePatterns has no meaning without coherenceWeight',
    );
  }

  private check(holds: boolean, message: string): void {
    if (!holds) throw new Error(`SwanGate '${this.name}': ${message}`);
  }
}

function affine(rows: tf.Tensor, kernel: Weight, bias: Weight | undefined): tf.Tensor {
  const product = tf.matMul(rows, kernel.read());
  return bias ? tf.add(product, bias.read()) : product;
}

/** Rows as what they stand for: samples, or the positions of samples. */
function byPosition(rows: tf.Tensor, lead: readonly number[]): tf.Tensor {
  return tf.reshape(rows, [...lead, lastDim(rows.shape) ?? 1]);
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
