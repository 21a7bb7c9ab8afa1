"""The CNNs over single frames: `uint8` frame in, features out, with the input scaling that each one expects inside."""

import difflib
from collections.abc import Sequence

import keras
from keras import layers, tree

from videorec.config import UserError, nearest
from videorec.layers import CaffeScaling
from videorec.models.backbones.entries import BACKBONES, Backbone
from videorec.models.backbones.weights import load
from videorec.models.graph import entrances

BLOCKS = 8  # named in an error


def names() -> list[str]:
    """The names that `build` knows."""
    return sorted(BACKBONES)


def find(name: str) -> Backbone:
    """The entry of a backbone.

    Raises:
        UserError: an unknown name.
    """
    if name not in BACKBONES:
        raise UserError(f"No backbone is called {name!r}. {nearest(str(name), BACKBONES)}")
    return BACKBONES[name]


def levels(name: str) -> tuple[str, ...]:
    """The last layer of each resolution, fine to coarse: what a model that reads several maps takes by default."""
    return find(name).levels


def build(
    name: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    tap: str = "map",
    weights: str | None = None,
    trainable_from: str = "none",
    stream: str = "rgb",
    outputs: Sequence[str] | None = None,
) -> keras.Model:
    """A functional model from a `uint8` frame `(B, H, W, 3)` to features.

    Args:
        name: one of `names()`.
        input_shape: `(H, W, 3)`.
        tap: `map`: the last spatial map `(B, H', W', C)`; `pooled`: its mean over space `(B, C)`; `fc`: the fully
            connected layer `(B, D)` of those that have one (the frame is resized in the graph where it needs that).
        weights: `imagenet`, a weights file, or None.
        trainable_from: `none`, `all`, or the name of the first layer that is trained.
        stream: `rgb` or `flow`: Caffe's mean is ImageNet's for `rgb`, 128 for `flow`.
        outputs: names of layers whose outputs are returned too, in a list ahead of the tap's; in place of it with tap `map`.

    Raises:
        UserError: an unknown name, tap or layer; a frame that is too small; weights that are missing or do not fit.
    """
    spec = _checked(name, input_shape, tap)
    resized = (spec.fc_size, spec.fc_size) if tap == "fc" and spec.fc_size else tuple(input_shape[:2])
    features = _with_outputs(_network(name, spec, (*resized, 3), tap, weights, stream), outputs or (), tap)

    # === Functional Model ===
    frame = keras.Input(input_shape, dtype="uint8", name="frame")  # (B, H, W, 3)
    x = _scaled(frame, spec, stream)
    if resized != tuple(input_shape[:2]):
        x = layers.Resizing(*resized, name="resize")(x)
    # `call`, not the model itself: the layers then stand in one flat model, and can be found by name.
    taps = tree.flatten(features.call(x))
    if tap == "pooled":
        taps[-1] = layers.GlobalAveragePooling2D(name="pooled")(taps[-1])  # (B, C)
    model = keras.Model(frame, taps[0] if len(taps) == 1 else taps, name=name)
    _set_trainable(model, trainable_from, pretrained=weights is not None)
    return model


def _checked(name, input_shape, tap) -> Backbone:
    spec = find(name)
    if tap not in ("map", "pooled", "fc"):
        raise UserError(f"A tap is map, pooled or fc. Received: tap={tap!r}")
    if tap == "fc" and spec.fc is None:
        having = ", ".join(key for key, value in sorted(BACKBONES.items()) if value.fc)
        raise UserError(f"{name} has no fc tap: choose map or pooled, or a backbone that has one ({having}).")
    if len(input_shape) != 3 or None in tuple(input_shape) or input_shape[2] != 3:
        raise UserError(f"A frame is (height, width, 3), with fixed numbers. Received: {tuple(input_shape)}")
    if (tap != "fc" or not spec.fc_size) and min(input_shape[:2]) < spec.min_size:
        size = f"{input_shape[0]} x {input_shape[1]}"
        raise UserError(f"{name} needs frames of at least {spec.min_size} x {spec.min_size}. Received: {size}")
    return spec


def _network(name, spec, shape, tap, weights, stream) -> keras.Model:
    """The network with float input, up to the tap, with its weights."""
    imagenet = weights == "imagenet"
    if imagenet and not spec.imagenet:
        raise UserError(
            f"{name} has no ImageNet weights to download: give a weights file (the setting model.weights), or None to "
            "start from random weights (then with trainable_from all)."
        )
    try:
        network = spec.network(input_shape=shape, include_top=tap == "fc", weights="imagenet" if imagenet else None)
    except Exception as error:
        if not imagenet:
            raise
        raise UserError(
            f"The ImageNet weights of {name} could not be downloaded ({error}). Give a weights file (the setting "
            "model.weights), or None to start from random weights."
        ) from error
    if tap == "fc":
        network = keras.Model(network.inputs[0], network.get_layer(spec.fc).output, name=name)
    if weights is not None and not imagenet:
        load(network, weights, stream)
    return network


def _with_outputs(network, outputs, tap) -> keras.Model:
    """The network with the outputs of some layers ahead of its own, or in place of its map."""
    taps = [_layer(network, layer, "outputs").output for layer in outputs]
    if not (taps and tap == "map"):
        taps.append(network.output)
    return keras.Model(network.inputs[0], taps, name=network.name)


def _scaled(frame, spec, stream):
    if spec.scaling == "caffe":
        # Donahue et al. 2015 (their code): 128, the code of no motion, is the mean of all three flow channels.
        mean = (128.0, 128.0, 128.0) if stream == "flow" else spec.mean
        return CaffeScaling(mean, name="scale")(frame)
    if spec.scaling == "unit":
        return layers.Rescaling(1 / 127.5, -1.0, name="scale")(frame)  # [-1, 1]
    return layers.Rescaling(1.0, name="scale")(frame)  # [0, 255], as float


def _layer(model, name, setting):
    known = [layer.name for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    if name not in known:
        raise UserError(f"{model.name} has no layer {name!r} for {setting}. {nearest(str(name), known)}")
    return model.get_layer(name)


def _set_trainable(model, trainable_from, pretrained):
    if trainable_from == "none":
        model.trainable = False
        return
    names = [layer.name for layer in model.layers]
    if trainable_from not in ("all", *names):
        raise _not_trained_from(model, trainable_from, names)
    first = 0 if trainable_from == "all" else names.index(trainable_from)
    for number, layer in enumerate(model.layers):
        # BatchNorm trains only in a network trained whole from random weights. The frames of a clip look alike and a
        # batch holds few clips, so its statistics are poor, and pretrained layers fit the stored ones better. Not
        # trainable also means inference mode in Keras: the layer uses the stored statistics.
        frozen_norm = isinstance(layer, layers.BatchNormalization) and (pretrained or trainable_from != "all")
        layer.trainable = number >= first and not frozen_norm
    if trainable_from != "all" and not model.trainable_weights:
        raise _not_trained_from(model, trainable_from, [])


def _not_trained_from(model, given, names) -> UserError:
    """Names the last beginnings of blocks: a cache is smallest there, and there are up to hundreds of layers."""
    close = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
    return UserError(
        f"trainable_from must be none, all, or a layer of {model.name} with weights to train in it or after it. "
        + (f"Did you mean {' or '.join(close)}? " if close else "")
        + f"The last blocks begin at {', '.join(entrances(model)[-BLOCKS:])}. Received: {given}"
    )
