"""Export a run as a TensorFlow SavedModel that takes the raw frames of whole videos.

    python -m export.saved_model runs/NAME                            writes runs/NAME/saved_model
    python -m export.saved_model runs/NAME --serving models/NAME      writes models/NAME/1, then 2, ... for TensorFlow Serving

Models of videos, signatures:
    serving_default   frames: uint8 (B, N, H, W, 3), RGB from 0 to 255, all frames of each video, any N, H and W. Those that
                      the run's evaluation takes are drawn inside (its sampling, clips and crops), so that probabilities are
                      those of evaluate.py. Where the recipe gives a rate (fps), frames are at this rate.
    serve_jpeg        images: string (B, N), the same as encoded frames (JPEG, PNG), each of its own size
    clips             frames: uint8 (B, T, H, W, 3), clips that were drawn already (any T where the model allows it)
    stream            frames: uint8 (B, H, W, 3), one frame, and the states; the answer so far and the new states come out
    stream_start      batch: int32 (), gives the states before the first frame
The last two are there where the model can run frame by frame. TensorFlow casts NumPy arrays of floats to uint8 without a word:
frames from 0 to 1 would all be black.
A model of two streams takes `rgb` and `flow` in place of `frames`, each of its own size: all frames, and all flow pictures
between them (videorec.data.flow), one fewer. Flow is given as pictures also where it is the only stream: motion is not measured
inside.
Outputs: probabilities (B, C), steps (B, S, C) logits, and classes (B, C), the names in their order; of dense labels
probabilities (B, N, C), a row a frame; attention models also give their coefficients, two streams also what each says alone
(rgb_probabilities, ...). Where an evaluation takes several clips or crops, probabilities are their mean, and all else has an
axis for them: steps (B, V, S, C). Resizing, cropping and scaling are inside.

Forecasters, signature:
    serving_default   frames: (B, J, H, W, C), uint8 0 to 255 or float32 0 to 1 as the run's model.pixels says; B dynamic (J
                      where the model allows it), H, W and C those that the model was trained on: nothing is resized inside
It returns frames (B, K, H, W, C) float32, the run's model.horizon K fixed; attention models also their coefficients.

To use it: tf.saved_model.load(FOLDER).signatures["serving_default"](frames=...). Keep the loaded object. What to feed it stands
in its assets/recipe.json.
"""

import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from export import common, verify
from videorec import terminal
from videorec.config import UserError
from videorec.storage import files, leftovers

if TYPE_CHECKING:
    from videorec.runs.run import Run

log = logging.getLogger(__name__)

NAME = "saved_model"


@dataclass(frozen=True)
class Options(common.Options):
    """What export.saved_model takes."""

    serving: str | None = None
    """In place of --out: a model's folder for TensorFlow Serving, of which the next numbered version is written."""


def export(run: "Run", folder: Path) -> None:
    """Write the SavedModel; an existing one is replaced only when the new one is whole.

    Raises:
        UserError: the folder holds something else.
        OSError: it cannot be written.
    """
    if folder.exists() and not is_saved_model(folder) and not _is_empty(folder):
        rule = "--out must be a new folder, or a SavedModel that is replaced"
        raise UserError(f"{rule}. Received: {folder}, which holds other files")
    with leftovers.working_folder(folder.parent, folder.name) as made:
        _write(run, made / "new")
        if folder.exists():
            folder.rename(made / "old")
        (made / "new").rename(folder)


def is_saved_model(folder: Path) -> bool:
    """Whether a folder is a SavedModel and not merely one that holds something."""
    return (folder / "saved_model.pb").is_file() and (folder / "variables").is_dir()


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def export_version(run: "Run", model: Path) -> Path:
    """Write the SavedModel as the next version of a model for TensorFlow Serving; no server sees it before it is whole.

    Returns:
        Its folder, `model/1` where there is none yet.

    Raises:
        OSError: the folder cannot be written.
    """
    with leftovers.working_folder(model, "version") as made:
        _write(run, made / "new")
        while True:
            folder = model / str(max(_versions(model), default=0) + 1)
            try:
                return (made / "new").rename(folder)
            except OSError:
                if not folder.exists():  # else another export took this number
                    raise


def _versions(model: Path) -> Iterable[int]:
    return (int(entry.name) for entry in model.iterdir() if entry.name.isdecimal())


def _write(run: "Run", folder: Path) -> None:
    """Write the SavedModel there, with its recipe and the names of the classes."""
    import tensorflow as tf  # seconds to import: not for --help

    from videorec.inference import graphs
    from videorec.runs import recipe as recipes

    serving = common.serving_of(run)
    model = common.float32_model(serving)
    signatures = {name: make() for name, make in serving.signatures(model).items()}
    text = recipes.as_text(serving.recipe("saved_model", step=serving.step_model(model) if "stream" in signatures else None))
    try:
        with tempfile.TemporaryDirectory() as made:
            recipe = Path(made) / recipes.NAME
            recipe.write_text(text, encoding="utf-8")
            assets = [recipe, *([run.folder / "classes.txt"] if run.classes else [])]
            graphs.save(model, signatures, folder, assets)
        if "serve_jpeg" in signatures:
            log.info("feed it all frames of a video as uint8 from 0 to 255: TensorFlow casts floats without a word")
    except tf.errors.OpError as error:
        raise OSError(str(error)) from error


def main(args: list[str]) -> int:
    """Export, then compare."""
    options = common.parse(Options, args, "saved_model", __doc__)
    if options.out and options.serving:
        raise UserError(f"Give --out or --serving, not both. Received: {options.out} and {options.serving}")
    versions = files.must_be_local(options.serving, "--serving") if options.serving else None

    def write(run, path):
        if versions:
            versions.mkdir(parents=True, exist_ok=True)
            return export_version(run, versions)
        export(run, path)
        return path

    return common.export(options, NAME, write, verify.report)


if __name__ == "__main__":
    terminal.run(main)
