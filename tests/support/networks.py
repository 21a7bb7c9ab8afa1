"""Small networks that run step by step, or do not."""

import keras

from videorec import models
from videorec.models.backbones.tiny import TINY


def network(layer, shape=(None, 5), shapes=None, **others):
    """A model of one layer (or function of tensors), on features of the given shape."""
    inputs = (
        {"rgb": keras.Input(shape, name="rgb")} if shapes is None else {k: keras.Input(s, name=k) for k, s in shapes.items()}
    )
    tensors = list(inputs.values())
    return keras.Model(inputs, {"steps": layer(tensors if shapes else tensors[0])} | others)


def multi_lstm(**options):
    return models.build("multi_lstm", {"rgb": (None, 32, 32, 3)}, 4, **TINY, units=6, window=4, **options)
