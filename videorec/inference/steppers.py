"""What a form of a model that runs frame by frame offers, and a run's own model so."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import keras
import numpy as np

from videorec.inference.stream import Stream

Clips = dict[str, np.ndarray]  # {stream: (B, T, H, W, C)}


class Stepper(Protocol):
    """One stream from its first frame on; see `videorec.inference.stream.Stream`."""

    def push(self, inputs: Clips) -> dict[str, np.ndarray]:
        """What becomes known with a frame, `{output: (1, t, ...)}`: t = 1, or 0 of an output that comes later.

        Args:
            inputs: `{stream: (1, 1, *resize, 3)}` uint8, or what a forecaster takes, `(1, 1, H, W, C)`.
        """

    def end(self) -> dict[str, np.ndarray]:
        """What is known once no frame comes any more, as `push`."""

    def reset(self) -> None:
        """Forget what came: the next frame begins another stream."""


class WindowStepper:
    """A recogniser whose clip model is asked again after every frame, about the last T: for models that must see a whole clip.
    Before there are T frames the last one is held, as where short videos are read.

    Args:
        predict: the clip model, `{stream: (1, T, *resize, 3)}` to `{output: (1, ...)}`.
        recipe: of a recogniser.
    """

    def __init__(self, predict: Callable[[Clips], Clips], recipe: dict):
        self._predict = predict
        self._last = {stream: deque(maxlen=entry["frames"]) for stream, entry in recipe["streams"].items()}

    def push(self, inputs: Clips) -> Clips:
        """See `Stepper`: the probabilities alone."""
        for stream, frames in inputs.items():
            self._last[stream].append(frames[0, 0])
        clip = {stream: np.stack([*last, *[last[-1]] * (last.maxlen - len(last))])[None] for stream, last in self._last.items()}
        outputs = self._predict(clip)
        return {"probabilities": outputs["probabilities"][:, None]}

    def end(self) -> Clips:
        """See `Stepper`."""
        return {}

    def reset(self) -> None:
        """See `Stepper`."""
        for last in self._last.values():
            last.clear()


class KerasStepper(Stream):
    """A run's model, which takes frames that are cropped: here the middle of those that are not yet.

    Raises:
        UserError: it does not run frame by frame, and why.
    """

    def __init__(self, model: keras.Model, recipe: dict):
        super().__init__(model, constant=True)  # nothing trains it here
        self._crop = recipe["pictures"].get("crop")

    def push(self, inputs):
        return super().push({stream: self._cropped(frames) for stream, frames in inputs.items()})

    def _cropped(self, frames: np.ndarray) -> np.ndarray:
        if self._crop is None:
            return frames
        top, left = ((size - part) // 2 for size, part in zip(frames.shape[2:4], self._crop, strict=True))
        return frames[:, :, top : top + self._crop[0], left : left + self._crop[1]]
