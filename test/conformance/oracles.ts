import * as tf from '@tensorflow/tfjs';

/**
 * Stand-ins for layer classes of tfjs that no model can use as they are: they compute what Keras documents, with the
 * operations of tfjs, and save as the class does. `makeLayer` puts them in the place of the class of that name.
 */

/** Keras: tf.image.resize, pixels being squares with their values in the middle. tfjs's class fails inside a model. */
class Resizing extends tf.layers.Layer {
  static className = 'Resizing';
  readonly #config: { height: number; width: number; interpolation?: string };

  constructor(
    config: ConstructorParameters<typeof tf.layers.Layer>[0] & {
      height: number;
      width: number;
      interpolation?: string;
    },
  ) {
    super(config ?? {});
    this.#config = config;
  }

  override computeOutputShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch = null, , , channels = null] = one(shape);
    return [batch, this.#config.height, this.#config.width, channels];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { height, width, interpolation } = this.#config;
    const x = oneTensor(inputs);
    return interpolation === 'nearest'
      ? tf.image.resizeNearestNeighbor(x, [height, width], false, true)
      : tf.image.resizeBilinear(x, [height, width], false, true);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { height, width, interpolation } = this.#config;
    return { ...super.getConfig(), height, width, ...(interpolation === undefined ? {} : { interpolation }) };
  }
}

/** Keras: nothing at inference. tfjs's class changes the width at random there, too. */
class RandomWidth extends tf.layers.Layer {
  static className = 'RandomWidth';
  readonly #config: { factor: number | number[]; interpolation?: string; seed?: number };

  constructor(
    config: ConstructorParameters<typeof tf.layers.Layer>[0] & {
      factor: number | number[];
      interpolation?: string;
      seed?: number;
    },
  ) {
    super(config ?? {});
    this.#config = config;
  }

  override computeOutputShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
    return one(shape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return oneTensor(inputs).clone();
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { factor, interpolation = 'bilinear', seed = null } = this.#config;
    return { ...super.getConfig(), factor, interpolation, seed };
  }
}

/** Both stand-ins take one image: the casts say what that means in the types of tfjs. */
function one(shape: tf.Shape | tf.Shape[]): tf.Shape {
  const [first] = shape;
  return Array.isArray(first) ? first : (shape as tf.Shape);
}

function oneTensor(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor4D {
  const [first] = [inputs].flat();
  if (first === undefined) throw new Error('a tensor is needed');
  return first as tf.Tensor4D;
}

type Make = tf.serialization.SerializableConstructor<tf.serialization.Serializable>;

export const standIns: Readonly<Record<string, Make>> = { Resizing, RandomWidth };
