"""Recognisers as they are exported: raw frames of any size, or encoded ones, to class probabilities."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from videorec.config import Data, UserError
from videorec.data import pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.decode import Reader, Unreadable
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.resize import scale_to_short_side
from videorec.tasks.serving import VideoServing

log = logging.getLogger(__name__)


class RecognitionServing(VideoServing):
    """See `VideoServing`."""

    unit = "clip"

    def examples(self, number):
        """Clips `{stream: (T, *data.resize, 3)}` uint8 of the run's videos, those of the test split first."""
        return self._clips(number, ClipReader)

    def raw_example(self):
        """A clip of the first readable video; prepared pictures as they are stored."""
        raw, resized = self._clips(1, _RawReader), self._clips(1, ClipReader)
        return (raw[0], resized[0]) if raw and resized else None

    def recipe(self):
        data = self.run.experiment.data
        return super().recipe() | {"sampling": {"rule": data.sampling, "step": data.step, "short": data.short}}

    def _clips(self, number: int, reader_class: type[ClipReader]) -> list[dict[str, np.ndarray]]:
        data, clips = self.run.experiment.data, []
        try:
            reader = reader_class(data, Problems(1, 1.0))
            for video in self._videos():
                with contextlib.suppress(Unreadable):
                    clip = next(reader.plain_clips(video, 1))
                    clips.append({stream: _pixels(x, reader, data.of(stream)) for stream, x in clip.items()})
                if len(clips) == number:
                    return clips
        except UserError as error:  # the prepared folder, or the method of flow
            log.warning("%s", error)
        return clips

    def _videos(self) -> Iterator[Video]:
        for split in ("test", "val", "train"):
            with contextlib.suppress(UserError):
                yield from sources.load_for_evaluation(self.run.experiment.data, split, self.run.experiment)


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


def _pixels(pictures: np.ndarray, reader: ClipReader, data: Data) -> np.ndarray:
    if not reader.encoded:
        return np.ascontiguousarray(pictures)
    if isinstance(reader, _RawReader):
        return np.stack([tf.io.decode_jpeg(x, channels=3, dct_method="INTEGER_FAST").numpy() for x in pictures])
    return pipeline.pixels(tf.constant(pictures), reader, data).numpy()
