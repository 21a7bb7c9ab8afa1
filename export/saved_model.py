"""Export a run as a TensorFlow SavedModel that takes raw frames of any size.

    python -m export.saved_model runs/NAME            writes runs/NAME/saved_model

Signatures:
    serving_default   frames: uint8 (B, T, H, W, 3), RGB, every size dynamic (T where the model allows it)
    serve_jpeg        images: string (B, T), encoded frames (JPEG, PNG), each of its own size
Both return probabilities (B, C), steps (B, S, C) logits, and classes (C,), the names in their order; attention models also
their coefficients. Resizing, cropping and
scaling are inside. To use it: tf.saved_model.load(FOLDER).signatures["serving_default"](frames=...). Keep the loaded object.
"""

import shutil
from pathlib import Path

import keras
import tensorflow as tf
import tyro

from export import common, verify
from videorec import cli
from videorec.config import Data, UserError
from videorec.run import Run


def fit_frames(frames: tf.Tensor, data: Data) -> tf.Tensor:
    """`(N, H, W, 3)` uint8 of any size -> `(N, *data.resize, 3)` uint8, as `videorec.data.decode.fit_frame` does."""
    target_h, target_w = data.resize
    if data.fit == "crop":
        h, w = tf.shape(frames)[1], tf.shape(frames)[2]
        keep_h = tf.minimum(h, tf.cast(tf.round(w * target_h / target_w), tf.int32))
        keep_w = tf.minimum(w, tf.cast(tf.round(h * target_w / target_h), tf.int32))
        top, left = (h - keep_h) // 2, (w - keep_w) // 2
        frames = frames[:, top : top + keep_h, left : left + keep_w]
    h, w = tf.shape(frames)[1], tf.shape(frames)[2]
    shrinks = tf.logical_and(h >= target_h, w >= target_w)
    resized = tf.cond(
        shrinks,
        lambda: tf.image.resize(frames, data.resize, method="area"),
        lambda: tf.image.resize(frames, data.resize, method="bilinear"),
    )
    return tf.ensure_shape(tf.saturate_cast(tf.round(resized), tf.uint8), (None, *data.resize, 3))


def serving_module(model: keras.Model, data: Data, classes: tuple[str, ...], names_file: Path) -> tf.Module:
    """A module with the functions `frames` and `jpeg` of the two signatures."""
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]  # tracked, so that they are saved
    module.names = tf.saved_model.Asset(str(names_file))
    names = tf.constant(classes)
    length = model.inputs[0].shape[1]  # None where any number of frames will do

    def outputs(flat, batch, steps):
        clips = tf.reshape(flat, (batch, length or steps, *data.resize, 3))  # (B, T, H, W, 3)
        return {**common.predict_resized(model, clips, data), "classes": names}

    @tf.function(input_signature=[tf.TensorSpec((None, length, None, None, 3), tf.uint8, name="frames")])
    def frames(frames):
        shape = tf.shape(frames)
        flat = tf.reshape(frames, (-1, shape[2], shape[3], 3))  # (B * T, H, W, 3)
        return outputs(fit_frames(flat, data), shape[0], shape[1])

    @tf.function(input_signature=[tf.TensorSpec((None, length), tf.string, name="images")])
    def jpeg(images):
        def decode(image):
            frame = tf.io.decode_image(image, channels=3, expand_animations=False)
            return fit_frames(frame[None], data)[0]

        spec = tf.TensorSpec((*data.resize, 3), tf.uint8)
        flat = tf.map_fn(decode, tf.reshape(images, (-1,)), fn_output_signature=spec)
        return outputs(flat, tf.shape(images)[0], tf.shape(images)[1])

    module.frames, module.jpeg = frames, jpeg
    return module


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
    run = Run(options.run)
    folder = options.out or run.folder / "saved_model"
    export(run, folder)
    print(f"written: {folder} ({common.size_of(folder) / 1e6:.1f} MB)")
    return verify.report(run, saved_model=folder) if options.verify else 0


if __name__ == "__main__":
    cli.run(main)
