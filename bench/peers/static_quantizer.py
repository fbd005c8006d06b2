"""Quantizes an ONNX model with ONNX Runtime's own static quantizer, for bench/quantization.ts.

usage: static_quantizer.py MODEL SAMPLES.npy FOLDER

Writes FOLDER/<method>.onnx for each way to find the ranges of activations, after the preprocessing that its
documentation asks for: QDQ, weights int8 with a scale for each channel, activations uint8.
"""

import logging
import sys
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}


class Samples(CalibrationDataReader):
    """Samples one at a time, as the input of the model takes them."""

    def __init__(self, name: str, samples: np.ndarray) -> None:
        self._feeds = iter([{name: sample[None]} for sample in samples])

    def get_next(self):
        return next(self._feeds, None)


def main() -> None:
    logging.disable(logging.WARNING)
    model, samples, folder = sys.argv[1:]
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    prepared = out / "prepared.onnx"
    quant_pre_process(model, str(prepared))
    name = onnx.load(str(prepared)).graph.input[0].name
    data = np.load(samples)
    for method, calibration in METHODS.items():
        quantize_static(
            str(prepared),
            str(out / f"{method}.onnx"),
            Samples(name, data),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=calibration,
        )


main()
