import { checkKnown, type LayerArgs } from './options.js';
import { tf } from './tf.js';

/** How alpha becomes the share of the shifted Swish. */
export type Blend = 'sigmoid' | 'clip';
/** Which formula stands for GELU. */
export type GeluForm = 'sigmoid' | 'tanh' | 'erf';

/** What {@link SGBlend} takes, besides what any layer of TensorFlow.js does. */
export interface SGBlendArgs extends LayerArgs {
  /** How alpha becomes the share `a` of SSwish: its sigmoid (default, as in the authors' code) or clipped to [0, 1]. */
  blend?: Blend;
  /** Which form of GELU. Default 'sigmoid', as in the authors' code. */
  gelu?: GeluForm;
  /** Own alpha, beta, gamma for every channel (the last axis). Default false. */
  perChannel?: boolean;
}

const ownOptions = Object.keys({
  blend: true,
  gelu: true,
  perChannel: true,
} satisfies Readonly<Record<Exclude<keyof SGBlendArgs, keyof LayerArgs>, true>>);

type Weight = ReturnType<tf.layers.Layer['addWeight']>;

/** Bounds of beta while training. */
export const BETA_RANGE = [0.1, 10] as const;

/**
 * The activation SG-Blend (arXiv 2505.23942): a learned mean of a shifted Swish and GELU.
 *
 *     SG-Blend(x) = a * SSwish(x) + (1 - a) * GELU(x)
 *     SSwish(x)   = x * sigmoid(beta * x) - gamma
 *     GELU(x)     = x * sigmoid(1.702 x)                                          gelu = 'sigmoid'
 *                 = 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))             gelu = 'tanh'
 *                 = 0.5 x (1 + erf(x / sqrt(2)))                                  gelu = 'erf'
 *     a           = sigmoid(alpha)                                                blend = 'sigmoid'
 *                 = clip(alpha, 0, 1)                                             blend = 'clip'
 *
 * It starts at a = 1/2, beta = 1, gamma = 0. Note SG-Blend(0) = -a * gamma, which training moves away from 0.
 *
 * Beta is kept in [0.1, 10] while training: the layer projects the weight at the start of every training step. (A tfjs
 * constraint would not do it: the optimizers of tfjs assign to the variable itself and pass constraints by.) Inference
 * takes the weight as it is.
 */
export class SGBlend extends tf.layers.Layer {
  static readonly className = 'SGBlend';

  readonly blend: Blend;
  readonly gelu: GeluForm;
  readonly perChannel: boolean;
  private alpha: Weight | undefined;
  private beta: Weight | undefined;
  private gamma: Weight | undefined;

  constructor(args: SGBlendArgs = {}) {
    super(args);
    checkKnown(this, args, ownOptions);
    this.supportsMasking = true;
    this.blend = args.blend ?? 'sigmoid';
    this.gelu = args.gelu ?? 'sigmoid';
    this.perChannel = args.perChannel ?? false;
    if (this.blend !== 'sigmoid' && this.blend !== 'clip') throw new Error(`SGBlend: unknown blend '${this.blend}'`);
    if (!['sigmoid', 'tanh', 'erf'].includes(this.gelu)) throw new Error(`SGBlend: unknown gelu '${this.gelu}'`);
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const last = inputShape[inputShape.length - 1];
    const channels = this.perChannel ? last : 1;
    if (typeof channels !== 'number') throw new Error(`SGBlend '${this.name}': the channel axis must be known`);
    const half = this.blend === 'clip' ? 0.5 : 0;
    this.alpha = this.addWeight('alpha', [channels], 'float32', tf.initializers.constant({ value: half }));
    this.beta = this.addWeight('beta', [channels], 'float32', tf.initializers.ones());
    this.gamma = this.addWeight('gamma', [channels], 'float32', tf.initializers.zeros());
    this.built = true;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      if (!x || !this.alpha || !this.beta || !this.gamma) throw new Error(`SGBlend '${this.name}' is not built yet`);
      if (kwargs.training === true) projectInto(this.beta, BETA_RANGE);
      const alpha = this.alpha.read();
      const a = this.blend === 'clip' ? tf.clipByValue(alpha, 0, 1) : tf.sigmoid(alpha);
      const sswish = tf.sub(tf.mul(x, tf.sigmoid(tf.mul(this.beta.read(), x))), this.gamma.read());
      return tf.add(tf.mul(a, sswish), tf.mul(tf.sub(1, a), gelu(x, this.gelu)));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), blend: this.blend, gelu: this.gelu, perChannel: this.perChannel };
  }
}

function gelu(x: tf.Tensor, form: GeluForm): tf.Tensor {
  if (form === 'sigmoid') return tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));
  if (form === 'erf') return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
  const cubic = tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x))));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), cubic)), 1));
}

function projectInto(weight: Weight, [low, high]: readonly [number, number]): void {
  tf.tidy(() => {
    weight.write(tf.clipByValue(weight.read(), low, high));
  });
}

tf.serialization.registerClass(SGBlend);
