"""A model frame by frame, in any of its forms: one frame in, what is known then out."""

from abc import ABC, abstractmethod

import keras
import numpy as np

from videorec.inference.stream import Stream

Rows = dict[str, np.ndarray]  # {output: (t, ...)}


class Stepper(ABC):
    """One stream, from its first frame on."""

    @abstractmethod
    def push(self, pictures: dict[str, np.ndarray]) -> Rows:
        """What becomes known with a frame: a row of every output, none of one that comes later.

        Args:
            pictures: `{stream: (*resize, 3)}` uint8, or what a forecaster takes, `(H, W, C)`.
        """

    @abstractmethod
    def end(self) -> Rows:
        """What is known once no frame comes any more."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what came: the next frame begins another stream."""


class KerasStepper(Stepper):
    """A Keras model.

    Raises:
        UserError: it does not run frame by frame, and why.
    """

    def __init__(self, model: keras.Model, recipe: dict):
        self._stream, self._crop = Stream(model), recipe["pictures"].get("crop")

    def push(self, pictures):
        frames = {name: self._cropped(picture)[None, None] for name, picture in pictures.items()}  # (1, 1, H, W, C)
        return {name: rows[0] for name, rows in self._stream.push(frames).items()}

    def end(self):
        return {name: rows[0] for name, rows in self._stream.end().items()}

    def reset(self):
        self._stream.reset()

    def _cropped(self, picture: np.ndarray) -> np.ndarray:
        if self._crop is None:
            return picture
        top, left = ((size - part) // 2 for size, part in zip(picture.shape[:2], self._crop, strict=True))
        return picture[top : top + self._crop[0], left : left + self._crop[1]]
