"""The backbones by name. A new one is an entry here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np
from keras import applications, layers

from videorec.models.backbones.caffenet import FC_SIZE, caffenet, caffenet_hybrid
from videorec.models.backbones.googlenet import MEAN, googlenet
from videorec.models.backbones.thumbnail import thumbnail
from videorec.models.backbones.tiny import tiny


@dataclass(frozen=True)
class Backbone:
    """What `build` needs to know of a CNN."""

    network: Callable[..., keras.Model]
    """`network(input_shape=, include_top=, weights=)`, as those of keras.applications: a model from scaled frames to its last
    map, with `include_top` at least to the layer `fc`."""
    scaling: str
    """What its input is: `unit`: [-1, 1]; `caffe`: BGR less a mean; `none`: [0, 255]."""
    mean: tuple[float, float, float] = (103.939, 116.779, 123.68)
    """`caffe`: the mean of B, G and R; that of flow is 128 for all."""
    fc: str | None = None
    """The layer of its `fc` tap."""
    fc_size: int | None = None
    """Height and width of the frames that this tap asks for."""
    imagenet: bool = True
    """Whether there are ImageNet weights to download."""
    min_size: int = 32
    """The smallest frame, height and width."""
    levels: tuple[str, ...] = ()
    """The last layer of each resolution, fine to coarse."""
    export_tolerance: float = 1e-5
    """Largest difference between Keras and an export, of probabilities; more where there are many wide layers."""


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


_CAFFENET = Backbone(
    caffenet,
    "caffe",
    fc="fc6",
    fc_size=FC_SIZE,
    imagenet=False,
    min_size=64,
    levels=("pool1", "pool2", "pool5"),
    export_tolerance=1e-4,
)
_MOBILENET = Backbone(
    applications.MobileNet,
    "unit",
    levels=("conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_11_relu", "conv_pw_13_relu"),
)
_MOBILENET_V2 = Backbone(
    applications.MobileNetV2,
    "unit",
    levels=("block_2_add", "block_5_add", "block_12_add", "out_relu"),
)

BACKBONES = {
    "caffenet": _CAFFENET,
    "caffenet_hybrid": replace(_CAFFENET, network=caffenet_hybrid),
    "efficientnet_b0": Backbone(
        _efficientnet_b0,
        "none",
        levels=("block2b_add", "block3b_add", "block5c_add", "top_activation"),
        export_tolerance=1e-4,
    ),
    "googlenet": Backbone(
        googlenet,
        "caffe",
        mean=MEAN,
        imagenet=False,
        levels=("conv2_norm2", "inception_3b_output", "inception_4e_output", "inception_5b_output"),
        export_tolerance=1e-4,
    ),
    "inception_v3": Backbone(
        applications.InceptionV3,
        "unit",
        min_size=75,
        levels=("mixed2", "mixed7", "mixed10"),
        export_tolerance=1e-4,
    ),
    "mobilenet": _MOBILENET,
    "mobilenet_025": replace(_MOBILENET, network=partial(applications.MobileNet, alpha=0.25)),
    "mobilenet_v2": _MOBILENET_V2,
    "mobilenet_v2_035": replace(_MOBILENET_V2, network=partial(applications.MobileNetV2, alpha=0.35)),
    "resnet50": Backbone(
        applications.ResNet50,
        "caffe",
        levels=("conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        export_tolerance=1e-4,
    ),
    "thumbnail": Backbone(
        thumbnail,
        "unit",
        imagenet=False,
        min_size=8,
        levels=("halved1", "halved2", "halved3"),
    ),
    "tiny": Backbone(
        tiny,
        "unit",
        fc="fc",
        imagenet=False,
        min_size=8,
        levels=("conv1", "conv2", "conv4"),
    ),
    "vgg16": Backbone(
        applications.VGG16,
        "caffe",
        fc="fc2",
        fc_size=224,
        levels=("block2_pool", "block3_pool", "block4_pool", "block5_pool"),  # GRU-RCN's percepts, with fc7
        export_tolerance=1e-4,
    ),
}
