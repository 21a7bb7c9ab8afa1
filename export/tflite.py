"""Export a run as a TensorFlow Lite file for phones and edge devices.

    python -m export.tflite runs/NAME                 writes runs/NAME/model.tflite

One clip at a time: input `frames` uint8 (1, T, H, W, 3), RGB, T = the run's frames, H x W = the run's data.resize (resize your
frames to it; cropping and scaling are inside); for two streams inputs `rgb` and `flow`, each of its own T. Flow is given as
encoded pictures (videorec.data.flow). Outputs `probabilities` (1, C) and `steps` (1, S, C). Float32 weights, built-in
operations only. The class names lie in the file: `unzip -p model.tflite labels.txt`.
"""

import os
import tempfile
import zipfile
from pathlib import Path

import keras
import tensorflow as tf
import tyro

from export import common, verify
from videorec import cli
from videorec.config import Data, UserError
from videorec.data import files
from videorec.run import Run


def convert(model: keras.Model, data: Data) -> bytes:
    """A float32 model as a TFLite flatbuffer, for one clip of each stream's own number of frames, of `data.resize`.

    Raises:
        UserError: the model needs an operation that TFLite lacks.
    """
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    names = common.input_names(data)

    @tf.function
    def predict(**given):
        return common.predict_resized(model, {stream: given[name] for stream, name in names.items()}, data)

    # A batch of 1 and a fixed T let recurrent loops convert to built-in operations.
    shapes = {name: (1, data.of(stream).frames, *data.resize, 3) for stream, name in names.items()}
    specs = {name: tf.TensorSpec(shape, tf.uint8, name) for name, shape in shapes.items()}
    module.predict = predict.get_concrete_function(**specs)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": module.predict})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return converter.convert()
        except Exception as error:  # the converter's own error class differs between versions
            first = str(error).strip().splitlines()[0]
            raise UserError(f"{model.name} does not convert to built-in TFLite operations: {first}") from error


def export(run: Run, path: Path) -> None:
    """Write the file, whole or not at all, with the class names attached as TFLite metadata does: a zip at its end."""
    content = convert(common.float32_model(run), run.experiment.data)
    temporary = path.with_name(f"new_{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr("labels.txt", "".join(f"{name}\n" for name in run.classes))
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"The export cannot be written to {path}: {error}. Choose another place with --out") from error


def main(args: list[str]) -> int:
    """Export, then compare."""
    options = tyro.cli(common.Options, args=args, description=__doc__, prog="python -m export.tflite")
    run = Run.open(options.run)
    path = files.must_be_local(options.out, "--out") if options.out else run.folder / "model.tflite"
    export(run, path)
    run.push()
    print(f"written: {path} ({common.size_of(path) / 1e6:.1f} MB)")
    return verify.report(run, tflite=path) if options.verify else 0


if __name__ == "__main__":
    cli.run(main)
