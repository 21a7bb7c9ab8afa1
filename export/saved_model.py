"""Export a run as a TensorFlow SavedModel that takes raw frames of any size.

    python -m export.saved_model runs/NAME            writes runs/NAME/saved_model

Signatures:
    serving_default   frames: uint8 (B, T, H, W, 3), RGB, every size dynamic (T where the model allows it)
    serve_jpeg        images: string (B, T), encoded frames (JPEG, PNG), each of its own size
A model of two streams takes `rgb` and `flow` in their place, each of its own T, H and W. Flow is given as encoded pictures
(videorec.data.flow), also where it is the only stream: motion is not measured inside.
Both return probabilities (B, C), steps (B, S, C) logits, and classes (C,), the names in their order; attention models also
their coefficients, two streams also what each says alone (rgb_probabilities, ...). Resizing, cropping and scaling are inside.
To use it: tf.saved_model.load(FOLDER).signatures["serving_default"](frames=...). Keep the loaded object.
"""

import shutil
from pathlib import Path

import keras
import tensorflow as tf
import tyro

from export import common, verify
from videorec import cli
from videorec.config import Data, UserError
from videorec.data import files
from videorec.data.fit import fit_frames
from videorec.run import Run


def serving_module(model: keras.Model, data: Data, classes: tuple[str, ...], names_file: Path) -> tf.Module:
    """A module with the functions `frames` and `jpeg` of the two signatures."""
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]  # tracked, so that they are saved
    module.names = tf.saved_model.Asset(str(names_file))
    names = tf.constant(classes)
    lengths = {stream: model.input[stream].shape[1] for stream in data.streams}  # None where any number of frames will do

    def function(fit, single: str, spec):
        """A signature whose inputs become clips by `fit`."""
        inputs = common.input_names(data, single)

        @tf.function
        def predict(**given):
            clips = {stream: fit(given[name], data) for stream, name in inputs.items()}
            return {**common.predict_resized(model, clips, data), "classes": names}

        return predict.get_concrete_function(**{name: spec(lengths[stream], name) for stream, name in inputs.items()})

    module.frames = function(_fit_clips, "frames", lambda t, name: tf.TensorSpec((None, t, None, None, 3), tf.uint8, name))
    module.jpeg = function(_decode_clips, "images", lambda t, name: tf.TensorSpec((None, t), tf.string, name))
    return module


def _fit_clips(frames: tf.Tensor, data: Data) -> tf.Tensor:
    """`(B, T, H, W, 3)` uint8 of any size -> `(B, T, *data.resize, 3)` uint8."""
    shape = tf.shape(frames)
    flat = tf.reshape(frames, (-1, shape[2], shape[3], 3))  # (B * T, H, W, 3)
    return tf.reshape(fit_frames(flat, data), (shape[0], frames.shape[1] or shape[1], *data.resize, 3))


def _decode_clips(images: tf.Tensor, data: Data) -> tf.Tensor:
    """`(B, T)` encoded frames -> `(B, T, *data.resize, 3)` uint8."""

    def decode(image):
        frame = tf.io.decode_image(image, channels=3, expand_animations=False)
        return fit_frames(frame[None], data)[0]

    shape, spec = tf.shape(images), tf.TensorSpec((*data.resize, 3), tf.uint8)
    flat = tf.map_fn(decode, tf.reshape(images, (-1,)), fn_output_signature=spec)
    return tf.reshape(flat, (shape[0], images.shape[1] or shape[1], *data.resize, 3))


def export(run: Run, folder: Path) -> None:
    """Write the SavedModel; an existing one is replaced only when the new one is whole.

    Raises:
        UserError: the folder cannot be written.
    """
    module = serving_module(common.float32_model(run), run.experiment.data, run.classes, run.folder / "classes.txt")
    signatures = {"serving_default": module.frames, "serve_jpeg": module.jpeg}
    temporary = folder.with_name(f"new_{folder.name}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        tf.saved_model.save(module, str(temporary), signatures=signatures)
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
    cli.run(main)
