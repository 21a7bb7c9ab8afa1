"""Export a run as a TensorFlow Lite file for phones and edge devices.

    python -m export.tflite runs/NAME                 writes runs/NAME/model.tflite

Float32 weights, built-in operations only.

Recognisers: one clip at a time: input `frames` uint8 (1, T, H, W, 3), RGB, T = the run's frames, H x W = the run's data.resize
(resize your frames to it; cropping and scaling are inside); for two streams inputs `rgb` and `flow`, each of its own T. Flow
is given as encoded pictures (videorec.data.flow). Outputs `probabilities` (1, C) and `steps` (1, S, C). The class names lie in
the file, `unzip -p model.tflite labels.txt`, and so does what it takes and gives, `unzip -p model.tflite recipe.json`.

Forecasters: one sequence at a time: input `frames` (1, J, H, W, C), uint8 0 to 255 or float32 0 to 1 as the run's model.pixels
says, J = the run's data.frames; H, W and C are those that the model was trained on: nothing is resized inside. Output `frames`
(1, K, H, W, C) float32, K = the run's model.horizon; attention models also give their coefficients.
"""

import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from export import common, verify
from videorec import terminal
from videorec.config import UserError

if TYPE_CHECKING:
    import keras

    from videorec.runs.run import Run
    from videorec.tasks.serving import Serving


def convert(serving: "Serving", model: "keras.Model") -> bytes:
    """The run's model, in float32, as a TFLite flatbuffer for one example of a fixed number of frames.

    Raises:
        UserError: the model needs an operation that TFLite lacks.
    """
    import tensorflow as tf  # seconds to import: not for --help

    from videorec.inference import graphs

    # A batch of 1 and a fixed T let recurrent loops convert to built-in operations.
    graph = graphs.trace(lambda clips: serving.predict(model, clips), serving.inputs(model))
    with tempfile.TemporaryDirectory() as folder:
        graphs.save(model, {"serving_default": graph}, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return converter.convert()
        except Exception as error:  # the converter's own error class differs between versions
            first = str(error).strip().splitlines()[0]
            raise UserError(f"{model.name} does not convert to built-in TFLite operations: {first}") from error


def export(run: "Run", path: Path) -> None:
    """Write the file, whole or not at all; texts are attached as TFLite metadata does: in a zip at its end.

    Raises:
        OSError: the file cannot be written.
    """
    from videorec.runs import recipe as recipes  # TensorFlow takes seconds to import: not for --help

    serving = common.serving_of(run)
    content = convert(serving, common.float32_model(serving))
    temporary = path.with_name(f"new_{path.name}")
    temporary.write_bytes(content)
    with zipfile.ZipFile(temporary, "a") as archive:
        archive.writestr("recipe.json", recipes.as_text(serving.recipe("tflite")))
        if run.classes:
            archive.writestr("labels.txt", "".join(f"{name}\n" for name in run.classes))
    os.replace(temporary, path)


def main(args: list[str]) -> int:
    """Export, then compare."""
    options = common.parse(common.Options, args, "tflite", __doc__)

    def write(run, path):
        export(run, path)
        return path

    return common.export(options, "model.tflite", write, verify.report)


if __name__ == "__main__":
    terminal.run(main)
