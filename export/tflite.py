"""Export a run as a TensorFlow Lite file for phones and edge devices.

    python -m export.tflite runs/NAME                       writes runs/NAME/model.tflite
    python -m export.tflite runs/NAME --quantize int8       writes runs/NAME/model_int8.tflite (dynamic, float16 likewise)
    python -m export.tflite runs/NAME --streaming           writes runs/NAME/model_streaming.tflite: frame by frame

Built-in operations only: the file runs on ai-edge-litert, which needs neither TensorFlow nor Keras (a client:
export/clients/tflite_video.py). In a zip at its end lie recipe.json, what it takes and gives, and labels.txt, the names of the
classes: `unzip -p model.tflite recipe.json`; and sha256, the checksum of what stands before it.

Models of videos: one clip at a time: input `frames` uint8 (1, T, H, W, 3), RGB, T = the run's frames, H x W = the run's
data.resize (resize your frames to it; the centre is cropped, and scaled, inside); for two streams inputs `rgb` and `flow`, each
of its own T. Flow is given as encoded pictures (videorec.data.flow). Outputs `probabilities` (1, C) and `steps` (1, S, C).

--streaming: input `frames` uint8 (1, H, W, 3), one frame, and the states by their names, which the recipe lists with their
shapes; at first each is full of its `start`, 0 where none is given. Outputs: the answer so far, and the new states.

--quantize: dynamic, weights in 8 bits; float16, weights in 16 bits; int8, weights and what is between the layers in 8 bits,
measured on clips of the training data (not with --streaming: states that grow, such as sums of all frames, do not fit in 8
bits). Inputs and outputs keep their types. `python -m export.verify runs/NAME` shows what it costs.

Forecasters: one sequence at a time: input `frames` (1, J, H, W, C), uint8 0 to 255 or float32 0 to 1 as the run's model.pixels
says, J = the run's data.frames; H, W and C are those that the model was trained on: nothing is resized inside. Output `frames`
(1, K, H, W, C) float32, K = the run's model.horizon; attention models also give their coefficients.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from export import common, conversion, verify
from videorec import terminal
from videorec.config import UserError
from videorec.config.native_notes import native_notes_hidden
from videorec.storage import files, leftovers

if TYPE_CHECKING:
    import keras

    from videorec.runs.run import Run
    from videorec.tasks.serving import Serving

REPRESENTATIVE = 64  # examples that int8 is measured on


@dataclass(frozen=True)
class Options(common.Options):
    """What export.tflite takes."""

    streaming: bool = False
    """One frame at a time, with the model's states as inputs and outputs."""
    quantize: Literal["none", "dynamic", "float16", "int8"] = "none"
    """Smaller numbers: dynamic (weights in 8 bits), float16 (weights), int8 (weights and activations)."""


def name_of(quantize: str = "none", streaming: bool = False) -> str:
    """What the file is called in a run folder."""
    return "_".join(["model", *["streaming"] * streaming, *[quantize] * (quantize != "none")]) + ".tflite"


def convert(serving: "Serving", model: "keras.Model", quantize: str = "none", streaming: bool = False) -> bytes:
    """The run's model, in float32, as a TFLite flatbuffer for one example of a fixed number of frames, or one frame.

    Raises:
        UserError: the model needs an operation that TFLite lacks, cannot run frame by frame, or, for int8, no clips of the
            training data are at hand or the converter broke off.
    """
    from videorec.inference import graphs

    step = serving.step_model(model) if streaming else None
    with tempfile.TemporaryDirectory() as folder, _unrolled(model, quantize == "int8"):
        # A batch of 1 and a fixed T let recurrent loops convert to built-in operations.
        if step:
            graph = graphs.trace(lambda given: serving.step(step, given), serving.step_inputs(step))
        else:
            graph = graphs.trace(lambda clips: serving.predict(model, clips), serving.inputs(model))
        saved = Path(folder) / "saved_model"
        graphs.save(model, {"serving_default": graph}, saved)
        if quantize == "int8":
            examples = Path(folder) / "examples.npz"
            np.savez(examples, **_representative(serving, model))
            return _convert_in_a_child(model.name, saved, quantize, examples)
        try:
            with native_notes_hidden():
                return conversion.convert(str(saved), quantize)
        except Exception as error:  # the converter's own error class differs between versions
            raise UserError(_refusal(model.name, str(error))) from error


