"""The TensorFlow.js converter of PyPI, importable with what is needed for layers models only.

The package imports decision forests and JAX when it is loaded, two gigabytes that saving Keras models never uses: empty
modules take their places. Keras 2 is asked for before TensorFlow is imported, because the converter reads no other.
"""

import os
import sys
import types

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')


def _stand_in(name, **attributes):
    module = types.ModuleType(name)
    module.__dict__.update(attributes)
    sys.modules.setdefault(name, module)
    return module


_stand_in('tensorflow_decision_forests')
_jax2tf = _stand_in('jax.experimental.jax2tf')
_experimental = _stand_in('jax.experimental', jax2tf=_jax2tf)
_stand_in('jax', experimental=_experimental)

import tensorflow as tf  # noqa: E402
import tensorflowjs as tfjs  # noqa: E402

keras = tf.keras

__all__ = ['keras', 'tf', 'tfjs']
