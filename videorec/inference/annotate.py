"""A video with the answer drawn into every frame: the answer so far, the segments, or what is to come."""

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from videorec.config import UserError
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.inference import live
from videorec.inference.explain import heat_map
from videorec.inference.prediction import LIKELY, Prediction
from videorec.inference.predictor import Predictor
from videorec.reports.annotated import Answer, Canvas
from videorec.reports.timelines import Curves, Tracks
from videorec.runs import recipe as recipes

log = logging.getLogger(__name__)

CLIPS = 8  # moments at which a model that does not stream is asked about the frames so far
TRACKS = 8  # most classes that are shown over time, and most steps to come


class Annotator:
    """Draws what a model says into the videos that it says it of, a frame at a time.

    Args:
        predictor: of labels, not of frames.
        top: classes that are shown.
        interval: seconds between two frames that the model sees, see `Predictor.stream`.
        memory: seconds that the answer so far is from, see there.
    """

    def __init__(self, predictor: Predictor, top: int = 5, interval: float | None = None, memory: float | None = None):
        self._predictor, self._recipe, self._top, self._interval = predictor, predictor.recipe, top, interval
        self._memory = memory
        self._why_not: str | None = None  # the model does not stream

    def rate(self, video: Video, prediction: Prediction) -> float:
        """Frames a second of a video; of a folder of frames, that at which the model takes them."""
        return Reader(video.path).rate or 1 / self._apart(prediction)

    def pictures(self, video: Video, prediction: Prediction) -> Iterator[tuple[float, np.ndarray]]:
        """Time in seconds and picture `(H, W, 3)` uint8 RGB of every frame of a video; all pictures are of one size.

        Args:
            prediction: what the model says of the video.

        Raises:
            Unreadable: the video cannot be read (any more).
        """
        course = canvas = None
        for number, moment in enumerate(live.of_file(video, None, recipes.values_of(self._recipe))):
            if course is None:
                course = self._course(video, prediction)
                canvas = Canvas(*moment.frame.shape[:2], course.rows)
            time = number * self._apart(prediction) if os.path.isdir(video.path) else moment.time
            yield time, canvas.draw(moment.frame, course.at(time, canvas.view), course.plot, time)

    def _apart(self, prediction: Prediction) -> float:
        """Seconds between two frames of a folder."""
        if prediction.rate:
            return 1 / prediction.rate
        return live.apart(recipes.interval_of(self._recipe) if self._interval is None else self._interval)

    def _course(self, video: Video, prediction: Prediction):
        if prediction.moments is not None:
            return Moments(prediction, self._predictor.classes)
        if prediction.coming:
            return Coming(prediction)
        seconds = self._seconds(video, prediction)
        answers, caption = self._answers(video, prediction, seconds)
        return Running(answers, caption, self._recipe, self._top, seconds)

    def _seconds(self, video: Video, prediction: Prediction) -> float | None:
        reader = Reader(video.path)
        whole = len(reader) * self._apart(prediction) if reader.rate is None else reader.seconds
        start, end = video.start or 0.0, video.end
        if whole is None:
            return None if end is None else end - start
        return max((whole if end is None else min(end, whole)) - start, 0.0)

    # === Recognisers ===

    def _answers(self, video: Video, prediction: Prediction, seconds: float | None) -> tuple[Iterator[Prediction], str]:
        """The answers so far, each with its time, and what they are."""
        if self._why_not is None:
            try:
                interval, frames = self._distance(video)
                answers = self._predictor.stream(video, interval, self._memory)
                so_far = "answer so far" if self._memory is None else f"answer of the last {self._memory:.3g} s"
                return chain([next(answers)], answers), f"{so_far}, from {frames}"
            except (UserError, StopIteration) as error:
                self._why_not = str(error) or "it gives no answer frame by frame"
                log.info("not asked after every frame, but at %d moments of each video: %s", CLIPS, self._why_not)
        if seconds and not os.path.isdir(video.path):
            return self._of_clips(video, prediction, seconds), "answer so far, from clips of the video up to now"
        return iter([replace(prediction, time=0.0)]), "answer of the whole video"

    def _distance(self, video: Video) -> tuple[float | None, str]:
        """The interval to take frames at, and what to say of it: of a video with fewer frames than that, every frame."""
        wanted = recipes.interval_of(self._recipe) if self._interval is None else self._interval
        rate = Reader(video.path).rate
        if not wanted:
            return self._interval, "every frame"
        if rate is not None and rate * wanted < 1:
            return 0.0, f"every frame, {1 / rate:.3g} s apart ({wanted:.3g} s are wanted)"
        return wanted, f"frames {wanted:.3g} s apart"

    def _of_clips(self, video: Video, prediction: Prediction, seconds: float) -> Iterator[Prediction]:
        rate = Reader(video.path).rate
        least = max(entry["frames"] / (entry["fps"] or rate) for entry in self._recipe["streams"].values())  # of a whole clip
        for k in range(1, CLIPS):
            time = seconds * k / CLIPS
            if time < least:
                continue
            so_far = self._predictor(Video(video.path, (), video.start, (video.start or 0.0) + time))
            if so_far.error is None:
                yield replace(so_far, time=time)
        yield replace(prediction, time=max(seconds - 1 / CLIPS, 0.0))


