"""From a SavedModel to a TFLite file, in a process of its own: the converter can end its process.

    python export/conversion.py FOLDER QUANTIZE EXAMPLES OUT

FOLDER: a SavedModel of one signature, `serving_default`. QUANTIZE: none, dynamic, float16 or int8. EXAMPLES: for int8 a .npz
file of examples, keys NUMBER/INPUT; else empty. OUT: where the file is written, and run once on the first example, since it may
end the process that runs it. It imports TensorFlow and the interpreter alone.
"""

import sys
from collections.abc import Iterator
from pathlib import Path


def convert(folder: str, quantize: str, examples: str = "") -> bytes:
    """The TFLite flatbuffer, of built-in operations alone."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        # What has no form in 8 bits stays in float32; so do the inputs and outputs, which keep their types.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.representative_dataset = lambda: representative(examples)
    return converter.convert()


def representative(examples: str) -> Iterator[tuple[str, dict]]:
    """The examples of a .npz file, one after the other, for the signature."""
    import numpy as np

    with np.load(examples) as arrays:
        names = sorted({key.partition("/")[2] for key in arrays.files})
        for number in range(len(arrays.files) // len(names)):
            yield "serving_default", {name: arrays[f"{number}/{name}"] for name in names}


def interpreter():
    """The interpreter of ai-edge-litert where it is installed, which TensorFlow's makes way for."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        return tf.lite.Interpreter
    return Interpreter


def try_out(path: str, examples: str) -> None:
    """Run a file on the first example."""
    _, example = next(representative(examples))
    interpreter()(path).get_signature_runner()(**example)


if __name__ == "__main__":
    folder, quantize, examples, out = sys.argv[1:]
    Path(out).write_bytes(convert(folder, quantize, examples))
    try_out(out, examples)
