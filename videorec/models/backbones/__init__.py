"""The CNNs over single frames: `uint8` frame in, features out, with the input scaling that each one expects inside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from keras import applications, layers, tree

from videorec.config import UserError, nearest
from videorec.layers import CaffeScaling
from videorec.models.backbones.caffenet import FC_SIZE, caffenet, caffenet_hybrid
from videorec.models.backbones.tiny import tiny
from videorec.models.backbones.weights import load


@dataclass(frozen=True)
class Backbone:
    """How a CNN is built: `network(input_shape=, include_top=, weights=)`, the scaling of its input (`unit`: [-1, 1],
    `caffe`: BGR minus a mean, `none`: [0, 255]), the layer of its `fc` tap and the frame size that this tap fixes, and the
    last layers of its resolutions, fine to coarse."""

    network: Callable[..., keras.Model]
    scaling: str
    fc: str | None = None
    fc_size: int | None = None
    imagenet: bool = True
    min_size: int = 32
    levels: tuple[str, ...] = ()


def _efficientnet_b0(input_shape, include_top, weights=None) -> keras.Model:
    """EfficientNetB0 with one input scaling, (x / 255 - mean) / std, whatever the weights.

    Keras gives only the network built with weights="imagenet" its last division by sqrt(std), and leaves mean and std
    at 0 and 1 without weights. For a file or None, the division is therefore done ahead of the network here.
    """
    if weights == "imagenet":
        return applications.EfficientNetB0(input_shape=input_shape, include_top=include_top, weights=weights)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    frame = keras.Input(input_shape, name="scaled_frame")
    scale = 1 / np.sqrt(std)
    x = layers.Rescaling(scale.tolist(), (255 * mean * (1 - scale)).tolist(), name="std_correction")(frame)
    network = applications.EfficientNetB0(input_tensor=x, include_top=include_top, weights=None)
    for layer in network.layers:
        if isinstance(layer, layers.Normalization):
            layer.set_weights([mean, std, np.array(0)])  # std for the variance: so is Keras's file
            layer.finalize_state()
    return network


_CAFFENET = ("pool1", "pool2", "pool5")
_VGG16 = ("block2_pool", "block3_pool", "block4_pool", "block5_pool")  # GRU-RCN's percepts, with fc7
_RESNET50 = ("conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out")
_MOBILENET = ("conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_11_relu", "conv_pw_13_relu")
_MOBILENET_V2 = ("block_2_add", "block_5_add", "block_12_add", "out_relu")
_EFFICIENTNET_B0 = ("block2b_add", "block3b_add", "block5c_add", "top_activation")

_BACKBONES = {
    "caffenet": Backbone(caffenet, "caffe", "fc6", FC_SIZE, imagenet=False, min_size=64, levels=_CAFFENET),
    "caffenet_hybrid": Backbone(caffenet_hybrid, "caffe", "fc6", FC_SIZE, imagenet=False, min_size=64, levels=_CAFFENET),
    "vgg16": Backbone(applications.VGG16, "caffe", "fc2", 224, levels=_VGG16),
    "inception_v3": Backbone(applications.InceptionV3, "unit", min_size=75, levels=("mixed2", "mixed7", "mixed10")),
    "resnet50": Backbone(applications.ResNet50, "caffe", levels=_RESNET50),
    "mobilenet": Backbone(applications.MobileNet, "unit", levels=_MOBILENET),
    "mobilenet_025": Backbone(partial(applications.MobileNet, alpha=0.25), "unit", levels=_MOBILENET),
    "mobilenet_v2": Backbone(applications.MobileNetV2, "unit", levels=_MOBILENET_V2),
    "mobilenet_v2_035": Backbone(partial(applications.MobileNetV2, alpha=0.35), "unit", levels=_MOBILENET_V2),
    "efficientnet_b0": Backbone(_efficientnet_b0, "none", levels=_EFFICIENTNET_B0),
    "tiny": Backbone(tiny, "unit", "fc", imagenet=False, min_size=8, levels=("conv1", "conv2", "conv4")),
}


def names() -> list[str]:
    """The names that `build` knows."""
    return sorted(_BACKBONES)


def levels(name: str) -> tuple[str, ...]:
    """The last layer of each resolution, fine to coarse: what a model that reads several maps takes by default.

    Raises:
        UserError: an unknown name.
    """
    if name not in _BACKBONES:
        raise UserError(f"No backbone is called {name!r}. {nearest(str(name), _BACKBONES)}")
    return _BACKBONES[name].levels


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
    spec = _spec(name, input_shape, tap)
    resized = (spec.fc_size, spec.fc_size) if tap == "fc" and spec.fc_size else tuple(input_shape[:2])
    network = _network(name, spec, (*resized, 3), tap, weights, stream)
    taps = [_layer(network, layer, "outputs").output for layer in outputs or ()]
    if not (taps and tap == "map"):
        taps.append(network.output)
    features = keras.Model(network.inputs[0], taps, name=name)

    # === Functional Model ===
    frame = keras.Input(input_shape, dtype="uint8", name="frame")  # (B, H, W, 3)
    x = _scaled(frame, spec.scaling, stream)
    if resized != tuple(input_shape[:2]):
        x = layers.Resizing(*resized, name="resize")(x)
    # `call`, not the model itself: the layers then stand in one flat model, and can be found by name.
    taps = tree.flatten(features.call(x))
    if tap == "pooled":
        taps[-1] = layers.GlobalAveragePooling2D(name="pooled")(taps[-1])  # (B, C)
    model = keras.Model(frame, taps[0] if len(taps) == 1 else taps, name=name)
    _set_trainable(model, trainable_from, pretrained=weights is not None)
    return model


def _spec(name, input_shape, tap) -> Backbone:
    if name not in _BACKBONES:
        raise UserError(f"No backbone is called {name!r}. {nearest(str(name), _BACKBONES)}")
    spec = _BACKBONES[name]
    if tap not in ("map", "pooled", "fc"):
        raise UserError(f"A tap is map, pooled or fc. Received: tap={tap!r}")
    if tap == "fc" and spec.fc is None:
        having = ", ".join(key for key, value in sorted(_BACKBONES.items()) if value.fc)
        raise UserError(f"{name} has no fc tap: choose map or pooled, or a backbone that has one ({having}).")
    if len(input_shape) != 3 or None in tuple(input_shape) or input_shape[2] != 3:
        raise UserError(f"A frame is (height, width, 3), with fixed numbers. Received: {tuple(input_shape)}")
    if (tap != "fc" or not spec.fc_size) and min(input_shape[:2]) < spec.min_size:
        size = f"{input_shape[0]} x {input_shape[1]}"
        raise UserError(f"{name} needs frames of at least {spec.min_size} x {spec.min_size}. Received: {size}")
    return spec


def _network(name, spec, shape, tap, weights, stream) -> keras.Model:
    """The network with float input, cut at the tap, with its weights."""
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


def _scaled(frame, scaling, stream):
    if scaling == "caffe":
        # Donahue et al. 2015 (their code): 128, the code of no motion, is the mean of all three flow channels.
        mean = (128.0, 128.0, 128.0) if stream == "flow" else (103.939, 116.779, 123.68)
        return CaffeScaling(mean, name="scale")(frame)
    if scaling == "unit":
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
    first = 0 if trainable_from == "all" else model.layers.index(_layer(model, trainable_from, "trainable_from"))
    for number, layer in enumerate(model.layers):
        # BatchNorm trains only in a network trained whole from random weights. The frames of a clip look alike and a
        # batch holds few clips, so its statistics are poor, and pretrained layers fit the stored ones better. Not
        # trainable also means inference mode in Keras: the layer uses the stored statistics.
        frozen_norm = isinstance(layer, layers.BatchNormalization) and (pretrained or trainable_from != "all")
        layer.trainable = number >= first and not frozen_norm