# === What is shown at a time ===


class Running:
    """The answers of a recogniser so far.

    Args:
        answers: with their times, rising.
        seconds: of the whole video, where that is known.
        window: as for `Curves`.

    Attributes:
        caption: of the answers to come.
        plot: the curves.
        rows: most bars.
    """

    def __init__(self, answers, caption: str, recipe: dict, top: int, seconds: float | None, window: float | None = None):
        self._answers, self.caption, self._recipe, self._top = iter(answers), caption, recipe, top
        self.plot, self.rows = Curves(recipe["classes"], seconds, window), min(top, len(recipe["classes"]))
        self._next: Prediction | None = next(self._answers, None)
        self._shown = Answer("…", caption)

    def at(self, time: float, view: tuple[int, int]) -> Answer:
        """The answer at a time, which rises; heat as large as `view`."""
        while self._next is not None and self._next.time <= time + 1e-6:
            self.show(self._next, view)
            self._next = next(self._answers, None)
        return self._shown

    def show(self, now: Prediction, view: tuple[int, int]) -> None:
        """Take an answer as the newest."""
        self.plot.add(now.time, list(now.probabilities.values()))
        heat = heat_map(now.attention, *view, self._recipe)
        self._shown = Answer(title_of(now, self._recipe), self.caption, now.top(self._top), heat)


class Moments:
    """Labels of moments: those of now, and all segments as tracks."""

    def __init__(self, prediction: Prediction, classes: tuple[str, ...]):
        self._prediction, self._places = prediction, {name: k for k, name in enumerate(classes)}
        seconds = dict.fromkeys(classes, 0.0)
        for segment in prediction.segments:
            seconds[segment.label] += segment.end - segment.start
        most = sorted(classes, key=lambda name: (-seconds[name], -prediction.moments[:, self._places[name]].mean()))
        self._names = sorted(most[:TRACKS], key=self._places.get)
        self.rows = len(self._names)
        segments = [(segment.label, segment.start, segment.end) for segment in prediction.segments]
        self.plot = Tracks(segments, len(prediction.moments) / prediction.rate)

    def at(self, time: float, view: tuple[int, int]) -> Answer:
        """The labels at a time."""
        given = self._prediction
        row = given.moments[min(int(time * given.rate + 1e-3), len(given.moments) - 1)]
        labels = [segment.label for segment in given.segments if segment.start <= time + 1e-3 < segment.end]
        bars = [(name, float(row[self._places[name]])) for name in self._names]
        return Answer(", ".join(labels) or "no label", f"labels now, of {given.rate:.3g} frames a second", bars)


class Coming:
    """Labels that are to come after the last frame."""

    plot = None

    def __init__(self, prediction: Prediction):
        steps = np.unique(np.linspace(0, len(prediction.coming) - 1, min(TRACKS, len(prediction.coming))).round().astype(int))
        bars = []
        for step in steps:
            label, score = max(prediction.coming[step].items(), key=lambda item: item[1])
            bars.append((f"+{(step + 1) / prediction.rate:.2g} s {label}", score))
        self.rows = len(bars)
        first = max(prediction.coming[0].items(), key=lambda item: item[1])
        self._answer = Answer(f"to come: {first[0]} {first[1]:.2f}", "labels to come after the last frame", bars)

    def at(self, time: float, view: tuple[int, int]) -> Answer:
        """The same at all times."""
        return self._answer


def title_of(now: Prediction, recipe: dict) -> str:
    """The label with its score, or the labels, where there may be several."""
    if recipe["target"] != "multilabel" and recipe["evaluation"].get("single", True):
        return f"{now.label} {now.score:.2f}"
    return ", ".join(f"{name} {now.probabilities[name]:.2f}" for name in now.labels) or f"no label of {LIKELY} or more"
