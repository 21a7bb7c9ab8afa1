"""`Predictor`: a trained model, in any of its forms, asked about new videos, streams and cameras.

It knows no task: the recipe, which a run and every export hold, says what to feed and what comes out.
"""

import logging
import os
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import cv2
import numpy as np

from videorec.config import UserError
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.inference import live
from videorec.inference.capture import Capture, camera_of, name_of
from videorec.inference.forms import open_form
from videorec.inference.live import Moment
from videorec.inference.overlapping import Overlapping
from videorec.inference.prediction import Prediction, of_classes
from videorec.inference.reading import READERS, batches, damage_of
from videorec.inference.steppers import WindowStepper
from videorec.reports.segments import predicted_segments
from videorec.runs import recipe as recipes
from videorec.storage import files

log = logging.getLogger(__name__)

BATCH = 16  # clips that go through the model at once
UNREADABLE = (Unreadable, UserError, OSError, cv2.error)  # what is wrong with one video, and stops no other
ANSWERS = {  # the outputs that a prediction of a stream is made of, by the task
    "recognition": ("probabilities",),
    "dense": ("probabilities",),
    "anticipation": ("steps", "probabilities"),
    "forecasting": ("frames",),
}
Source = str | Path | Video | int | Capture | Iterable[np.ndarray]
Rows = Iterator[tuple[int, Video, object]]


