"""`Prediction`: what a model says of one video, or, in a stream, of the frames so far."""

from dataclasses import dataclass, field

import numpy as np

from videorec.reports.segments import PredictedSegment

LIKELY = 0.5  # probability from which on a label is given where there may be several


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What a model says of one video; fields that its task does not have stay empty.

    Where the video cannot be read, `error` says why, and nothing else is there. Times count from the first frame that is read,
    that of the segment where a segment of a video was given.
    """

    video: str = ""
    """Its path, with the segment where there is one."""
    error: str | None = None
    """Why nothing could be predicted."""
    damage: str = ""
    """What is broken or missing where only a part of it can be decoded; the answer is of that part."""
    label: str | None = None
    """The most probable class (of a clip, or of the moment that a stream is at)."""
    score: float | None = None
    """Its probability."""
    probabilities: dict[str, float] = field(default_factory=dict)
    """Of every class, in the order of the model's outputs."""
    labels: tuple[str, ...] = ()
    """Where several labels may be true: those of probability 0.5 or more, the most probable first."""
    segments: tuple[PredictedSegment, ...] = ()
    """Labels of moments: from when to when, in seconds."""
    moments: np.ndarray | None = None
    """Labels of moments: probabilities `(T, C)` float32 of every frame; frame k stands for the time k / rate."""
    rate: float | None = None
    """Frames a second of `moments`, or of `coming`."""
    coming: tuple[dict[str, float], ...] = ()
    """Labels to come: the probabilities of every class at each of the K steps after the last frame."""
    frames: np.ndarray | None = None
    """Forecasts: the K coming frames `(K, H, W, C)` float32 in [0, 1]."""
    seen: np.ndarray | None = None
    """Forecasts: the J frames that the model saw `(J, H, W, C)`, as it takes them."""
    attention: dict[str, np.ndarray] = field(default_factory=dict)
    """Coefficients of attention models by output, without the batch axis."""
    time: float | None = None
    """Streams: seconds from the first frame to the one that this is about."""
    frame: np.ndarray | None = None
    """Streams: that frame `(H, W, 3)` uint8, RGB, as it came."""

    def __repr__(self):
        answer = "" if self.label is None else f", {self.label} {self.score:.3f}"
        segments = f", {len(self.segments)} segments" if self.moments is not None else ""
        frames = "" if self.frames is None else f", {len(self.frames)} frames"
        error = "" if self.error is None else f", error: {self.error}"
        time = "" if self.time is None else f", {self.time:.3f} s"
        return f"Prediction({self.video!r}{time}{answer}{segments}{frames}{error})"

    def top(self, number: int = 5) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities."""
        return sorted(self.probabilities.items(), key=lambda item: -item[1])[:number]

    def as_dict(self) -> dict:
        """As plain JSON types, without arrays and without what is empty."""
        if self.error is not None:
            return {"video": self.video, "error": self.error}
        entries = {
            "video": self.video,
            "damage": self.damage,
            "time": None if self.time is None else round(self.time, 3),
            "label": self.label,
            "score": self.score,
            "labels": list(self.labels),
            "probabilities": self.probabilities,
            "coming": list(self.coming),
            "rate": self.rate,
            "frames": None if self.frames is None else list(self.frames.shape),
        }
        entries = {name: value for name, value in entries.items() if value not in (None, {}, [], "")}
        if self.moments is not None:
            entries["segments"] = [_as_dict(segment) for segment in self.segments]
        return entries


def _as_dict(segment: PredictedSegment) -> dict:
    times = {"start": round(segment.start, 3), "end": round(segment.end, 3)}
    return {"label": segment.label, **times, "score": round(segment.score, 6)}


def of_classes(probabilities: np.ndarray, classes: tuple[str, ...], several: bool) -> dict:
    """The fields `label`, `score`, `probabilities` and `labels` from `(C,)` probabilities."""
    values = {name: float(p) for name, p in zip(classes, probabilities, strict=True)}
    label = max(values, key=values.get)
    likely = sorted((name for name in values if values[name] >= LIKELY), key=lambda name: -values[name])
    return {"label": label, "score": values[label], "probabilities": values, "labels": tuple(likely) if several else ()}
