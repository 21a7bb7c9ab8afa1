"""Export a run as a TensorFlow SavedModel that takes raw frames.

    python -m export.saved_model runs/NAME            writes runs/NAME/saved_model

Recognisers, signatures:
    serving_default   frames: uint8 (B, T, H, W, 3), RGB, every size dynamic (T where the model allows it)
    serve_jpeg        images: string (B, T), encoded frames (JPEG, PNG), each of its own size
A model of two streams takes `rgb` and `flow` in their place, each of its own T, H and W. Flow is given as encoded pictures
(videorec.data.flow), also where it is the only stream: motion is not measured inside.
Both return probabilities (B, C), steps (B, S, C) logits, and classes (C,), the names in their order; attention models also
their coefficients, two streams also what each says alone (rgb_probabilities, ...). Resizing, cropping and scaling are inside.

Forecasters, signature:
    serving_default   frames: (B, J, H, W, C), uint8 0 to 255 or float32 0 to 1 as the run's model.pixels says; B dynamic (J
                      where the model allows it), H, W and C those that the model was trained on: nothing is resized inside
It returns frames (B, K, H, W, C) float32, the run's model.horizon K fixed; attention models also their coefficients.

To use it: tf.saved_model.load(FOLDER).signatures["serving_default"](frames=...). Keep the loaded object.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from export import common, verify
from videorec import terminal

if TYPE_CHECKING:
    from videorec.runs.run import Run


def export(run: "Run", folder: Path) -> None:
    """Write the SavedModel; an existing one is replaced only when the new one is whole.

    Raises:
        OSError: the folder cannot be written.
    """
    import tensorflow as tf  # seconds to import: not for --help

    from videorec.inference import graphs

    serving = common.serving_of(run)
    model = common.float32_model(serving)
    signatures = serving.signatures(model)
    temporary = folder.with_name(f"new_{folder.name}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        with tempfile.TemporaryDirectory() as made:
            recipe = Path(made) / "recipe.json"
            recipe.write_text(json.dumps(serving.recipe(), indent=2) + "\n", encoding="utf-8")
            assets = [recipe, *([run.folder / "classes.txt"] if run.classes else [])]
            graphs.save(model, signatures, temporary, assets)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except tf.errors.OpError as error:
        raise OSError(str(error)) from error


def main(args: list[str]) -> int:
    """Export, then compare."""
    return common.main(args, "saved_model", __doc__, "saved_model", export, verify.report)


if __name__ == "__main__":
    terminal.run(main)
