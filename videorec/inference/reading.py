"""New videos as a model takes them, by what its recipe says: clips, the last frames of a video, the last of a sequence."""

import dataclasses
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data import values
from videorec.data.clips import ClipReader
from videorec.data.index import INDEX
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.data.resize import resize_frames
from videorec.data.sequences import formats, survey
from videorec.data.sequences.packing import Note
from videorec.data.sequences.windows import as_inputs
from videorec.data.video_stream import VideoStream
from videorec.runs import recipe as recipes
from videorec.storage import files

Clip = dict[str, np.ndarray]  # {stream: (T, H, W, C)}


class Clips:
    """The clips of a video that an evaluation takes.

    Args:
        recipe: of a recogniser.
        threads: decoder threads of a file.
    """

    def __init__(self, recipe: dict, threads: int = 1):
        self._clips = recipe["evaluation"]["clips"]
        self._reader = ClipReader(recipes.data_of(recipe), Problems(1, 1.0), threads)

    def __call__(self, video: Video) -> Iterator[Clip]:
        """`{stream: (T, *resize, 3)}` uint8 of each clip.

        Raises:
            Unreadable: when iterated.
        """
        for clip in self._reader.plain_clips(video, self._clips):
            yield {stream: np.ascontiguousarray(pictures) for stream, pictures in clip.items()}


class LastFrames:
    """The last frames of a video, for what is to come after it.

    Args:
        recipe: of a model that anticipates labels.
        threads: as for `Clips`.
    """

    def __init__(self, recipe: dict, threads: int = 1):
        self._data, self._threads = recipes.data_of(recipe), threads

    def __call__(self, video: Video) -> Iterator[Clip]:
        """One clip `{stream: (T, *resize, 3)}` uint8.

        Raises:
            Unreadable: when iterated, also a video of fewer frames.
        """
        data = self._data
        pictures = VideoStream(data.of(data.stream), Problems(1, 1.0), threads=self._threads).pictures(video)
        last = deque(pictures, maxlen=data.frames)
        if len(last) < data.frames:
            needed = f"{data.frames} frames at {data.fps:g} frames a second, {data.frames / data.fps:g} s, are needed"
            raise Unreadable(f"{needed}. It has {len(last)}")
        yield {data.stream: np.stack(last)}


class LastOfSequence:
    """The last frames of a sequence, for the frames to come: a video, a folder of pictures, an array of .npy, .npz or HDF5.

    Args:
        recipe: of a forecaster, with the shape of its frames.
        threads: not used.
    """

    def __init__(self, recipe: dict, threads: int = 1):
        del threads  # sequences are opened by their own readers
        entry, pictures = recipe["streams"]["rgb"], recipe["pictures"]
        given = pictures["values"]
        self._shape, self._pixels = tuple(pictures["shape"]), pictures["pixels"]
        self._said: set[Note] = set()
        self._data = Sequences(
            frames=entry["frames"],
            step=entry["step"],
            values=None if given is None else tuple(given),
            key=pictures["key"],
            axes=pictures["axes"],
        )

    def __call__(self, video: Video) -> Iterator[Clip]:
        """One window `{"rgb": (J, H, W, C)}` as the model takes it.

        Raises:
            Unreadable: when iterated: no such file, another number of channels, too few frames, values out of range.
        """
        data, path = self._data, Path(video.path).expanduser()
        span = (data.frames - 1) * data.step + 1
        if video.start is not None or video.end is not None:
            raise Unreadable("a forecaster reads a sequence to its end: leave start and end out")
        if not path.exists():
            raise Unreadable("no such file")
        try:
            sequence, *others = formats.open_file(path, path.name, data, span)
            self._say(sequence)
            if others:
                raise Unreadable(f"a file of one sequence is needed. It holds {len(others) + 1}")
            values.check_type(sequence.dtype, sequence.values, sequence.name)
            if sequence.shape[2] != self._shape[2]:
                raise Unreadable(f"frames of {self._shape[2]} channels are needed. It has {sequence.shape[2]}")
            if sequence.frames < span:
                raise Unreadable(f"{span} frames are needed, {data.frames} of them seen. It has {sequence.frames}")
            frames = sequence.read(range(sequence.frames - span, sequence.frames, data.step))
            frames = resize_frames(values.scale(frames, sequence.values, sequence.name), *self._shape[:2])
        except UserError as error:
            raise Unreadable(str(error)) from error
        yield {"rgb": as_inputs(frames, self._pixels)}

    def _say(self, sequence: formats.Sequence) -> None:
        """What is to be said of many files is said of the first of them."""
        survey.say([dataclasses.replace(sequence, notes=tuple(note for note in sequence.notes if note not in self._said))])
        self._said.update(sequence.notes)


def damage_of(video: Video) -> str:
    """What is broken or missing of a local video that was read; empty where nothing is, and of arrays."""
    facts = None if files.is_remote(video.path) else INDEX.known(video.path)
    return facts.damage if facts else ""


READERS = {"recognition": Clips, "anticipation": LastFrames, "forecasting": LastOfSequence}


def batches(items: Iterator, size: int) -> Iterator[list]:
    """Lists of up to `size` items in order."""
    while batch := list(islice(items, size)):
        yield batch