def _refusal(name: str, error: str) -> str:
    first = (error.strip().splitlines() or ["no reason is given"])[0]
    return f"{name} does not convert to built-in TFLite operations: {first}"


@contextmanager
def _unrolled(model: "keras.Model", whether: bool) -> Iterator[None]:
    """Recurrent layers step by step in the graph: 8 bits in a loop end the converter's process."""
    loops = [layer for layer in model._flatten_layers() if whether and getattr(layer, "unroll", True) is False]
    for layer in loops:
        layer.unroll = True
    try:
        yield
    finally:
        for layer in loops:
            layer.unroll = False


def _representative(serving: "Serving", model: "keras.Model") -> dict[str, np.ndarray]:
    """Clips of the training data, on which int8 is measured: `{NUMBER/INPUT: (1, T, H, W, C)}`."""
    clips = serving.examples(REPRESENTATIVE, ("train",))
    if not clips:
        raise UserError(
            f"int8 is measured on clips of the training data, which are not at hand for {serving.run.place}. Choose --quantize "
            "dynamic or float16, or export where the data are"
        )
    names = {stream: spec.name for stream, spec in serving.inputs(model).items()}
    return {f"{number}/{names[stream]}": x[None] for number, clip in enumerate(clips) for stream, x in clip.items()}


def _convert_in_a_child(name: str, saved: Path, quantize: str, examples: Path) -> bytes:
    """What `export.conversion` writes and tries out; its process may end, this one goes on."""
    out = saved.with_name("model.tflite")
    line = [sys.executable, "-P", conversion.__file__, str(saved), quantize, str(examples), str(out)]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode == 0:
        return out.read_bytes()
    if done.returncode < 0:
        what = "The interpreter" if out.exists() else "TensorFlow's converter"
        raise UserError(
            f"{what} ended its process (signal {-done.returncode}) on {name} with --quantize {quantize}. "
            "Choose --quantize dynamic or float16"
        )
    raise UserError(_refusal(name, (done.stderr.strip().splitlines() or [""])[-1]))


def export(run: "Run", path: Path, quantize: str = "none", streaming: bool = False) -> None:
    """Write the file, whole or not at all; texts are attached as TFLite metadata does: in a zip at its end.

    Raises:
        UserError: as `convert`.
        OSError: the file cannot be written.
    """
    from videorec.runs import recipe as recipes  # TensorFlow takes seconds to import: not for --help

    serving = common.serving_of(run)
    model = common.float32_model(serving)
    content = convert(serving, model, quantize, streaming)
    recipe = serving.recipe("tflite", quantize, streaming, serving.step_model(model) if streaming else None)
    if "crops" in recipe["evaluation"]:
        recipe["evaluation"]["crops"] = 1  # the centre
    leftovers.sweep(path.parent)
    with files.in_place(path) as temporary:
        Path(temporary).write_bytes(content)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(recipes.NAME, recipes.as_text(recipe))
            archive.writestr(recipes.CHECKSUM, hashlib.sha256(content).hexdigest())
            if run.classes:
                archive.writestr("labels.txt", "".join(f"{name}\n" for name in run.classes))


def main(args: list[str]) -> int:
    """Export, then compare."""
    options = common.parse(Options, args, "tflite", __doc__)
    if options.streaming and options.quantize == "int8":
        raise UserError(
            "--streaming goes with --quantize none, dynamic or float16: states that grow do not fit in 8 bits. Received: int8"
        )

    def write(run, path):
        export(run, path, options.quantize, options.streaming)
        return path

    return common.export(options, name_of(options.quantize, options.streaming), write, verify.report)


if __name__ == "__main__":
    terminal.run(main)