class Predictor:
    """Asks a trained model about videos that it has not seen.

    Args:
        place: a run folder, local or remote; the folder of a SavedModel; a .tflite file.
        batch: clips that go through the model at once.
        threads: videos that are read at once. Default: one a core.

    Attributes:
        recipe: what the model takes and gives, see `videorec.runs.recipe`.
        classes: names in the order of the model's outputs; empty where frames are forecast.

    Raises:
        UserError: nothing there, a damaged file, one of a later version, or options out of range.

    Example:

    >>> predictor = Predictor("runs/lrcn")
    >>> predictor("my.mp4").top(2)
    [("jump", 0.93), ("walk", 0.04)]
    >>> for prediction in predictor(["a.mp4", "b.mp4"]):
    ...     prediction.error or prediction.label
    >>> for now in predictor.stream("my.mp4"):
    ...     now.time, now.label
    """

    def __init__(self, place: str | Path, batch: int = BATCH, threads: int | None = None):
        if batch < 1 or (threads is not None and threads < 1):
            raise UserError(f"batch and threads must be 1 or more. Received: batch={batch}, threads={threads}")
        self._form = open_form(place)
        self._batch, self._threads = batch, threads or os.cpu_count() or 1
        self._steppers = []  # made, and not at work: making one takes seconds
        self.recipe = self._form.recipe
        self.classes = tuple(self.recipe["classes"])
        if any(entry.get("flow", {}).get("method") == "stored" for entry in self.recipe["streams"].values()):
            log.warning("%s reads folders of flow pictures: of other videos its answers mean nothing", place)

    # === Whole videos ===

    def __call__(self, videos: str | Path | Video | Iterable[str | Path | Video]) -> Prediction | Iterator[Prediction]:
        """What the model says of a video, or, of several, an iterator of that in their order.

        A video that cannot be read is a prediction with its `error`; the others are not lost. Recognisers see the clips that
        an evaluation draws; models of moments the whole video; those of what is to come its last frames.

        Args:
            videos: paths of files or folders of frames, local or remote; `Video` for a segment.
        """
        if isinstance(videos, str | Path | Video):
            return next(self._predict([videos], self._threads))
        return self._predict(videos, 1)

    def _predict(self, videos, threads: int) -> Iterator[Prediction]:
        videos = (video if isinstance(video, Video) else Video(str(video), ()) for video in videos)
        if self.recipe["task"] == "dense":
            yield from map(self._moments, videos)
            return
        read = READERS[self.recipe["task"]](self.recipe, threads)
        for _, rows in groupby(self._outputs(self._clips(videos, read)), itemgetter(0)):
            yield self._answer(rows)

    def _clips(self, videos: Iterable[Video], read) -> Rows:
        """`(number of the video, video, clip or why it cannot be read)`, a row a clip; videos are read ahead, side by side."""

        def first(video):
            clips = read(video)
            return next(clips), clips

        def rows(number, video, reading):
            try:
                clip, others = reading.result()
                yield from ((number, video, clip) for clip in chain([clip], others))
            except UNREADABLE as error:
                yield number, video, _reason(error)

        waiting = deque()
        with ThreadPoolExecutor(self._threads) as pool:
            for number, video in enumerate(videos):
                waiting.append((number, video, pool.submit(first, video)))
                if len(waiting) > self._threads:
                    yield from rows(*waiting.popleft())
            while waiting:
                yield from rows(*waiting.popleft())

    def _outputs(self, rows: Rows) -> Rows:
        """The same with `(clip, its outputs)` in place of the clip."""
        for batch in batches(rows, self._batch):
            clips = [clip for *_, clip in batch if not isinstance(clip, str)]
            outputs = self._form.predict({name: np.stack([clip[name] for clip in clips]) for name in clips[0]}) if clips else {}
            each = ({name: x[k] for name, x in outputs.items()} for k in range(len(clips)))
            for number, video, clip in batch:
                yield number, video, clip if isinstance(clip, str) else (clip, next(each))

    def _answer(self, rows: Rows) -> Prediction:
        """Of one video, from all its clips; one that breaks off has no answer."""
        total, count, single = 0.0, 0, None
        for _, video, result in rows:
            if isinstance(result, str):
                return Prediction(video.name, error=result)
            single, count = result, count + 1
            total = total + result[1].get("probabilities", np.float32(0)).astype(np.float64)
        clip, outputs = single
        attention = attention_of(outputs) if count == 1 else {}
        seen = clip["rgb"] if "frames" in outputs else None
        fields = self._fields(outputs, total / count)
        return Prediction(video.name, damage=damage_of(video), attention=attention, seen=seen, **fields)

    def _fields(self, outputs: dict, probabilities: np.ndarray) -> dict:
        """What outputs without a batch axis mean; of several clips, `probabilities` are their mean."""
        if "frames" in outputs:
            return {"frames": outputs["frames"]}
        if self.recipe["task"] == "anticipation":
            steps = np.exp(outputs["steps"] - outputs["steps"].max(-1, keepdims=True))
            steps = [of_classes(step, self.classes, False) for step in steps / steps.sum(-1, keepdims=True)]  # (K, C)
            coming = tuple(step["probabilities"] for step in steps)
            return {**steps[0], "coming": coming, "rate": next(iter(self.recipe["streams"].values()))["fps"]}
        several = self.recipe["target"] == "multilabel" or not self.recipe["evaluation"].get("single", True)
        return of_classes(probabilities, self.classes, several)

    def _moments(self, video: Video) -> Prediction:
        try:
            probabilities = self._form.moments(video)
        except UNREADABLE as error:
            return Prediction(video.name, error=_reason(error))
        how, rate = self.recipe["evaluation"], next(iter(self.recipe["streams"].values()))["fps"]
        # Recipes of earlier versions know no cost of changes.
        smoothing = {name: how.get(name, 0.0) if how["single"] else 0.0 for name in ("smooth", "change_cost")}
        segments = predicted_segments(probabilities, self.classes, rate, how["threshold"], how["single"], **smoothing)
        return Prediction(video.name, damage=damage_of(video), segments=tuple(segments), moments=probabilities, rate=rate)

    # === Frame by frame ===

    def cannot_stream(self) -> str | None:
        """Why the model, or this form of it, does not run frame by frame; None where it does."""
        try:
            self._steppers.append(self._form.stepper())
        except UserError as error:
            return str(error)
        return None

    def stream(
        self, source: Source, interval: float | None = None, memory: float | None = None, windows: bool = False
    ) -> Iterator[Prediction]:
        """What the model says after each frame: of the clip so far, or of the moment.

        Memory does not grow with the length of the stream. Where a model awaits later frames before it says something of a
        moment, its answers come later; `time` and `frame` of a prediction are those that it is about.

        Args:
            source: a video file (or `Video`, for a segment), a folder of frames, a camera (its index, a URL such as
                rtsp://..., or `videorec.inference.capture.Capture`), or an iterable of frames `(H, W, 3)` uint8 RGB, which is
                taken frame by frame as it comes.
            interval: seconds between two frames that the model sees. Default: as in training (`recipe`), where that is known;
                0: every frame.
            memory: of a recogniser: seconds that it answers from, at most, and at least half of them once they are over; it
                then runs twice. Default: everything since the first frame.
            windows: of a recogniser: ask the clip model after every frame about the last T, those of a clip, at T times the
                cost: for models that cannot run frame by frame.

        Raises:
            UserError: the model cannot run frame by frame, and why; an interval or a memory out of range.
            Unreadable: the source cannot be read.
        """
        if interval is not None and not interval >= 0:
            raise UserError(f"interval must be 0 or more seconds. Received: {interval}")
        if memory is not None and not (memory > 0 and self.recipe["task"] == "recognition"):
            raise UserError(f"memory must be more than 0 seconds, of a recogniser. Received: {memory}, {self.recipe['task']}")
        if windows and (memory is not None or self.recipe["task"] != "recognition"):
            raise UserError(f"windows are for recognisers, without memory. Received: {self.recipe['task']}, memory={memory}")
        count = 0 if windows else 1 if memory is None else 2
        steppers = [self._steppers.pop() if self._steppers else self._form.stepper() for _ in range(count)]
        if windows:
            stepper = WindowStepper(self._form.predict, self.recipe)
        else:
            stepper = steppers[0] if memory is None else Overlapping(*steppers, memory)
        try:
            yield from self._answers(stepper, source, self._interval(source) if interval is None else interval or None)
        finally:
            stepper.reset()
            self._steppers += steppers

    def _answers(self, stepper, source: Source, interval: float | None) -> Iterator[Prediction]:
        pictures, about, queues = live.pictures_of(self.recipe), deque(), defaultdict(deque)
        for moment in self._source(source, interval):
            complete = pictures.push(moment)
            if complete is not None:
                about.append(complete[0])
                if isinstance(stepper, Overlapping):
                    stepper.at(complete[0].time)
                yield from self._now(stepper.push({name: x[None, None] for name, x in complete[1].items()}), about, queues)
        if queues:
            yield from self._now(stepper.end(), about, queues)

    def _interval(self, source: Source) -> float | None:
        interval = recipes.interval_of(self.recipe)
        if interval is None and isinstance(source, str | Path | Video | int | Capture):
            name = source.name if isinstance(source, Video | Capture) else name_of(source)
            log.warning("the model does not say how far apart its frames were in training: every frame of %s is taken", name)
        return interval

    def _source(self, source: Source, interval: float | None) -> Iterator[Moment]:
        if isinstance(source, str | int) and (camera := camera_of(source)) is not None:
            source = Capture(camera)
        if isinstance(source, Capture):
            return live.resampled(source, interval, source.name)
        if isinstance(source, str | Path) and (os.path.exists(source) or files.is_remote(source)):
            source = Video(str(source), ())
        if isinstance(source, Video):
            return live.of_file(source, interval, recipes.values_of(self.recipe))
        if isinstance(source, str | Path):
            raise Unreadable(f"no such file: {source}")
        return live.of_frames(source, interval)

    def _now(self, rows: dict[str, np.ndarray], about: deque[Moment], queues: dict[str, deque]) -> Iterator[Prediction]:
        """A prediction for every moment that all outputs have come for."""
        for name, values in rows.items():
            if name in ANSWERS[self.recipe["task"]] or is_attention(name):
                queues[name].extend(values[0])
        while queues and all(queues.values()):
            moment, outputs = about.popleft(), {name: queue.popleft() for name, queue in queues.items()}
            fields = self._fields(outputs, outputs.get("probabilities"))
            yield Prediction(time=moment.time, frame=moment.frame, attention=attention_of(outputs), **fields)


def is_attention(output: str) -> bool:
    """Whether an output holds the coefficients of an attention: `attention`, `rgb_attention`."""
    return "attention" in output


def attention_of(outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs that hold coefficients."""
    return {name: x for name, x in outputs.items() if is_attention(name)}


def _reason(error: Exception) -> str:
    if isinstance(error, cv2.error):
        return error.err
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
