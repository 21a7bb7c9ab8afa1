"""Long clips in little memory: the frames of a batch go through the CNN in parts, their features through the rest at once."""

import functools
import math

import keras
import numpy as np
from keras import tree

from videorec.models.backend import taken, without_xla
from videorec.models.split import backbone_layers, cut, taps

AT_ONCE = 64  # frames


class Framewise:
    """Runs a model with at most `at_once` frames in a CNN at a time.

    A `TimeDistributed` backbone holds the maps of all frames of a batch at once: with 300 frames of 224 x 224 px in
    MobileNetV2 that is gigabytes. The features are small, and the rest of the model gets them whole.

    Args:
        model: whose backbones, if any, each read one of its inputs `{stream: (B, T, H, W, 3)}`.
        at_once: frames. Batches of no more go through the model as it is, and so does everything where it has no backbone.

    Raises:
        ValueError: `at_once` below 1.
    """

    def __init__(self, model: keras.Model, at_once: int = AT_ONCE):
        if at_once < 1:
            raise ValueError(f"at_once must be 1 or more. Received: {at_once}")
        self.model, self.at_once = model, at_once
        self._cnns = {stream: _predicting(layer.layer) for stream, layer in backbone_layers(model).items()}

    def predict(self, inputs: dict) -> dict[str, np.ndarray]:
        """The outputs of the model, as those of `model.predict_on_batch(inputs)`. (Of a model that ends in its backbones,
        ask for `features`.)

        Args:
            inputs: `{stream: (B, T, H, W, 3)}` uint8, arrays or tensors.
        """
        if self._is_small(inputs):
            return _arrays(self.model.predict_on_batch(taken(inputs)))
        return _arrays(self._head.predict_on_batch(self.features(inputs)))

    def features(self, inputs: dict) -> dict[str, np.ndarray]:
        """The outputs of the backbones, `{stream: (B, T, ...)}`, or `{stream}_0`, `{stream}_1`, ... for one with several.

        Args:
            inputs: as for `predict`.
        """
        features = {}
        for stream, cnn in self._cnns.items():
            clips = keras.ops.convert_to_numpy(inputs[stream])  # (B, T, H, W, 3)
            frames = clips.reshape(-1, *clips.shape[2:])  # (B * T, H, W, 3)
            # Parts that differ by one frame at most: a graph is traced for two shapes, whatever the number of frames.
            parts = np.array_split(frames, max(math.ceil(len(frames) / self.at_once), 1))
            outputs = [_arrays(cnn.predict_on_batch(part)) for part in parts]
            whole = tree.map_structure(lambda *rows: np.concatenate(rows), *outputs)  # (B * T, ...)
            clipwise = tree.map_structure(lambda rows, shape=clips.shape[:2]: rows.reshape(*shape, *rows.shape[1:]), whole)
            features |= taps(stream, clipwise)  # (B, T, ...)
        return features

    def _is_small(self, inputs) -> bool:
        return all(math.prod(inputs[stream].shape[:2]) <= self.at_once for stream in self._cnns)

    @functools.cached_property
    def _head(self) -> keras.Model:
        return without_xla(cut(self.model)[1])


def _predicting(cnn: keras.Model) -> keras.Model:
    """The same layers as a model of its own."""
    return without_xla(keras.Model(cnn.input, cnn.output))


def _arrays(outputs):
    return tree.map_structure(keras.ops.convert_to_numpy, outputs)
