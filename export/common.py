"""What both exports share: the run's model in float32 without cuDNN, and clips to compare on."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro

from videorec import models
from videorec.config import Data, UserError
from videorec.data import augment, pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.decode import Reader, Unreadable, scale_to_short_side
from videorec.data.problems import Problems
from videorec.models.two_stream import part
from videorec.run import Run

log = logging.getLogger(__name__)

VERIFY_CLIPS = 4
LARGE_BACKBONES = ("caffenet", "caffenet_hybrid", "vgg16", "inception_v3", "resnet50", "efficientnet_b0")


@dataclass(frozen=True)
class Options:
    """What both export scripts take."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote (s3://bucket/runs/NAME)."""
    out: str | None = None
    """Where to write, a local path. Default: into the run folder."""
    verify: bool = True
    """Compare the result with Keras afterwards."""


@dataclass(frozen=True)
class VerifyOptions:
    """What export.verify takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME, with exports in their default places."""


def float32_model(run: Run) -> keras.Model:
    """The run's best model as it is exported.

    A mixed-precision model is rebuilt in float32 with the same weights, since it would not convert; cuDNN is switched
    off, since a graph that names cuDNN's operations does not run on a CPU.
    """
    model = run.load_model()
    if run.experiment.train.precision != "float32":
        keras.config.set_dtype_policy("float32")
        plain = dataclasses.replace(run.experiment, model=models.untrained(run.experiment.model))
        rebuilt = models.for_experiment(plain, len(run.classes))
        rebuilt.set_weights(model.get_weights())
        model = rebuilt
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
    return model


def input_names(data: Data, single: str = "frames") -> dict[str, str]:
    """What an export calls the input of each stream: `single` where there is one, else as the stream."""
    return dict(zip(data.streams, data.streams if len(data.streams) > 1 else (single,), strict=True))


def predict_resized(model: keras.Model, clips: dict[str, tf.Tensor], data: Data) -> dict[str, tf.Tensor]:
    """Model outputs for `{stream: (B, T, *data.resize, 3)}` uint8: what the pipeline does after resizing is in here."""
    return model({stream: augment.centre_crop(clip, data.crop) for stream, clip in clips.items()}, training=False)


def tolerance(run: Run) -> float:
    """Largest difference to Keras: 1e-5, or 1e-4 for backbones of many wide layers, whose sums round differently."""
    parts = [part(run.experiment.model, stream) for stream in run.experiment.data.streams]
    return 1e-4 if any(model.backbone in LARGE_BACKBONES for model in parts) else 1e-5


class _RawReader(ClipReader):
    """Clips at the videos' own sizes; flow at the size that it is measured at. Prepared pictures as they are stored."""

    def plain_clips(self, video, clips):
        if not self.encoded:
            frame = next(iter(Reader(video.path, cache_gb=self.data.remote_cache_gb)))()
            for name, stream in self.streams.items():
                is_motion = name == "flow" and self.data.flow.method != "stored"
                shown = scale_to_short_side(frame, stream.data.flow.short_side) if is_motion else frame
                stream.data = dataclasses.replace(stream.data, resize=shown.shape[:2])
        return super().plain_clips(video, clips)


def clips(run: Run, number: int = VERIFY_CLIPS, raw: bool = False) -> list[dict[str, np.ndarray]]:
    """Real clips of the run's videos, `{stream: (T, *data.resize, 3)}` uint8, or with `raw` at the videos' own sizes.

    Where the videos are not at hand (a run that was moved), noise.
    """
    data, found = run.experiment.data, []
    try:
        reader = (_RawReader if raw else ClipReader)(data, Problems(1, 1.0))
        for video in _videos(run):
            with contextlib.suppress(Unreadable):
                clip = next(reader.plain_clips(video, 1))
                found.append({stream: _pixels(x, reader, data.of(stream), raw) for stream, x in clip.items()})
            if len(found) == number:
                return found
    except UserError as error:  # the prepared folder, or the method of flow
        log.warning("%s", error)
    if raw:
        return found
    rng = np.random.default_rng(0)
    shapes = {stream: (data.of(stream).frames, *data.resize, 3) for stream in data.streams}
    return found or [{stream: rng.integers(0, 256, x, np.uint8) for stream, x in shapes.items()} for _ in range(number)]


def _pixels(pictures: np.ndarray, reader: ClipReader, data: Data, raw: bool) -> np.ndarray:
    if not reader.encoded:
        return np.ascontiguousarray(pictures)
    if raw:
        return np.stack([tf.io.decode_jpeg(x, channels=3, dct_method="INTEGER_FAST").numpy() for x in pictures])
    return pipeline.pixels(tf.constant(pictures), reader, data).numpy()


def _videos(run: Run) -> Iterator:
    for split in ("test", "val", "train"):
        try:
            yield from sources.load_for_evaluation(run.experiment.data, split, run.experiment)
        except UserError:
            continue


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
