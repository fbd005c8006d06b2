"""Builds Keras models with random weights and saves each twice: as a layers model of TensorFlow.js by its converter, and
as ONNX by tf2onnx.

    python build_models.py OUT [NAME ...]
    python build_models.py --names

writes OUT/NAME/tfjs/model.json with its weights, OUT/NAME/tf2onnx.onnx and OUT/NAME/inputs.json, which says what random
inputs the model takes. The weights are drawn from a fixed seed.
"""

import json
import pathlib
import sys

from tensorflowjs_converter import keras, tf, tfjs

import numpy as np
import onnx
import tf2onnx

OPSET = 18
VOCABULARY = 2000
STEPS = 40

layers = keras.layers
applications = keras.applications


def embedded():
    words = keras.Input((STEPS,), name='words')
    return words, layers.Embedding(VOCABULARY, 64)(words)


def lstm():
    words, x = embedded()
    return keras.Model(words, layers.Dense(2, activation='softmax')(layers.LSTM(64)(x)))


def stacked_lstm():
    words, x = embedded()
    x = layers.LSTM(96, return_sequences=True)(x)
    x = layers.LSTM(64)(x)
    x = layers.Dense(32, activation='relu')(x)
    return keras.Model(words, layers.Dense(5, activation='softmax')(x))


def bidirectional_lstm():
    words, x = embedded()
    x = layers.Bidirectional(layers.LSTM(48, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(32))(x)
    return keras.Model(words, layers.Dense(1, activation='sigmoid')(x))


def gru():
    # reset_after is what tfjs refuses.
    words, x = embedded()
    return keras.Model(words, layers.Dense(2, activation='softmax')(layers.GRU(64, reset_after=False)(x)))


def image_model(make, size):
    return lambda: make(weights=None, input_shape=(size, size, 3))


def squeeze_excite():
    """Inverted residuals whose channels are weighted by a small network of their means, and swish, as in EfficientNet."""
    image = keras.Input((96, 96, 3), name='image')
    x = layers.Conv2D(32, 3, strides=2, padding='same', use_bias=False)(image)
    x = layers.Activation('swish')(layers.BatchNormalization()(x))
    for filters, strides in [(16, 1), (24, 2), (24, 1), (40, 2), (40, 1), (80, 2)]:
        inner = 4 * x.shape[-1]
        y = layers.Conv2D(inner, 1, use_bias=False)(x)
        y = layers.Activation('swish')(layers.BatchNormalization()(y))
        if strides == 2:
            y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
        y = layers.DepthwiseConv2D(3, strides=strides, padding='valid' if strides == 2 else 'same', use_bias=False)(y)
        y = layers.Activation('swish')(layers.BatchNormalization()(y))
        weights = layers.Reshape((1, 1, inner))(layers.GlobalAveragePooling2D()(y))
        weights = layers.Conv2D(inner // 16 or 1, 1, activation='swish')(weights)
        weights = layers.Conv2D(inner, 1, activation='sigmoid')(weights)
        y = layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(layers.Multiply()([y, weights])))
        x = layers.Add()([x, layers.Dropout(0.2)(y)]) if strides == 1 and filters == x.shape[-1] else y
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10, activation='softmax')(x))


def unet():
    image = keras.Input((64, 64, 1), name='image')
    x = image
    skips = []
    for filters in (16, 32, 64):
        for _ in range(2):
            x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, padding='same')(x)))
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(128, 3, padding='same', activation='relu')(x)
    for filters, skip in zip((64, 32, 16), reversed(skips)):
        if filters == 64:
            x = layers.UpSampling2D()(x)
        else:
            x = layers.Conv2DTranspose(filters, 2, strides=2, padding='same')(x)
        x = layers.Concatenate()([x, skip])
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, padding='same')(x)))
    return keras.Model(image, layers.Conv2D(1, 1, activation='sigmoid')(x))


def text_cnn():
    words, x = embedded()
    parts = [layers.GlobalMaxPooling1D()(layers.Conv1D(32, size, activation='relu')(x)) for size in (3, 4, 5)]
    x = layers.Dropout(0.5)(layers.Concatenate()(parts))
    return keras.Model(words, layers.Dense(4, activation='softmax')(x))


def vgg():
    image = keras.Input((32, 32, 3), name='image')
    x = image
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, activation='relu')(x)
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 3, activation='relu')(x))
    x = layers.Dropout(0.5)(layers.Dense(128, activation='relu')(layers.Flatten()(x)))
    return keras.Model(image, layers.Dense(10, activation='softmax')(x))


MODELS = {
    'mobilenet-v2': image_model(applications.MobileNetV2, 224),
    'inception-v3': image_model(applications.InceptionV3, 139),
    'resnet50': image_model(applications.ResNet50, 128),
    'resnet50-v2': image_model(applications.ResNet50V2, 128),
    'densenet121': image_model(applications.DenseNet121, 96),
    'xception': image_model(applications.Xception, 128),
    'mobilenet': image_model(applications.MobileNet, 128),
    'nasnet-mobile': image_model(applications.NASNetMobile, 96),
    'squeeze-excite': squeeze_excite,
    'unet': unet,
    'vgg': vgg,
    'text-cnn': text_cnn,
    'lstm': lstm,
    'stacked-lstm': stacked_lstm,
    'bidirectional-lstm': bidirectional_lstm,
    'gru': gru,
}


RANGES = {
    'bias': (-0.1, 0.1),
    'gamma': (0.8, 1.2),
    'beta': (-0.2, 0.2),
    'moving_mean': (-0.1, 0.1),
    'moving_variance': (0.5, 1.5),
}


def randomize_vectors(model, seed):
    """Biases and statistics as training leaves them: those of a new layer would let faults and savings pass unseen."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        names = [weight.name.split('/')[-1].split(':')[0] for weight in layer.weights]
        layer.set_weights([
            random.uniform(*RANGES[name], value.shape) if name in RANGES else value
            for name, value in zip(names, layer.get_weights())
        ])


def sharpen_classifier(model):
    """Untrained classes are all equally likely, to three digits: larger weights make the outputs tell more."""
    last = model.layers[-1]
    if isinstance(last, layers.Dense):
        kernel, *bias = last.get_weights()
        last.set_weights([10 * kernel, *bias])


def build(name, folder):
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    model = MODELS[name]()
    randomize_vectors(model, 11)
    sharpen_classifier(model)
    folder.mkdir(parents=True, exist_ok=True)
    tfjs.converters.save_keras_model(model, str(folder / 'tfjs'))
    signature = [tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name) for tensor in model.inputs]
    proto, _ = tf2onnx.convert.from_keras(model, input_signature=signature, opset=OPSET)
    onnx.save(proto, str(folder / 'tf2onnx.onnx'))
    most = [VOCABULARY if 'words' in tensor.name else None for tensor in model.inputs]
    inputs = [
        {'shape': list(tensor.shape[1:]), **({} if bound is None else {'below': bound})}
        for tensor, bound in zip(model.inputs, most)
    ]
    (folder / 'inputs.json').write_text(json.dumps(inputs) + '\n')
    print(f'{name}: {len(proto.graph.node)} nodes by tf2onnx {tf2onnx.__version__} at opset {OPSET}', flush=True)


def main(out, *names):
    if out == '--names':
        print('\n'.join(MODELS))
        return
    for name in names or MODELS:
        build(name, pathlib.Path(out) / name)


if __name__ == '__main__':
    main(*sys.argv[1:])
