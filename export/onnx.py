"""Export a run as an ONNX file, for what runs ONNX and knows nothing of TensorFlow.

    pip install -r requirements-onnx.txt
    python -m export.onnx runs/NAME                   writes runs/NAME/model.onnx

Inputs and outputs as those of `export.tflite`, for any number of clips: `frames` uint8 (B, T, H, W, 3), RGB, T = the run's
frames, H x W = the run's data.resize; the centre is cropped, and scaled, inside. What it takes and gives stands in the metadata
of the file, as `recipe`: `onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map["recipe"]`.

Keras's own exporter makes it; a model that it does not carry is refused.
"""

import importlib.util
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from export import common, verify
from videorec import terminal
from videorec.config import UserError
from videorec.storage import files, leftovers

if TYPE_CHECKING:
    import keras

    from videorec.runs.run import Run
    from videorec.tasks.serving import Serving

PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
NAME = "model.onnx"


def check_packages() -> None:
    """Raises UserError where a package is missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"ONNX needs {', '.join(PACKAGES)}. Missing: {', '.join(missing)}. Install them with pip install -r "
            "requirements-onnx.txt"
        )


def convert(serving: "Serving", model: "keras.Model", path: Path) -> None:
    """Write the run's model, in float32.

    Raises:
        UserError: Keras's exporter does not carry it.
    """
    import tensorflow as tf

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    whole = serving.with_inputs(model)
    specs = {name: tf.TensorSpec(x.shape, x.dtype, name) for name, x in whole.input.items()}
    try:
        whole.export(path, format="onnx", input_signature=[specs], verbose=False)
    except Exception as error:  # of tf2onnx and of TensorFlow, each of its own class
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{model.name} does not convert to ONNX: {first}") from error


def export(run: "Run", path: Path) -> None:
    """Write the file with its recipe, whole or not at all.

    Raises:
        UserError: a package is missing, or as `convert`.
        OSError: the file cannot be written.
    """
    check_packages()
    import onnx

    from videorec.runs import recipe as recipes

    serving = common.serving_of(run)
    leftovers.sweep(path.parent)
    with files.in_place(path) as temporary:
        convert(serving, common.float32_model(serving), Path(temporary))
        content = onnx.load(temporary)
        recipe = serving.recipe("onnx")
        if "crops" in recipe["evaluation"]:
            recipe["evaluation"]["crops"] = 1  # the centre
        onnx.helper.set_model_props(content, {"recipe": recipes.as_text(recipe)})
        onnx.save(content, temporary)


def main(args: list[str]) -> int:
    """Export, then compare."""
    options = common.parse(common.Options, args, "onnx", __doc__)
    check_packages()

    def write(run, path):
        export(run, path)
        return path

    return common.export(options, NAME, write, verify.report)


if __name__ == "__main__":
    terminal.run(main)
