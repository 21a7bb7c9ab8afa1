"""Weights of a network that Caffe released, as a file for --model.weights; Caffe is not needed, nor a network connection.

    python -m videorec.tools.caffe_weights googlenet bvlc_googlenet.caffemodel googlenet.weights.h5
    python -m videorec.tools.caffe_weights caffenet bvlc_reference_caffenet.caffemodel caffenet.weights.h5
    python train.py lrcn --data.path videos/ --model.backbone googlenet --model.weights googlenet.weights.h5

Caffe's input is BGR from 0 to 255 less a mean. The backbones here do that inside, on RGB frames, with a mean of their own;
where the file's network was trained with another, the difference goes into the biases of its first layer, so that nothing is to
be set later.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from annotated_types import Ge, Le

from videorec import terminal
from videorec.config import UserError

if TYPE_CHECKING:  # with Keras, which takes seconds to import: not for --help
    import keras
    import numpy as np

    from videorec.tools.caffe_weights_file import CaffeLayer

log = logging.getLogger("caffe_weights")

# B, G and R of what the release subtracted, where it is not the mean of the backbone here: the average of the mean picture.
MEANS = {"caffenet": (104.00699, 116.66877, 122.67891)}
LISTED = 8  # layers in a message
Level = Annotated[float, Ge(0), Le(255)]  # of a pixel


@dataclass(frozen=True)
class Options:
    """Which network, from which file, to which file."""

    backbone: tyro.conf.Positional[Literal["caffenet", "caffenet_hybrid", "googlenet"]]
    """The network that the file holds."""
    source: tyro.conf.Positional[Path]
    """The released .caffemodel."""
    out: tyro.conf.Positional[Path]
    """The file to write, NAME.weights.h5."""
    mean: tuple[Level, Level, Level] | None = None
    """B, G and R that the file's network was trained with. Default: that of the release."""
    overwrite: bool = False
    """Replace the file where it exists."""


def main(args: list[str]) -> int:
    """Read -> compare -> write."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.caffe_weights")
    source, out = options.source.expanduser(), options.out.expanduser()
    if not out.name.endswith(".weights.h5"):
        raise UserError(f"The file to write must be called NAME.weights.h5. Received: {out}")
    if out.exists() and not options.overwrite:
        raise UserError(f"{out} exists already. Replace it with --overwrite, or write elsewhere")

    from videorec.models import backbones
    from videorec.storage import files
    from videorec.tools import caffe_weights_file

    layers, spec = caffe_weights_file.read(source), backbones.find(options.backbone)
    network = spec.network(input_shape=(spec.fc_size or 224, spec.fc_size or 224, 3), include_top=bool(spec.fc), weights=None)
    fill(network, layers, source)
    mean = options.mean or MEANS.get(options.backbone, spec.mean)
    change_mean(network, mean, spec.mean)
    files.make_folder(out.parent)
    finished = out.with_name(f"new_{out.name}")  # Keras asks for this ending
    network.save_weights(finished)
    files.replace(finished, out)
    log.info("%s: %s weights of %s, which subtracted %s (B, G, R)", out, f"{network.count_params():,}", source, mean)
    log.info("python train.py lrcn --data.path videos/ --model.backbone %s --model.weights %s", options.backbone, out)
    return 0


def fill(network: "keras.Model", layers: "dict[str, CaffeLayer]", source: Path) -> None:
    """Set the weights of a network from those of Caffe's layers of the same names; what else the file holds is left out.

    Raises:
        UserError: layers that are missing or of other shapes, or that normalise something else; nothing is set then.
    """
    own = [layer for layer in network.layers if layer.weights]
    wrong = [line for layer in own if (line := _difference(layer, layers.get(layer.name)))]
    wrong += [line for layer in network.layers if (line := _other_order(layer, layers.get(layer.name)))]
    if wrong:
        more = [f"  ... and {len(wrong) - LISTED} more"] if len(wrong) > LISTED else []
        there = ", ".join(terminal.visible(name) for name, layer in list(layers.items()) if layer.arrays)[:300]
        raise UserError(
            f"{source} does not hold {network.name}: {len(wrong)} of its layers differ.\n"
            + "\n".join(wrong[:LISTED] + more)
            + f"\nLayers with weights in the file: {there}\nName the network that the file holds, or give another file."
        )
    for layer in own:
        kernel, bias = (array.reshape(shape) for array, shape in zip(layers[layer.name].arrays, _shapes(layer), strict=True))
        layer.set_weights([_as_keras(layer, kernel), bias])


def change_mean(network: "keras.Model", theirs: tuple[float, ...], ours: tuple[float, ...]) -> None:
    """Let a network that was trained on frames less the mean `theirs` take frames less `ours`: W (x - theirs) + b is
    W (x - ours) + (b + W (ours - theirs)).

    Raises:
        UserError: its first layer reads zeros around the frame, so that biases cannot make up for a mean.
    """
    if tuple(theirs) == tuple(ours):
        return
    first = next(layer for layer in network.layers if layer.weights)
    if type(_source(first)).__name__ != "InputLayer" or first.padding != "valid":
        mean = " ".join(f"{value:g}" for value in ours)
        raise UserError(f"{network.name} pads its frames: --mean must be {mean}. Received: {' '.join(map(str, theirs))}")
    kernel, bias = first.get_weights()  # (height, width, in, out)
    first.set_weights([kernel, bias + kernel.sum((0, 1)).T @ [b - a for a, b in zip(theirs, ours, strict=True)]])


def _shapes(layer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Kernel and bias in Caffe: outputs ahead of inputs, places last."""
    *places, inputs, outputs = layer.kernel.shape
    return (outputs, inputs, *places), (outputs,)


def _as_keras(layer, kernel: "np.ndarray") -> "np.ndarray":
    """Inputs ahead of outputs. A matrix on a flattened map: Caffe flattens channel by channel, Keras place by place."""
    if kernel.ndim == 4:
        return kernel.transpose(2, 3, 1, 0)
    height, width, channels = _source(_source(layer)).output.shape[1:]
    return kernel.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(-1, len(kernel))


def _source(layer):
    """The layer that a layer reads, its first."""
    return layer.input._keras_history.operation


def _difference(layer, given: "CaffeLayer | None") -> str | None:
    """What is wrong with the arrays of a layer, in words."""
    there = [_short(array.shape) for array in given.arrays] if given else []
    expected = [_short(shape) for shape in _shapes(layer)]
    said = ", ".join(map(str, there)) or "nothing"
    return None if there == expected else f"  {layer.name}: expected {expected[0]}, {expected[1]}, the file has {said}"


def _other_order(layer, given: "CaffeLayer | None") -> str | None:
    """AlexNet's arrays are CaffeNet's; but it normalises ahead of the pooling, not after it."""
    if type(layer).__name__ != "LocalResponseNormalization" or not given or given.bottoms == (_source(layer).name,):
        return None
    return f"  {layer.name} reads {_source(layer).name} here, and in the file {', '.join(map(terminal.visible, given.bottoms))}"


def _short(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the ones ahead of it."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape


if __name__ == "__main__":
    terminal.run(main)
