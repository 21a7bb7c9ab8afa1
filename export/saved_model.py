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

import shutil
from pathlib import Path

import tensorflow as tf
import tyro

from export import common, verify
from videorec import terminal
from videorec.config import UserError
from videorec.inference import graphs
from videorec.runs.run import Run
from videorec.storage import files


def export(run: Run, folder: Path) -> None:
    """Write the SavedModel; an existing one is replaced only when the new one is whole.

    Raises:
        UserError: the folder cannot be written.
    """
    model = common.float32_model(run)
    signatures = common.task(run).signatures(run, model)
    temporary = folder.with_name(f"new_{folder.name}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        graphs.save(model, signatures, temporary, run.folder / "classes.txt" if run.classes else None)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"The export cannot be written to {folder}: {error}. Choose another place with --out") from error


def main(args: list[str]) -> int:
    """Export, then compare."""
    options = tyro.cli(common.Options, args=args, description=__doc__, prog="python -m export.saved_model")
    run = Run.open(options.run)
    folder = files.must_be_local(options.out, "--out") if options.out else run.folder / "saved_model"
    export(run, folder)
    run.push()
    print(f"written: {folder} ({common.size_of(folder) / 1e6:.1f} MB)")
    return verify.report(run, saved_model=folder) if options.verify else 0


if __name__ == "__main__":
    terminal.run(main)
