"""A small form of every layer, and what the tests of layers share."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from videorec import layers

TIME = 4


def random(*shape, seed=0, scale=1.0) -> np.ndarray:
    """Normal numbers, float32."""
    return np.random.default_rng(seed).normal(scale=scale, size=shape).astype("float32")


def numpy(tensors):
    """A nest of tensors or variables as one of arrays."""
    return keras.tree.map_structure(lambda x: keras.ops.convert_to_numpy(getattr(x, "value", x)), tensors)


def randomized(layer, scale=0.5):
    """A built layer with new weights, biases too."""
    for index, weight in enumerate(layer.trainable_weights):
        weight.assign(random(*weight.shape, seed=10 + index, scale=scale))
    return layer


def built(layer, *shapes, scale=0.5):
    """The layer, built for inputs of these shapes, with random weights."""
    layer.build(*shapes)
    return randomized(layer, scale)


def copied(layer, shape, **changes):
    """A layer with the same weights, and with some options changed."""
    config = layer.get_config()
    assert changes.keys() <= config.keys()
    copy = type(layer).from_config({**config, **changes})
    copy.build(shape)
    for new, old in zip(copy.trainable_weights, layer.trainable_weights, strict=True):
        new.assign(old)
    return copy


def assert_close(got, expected, atol=1e-5, rtol=1e-7):
    """Two nests of the same arrays."""
    for a, b in zip(keras.tree.flatten(numpy(got)), keras.tree.flatten(numpy(expected)), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=atol, rtol=rtol)


def part(sequences, steps: slice | np.ndarray):
    """Some steps of a sequence `(B, T, ...)`, or of a list of them."""
    return keras.tree.map_structure(lambda x: x[:, steps], sequences)


def by_steps(cell, sequences, states):
    """Outputs `(B, T, ...)` of a cell that is called step by step, and its last states."""
    outputs = []
    for t in range(keras.tree.flatten(sequences)[0].shape[1]):
        output, states = cell(part(sequences, t), states)
        outputs.append(numpy(output))
    return keras.tree.map_structure(lambda *steps: np.stack(steps, axis=1), *outputs), numpy(states)


@dataclasses.dataclass(frozen=True)
class Form:
    """A layer made small.

    Attributes:
        options: of the constructor, or a function that gives them.
        inputs: shapes of the arguments of a call without the batch size, None for the number of steps.
        call: further arguments of a call.
        outputs: of a recurrent layer: the number of outputs before any states. None: not recurrent, or different from
            another form in the equations of a step alone.
        losses: the number of losses that a call adds.
        half: type of the outputs under mixed precision.
        constant: ending of the path of a weight that no gradient moves.
    """

    options: dict | Callable[[], dict]
    inputs: tuple
    call: dict = dataclasses.field(default_factory=dict)
    outputs: int | None = None
    losses: int = 0
    half: str = "float16"
    constant: str = "none of them"

    def shapes(self, batch=2, time=TIME) -> list:
        """Shapes of the arguments."""

        def whole(shape):
            return (batch, *(time if side is None else side for side in shape))

        return keras.tree.map_shape_structure(whole, list(self.inputs))

    def arrays(self, batch=2, time=TIME) -> list:
        """Arguments in numbers."""
        return keras.tree.map_shape_structure(lambda shape: random(*shape), self.shapes(batch, time))

    def symbols(self, time=None) -> list:
        """Arguments of a functional model, the batch size open."""
        return keras.tree.map_shape_structure(lambda shape: keras.Input(shape[1:]), self.shapes(None, time))


VECTORS, MAPS = (None, 4), (None, 3, 4, 2)
PYRAMID = [(None, 4, 5, 3), (None, 2, 3, 2)]
BOTH = {"dropout": 0.3, "recurrent_dropout": 0.2}
SPATIAL = {"units": 4, "initial_state_from": "zeros", "recurrent_dropout": 0.2}
# By the layer's name; what is special about a form comes after a hyphen.
FORMS = {
    "AttentionCoverage": Form({"weight": 2.0}, (VECTORS,), losses=1),
    "AttentionDecoder": Form({"units": 4, "steps": 3, "score": "general"}, ((2,), VECTORS, [(4,), (4,)])),
    "CaffeScaling": Form({"mean": (1.0, 2.0, 3.0)}, ((4, 5, 3),)),
    "ConvGRU2D": Form({"filters": 3, "kernel_size": 3, **BOTH}, (MAPS,), outputs=1),
    "ConvGRU2D-reset_after": Form(
        {"filters": 3, "kernel_size": (3, 1), "use_bias": True, "reset_after": True, **BOTH}, (MAPS,)
    ),
    "DepthToSpace": Form({"patch": 2}, ((None, 3, 4, 8),)),
    "DotProductAttention": Form({}, ((4,), VECTORS)),
    "DotProductAttention-concat": Form({"score": "concat", "units": 3}, ((2, 6), VECTORS)),
    "DotProductAttention-general": Form({"score": "general"}, ((3,), VECTORS)),
    "BackgroundSubtraction": Form({}, (MAPS,)),
    "FrameDifferences": Form({"references": ("previous", "mean"), "radius": 2}, (MAPS,)),
    "LocalResponseNormalization": Form({"size": 3, "alpha": 0.1, "beta": 0.5, "k": 2.0}, ((3, 4, 6),)),
    "MeanOfSigmoids": Form({}, ([(4,), (4,)],)),
    "MeanOfSoftmaxes": Form({}, ([(4,), (4,)],)),
    "MovedFrames": Form({"reach": 1}, ([(4, 6, 2), (3, 2, 3, 12), (3, 4, 6, 5)],)),
    "MultipleOutput": Form({"weights": "distance", "delay": 1}, ((None, 3, 4),), half="float32"),
    "NextFrameConvLSTM2D": Form({"filters": [3, 2], "kernel_size": 3, "horizon": 3}, (MAPS,)),
    "PeepholeConvLSTM2D": Form({"filters": 3, "kernel_size": 3, **BOTH}, (MAPS,), outputs=1),
    "PeepholeConvLSTM2D-spatial": Form(
        {"filters": 3, "kernel_size": (1, 3), "recurrent_kernel_size": 1, "peephole": "spatial", **BOTH}, (MAPS,)
    ),
    "PeepholeConvLSTM2D-unconditional": Form(
        {"filters": 3, "kernel_size": 3, "unconditional": True}, ([(3, 4, 3), (3, 4, 3)],), {"steps": 4}
    ),
    "PeepholeLSTM": Form({"units": 3, **BOTH}, (VECTORS,), outputs=1),
    "PeepholeLSTM-full": Form(
        {"units": 3, "peephole": "full", "output_peephole": "old", "use_bias": False, **BOTH}, (VECTORS,)
    ),
    "PeepholeLSTM-unconditional": Form({"units": 3, "unconditional": True}, ([(3,), (3,)],), {"steps": 4}),
    "RunningBackgroundSubtraction": Form({"past": 2}, (MAPS,), half="float32"),
    "SpaceToDepth": Form({"patch": 2}, ((None, 4, 6, 3),)),
    "SpatialAttentionLSTM": Form({**SPATIAL, "layers": 2, "dropout": 0.3}, (MAPS,), outputs=1),
    "SpatialAttentionLSTM-additive": Form(
        {**SPATIAL, "score": "additive", "attention_layers": 3, "return_coefficients": True}, (MAPS,),
        constant="score/bias",
    ),
    "SpatialAttentionLSTM-dot": Form({**SPATIAL, "score": "dot", "return_coefficients": True}, (MAPS,)),
    "SpatialAttentionLSTM-mean": Form(
        {"units": 4, "layers": 2, "return_sequences": True, "return_coefficients": True}, (MAPS,)
    ),
    "StackedConvGRU2D": Form({"filters": (3, 2), "kernel_size": (3, 1), **BOTH}, (PYRAMID,), outputs=2),
    "StepAggregation": Form({"mode": "weighted", "exclusive": False}, (VECTORS,), half="float32"),
    "TemporalPooling": Form({"mode": "mean", "window": 3, "stride": 2}, (MAPS,)),
    "TemporalPooling-max": Form({}, (VECTORS,)),
    "TimeDistributed": Form(lambda: {"layer": keras.layers.Dense(3)}, (VECTORS,)),
    "UnconditionalConvGRU2D": Form({"filters": 3, "kernel_size": 3, "steps": 4, "recurrent_dropout": 0.2}, ((3, 4, 3),)),
    "WindowAttentionLSTM": Form(
        {"units": 3, "window": 3, "attention_units": 5, "return_coefficients": True, **BOTH}, (VECTORS,), outputs=2
    ),
    "WindowAttentionLSTM-dot": Form({"units": 4, "window": 3, "score": "dot", **BOTH}, (VECTORS,)),
    "WindowAttentionLSTM-projected": Form(
        {"units": 3, "window": 3, "score": "dot", "return_coefficients": True}, (VECTORS,)
    ),
    "WindowAttentionLSTM-uniform": Form({"units": 3, "window": 3, "score": "uniform"}, (VECTORS,)),
}  # fmt: skip
RECURRENT = [name for name, form in FORMS.items() if form.outputs]


def make(name: str, /, **changes):
    """The layer of a form, with some options changed."""
    options = FORMS[name].options
    options = options if isinstance(options, dict) else options()
    return getattr(layers, name.split("-")[0])(**{**options, **changes})


def make_built(name: str, /, time=TIME, **changes):
    """The same with random weights."""
    return built(make(name, **changes), *FORMS[name].shapes(time=time))


def run(name: str, layer, sequences, **kwargs) -> tuple[list, list]:
    """What a recurrent layer with `return_state` gives: outputs and states."""
    flat = numpy(keras.tree.flatten(layer(sequences, **kwargs)))
    return flat[: FORMS[name].outputs], flat[FORMS[name].outputs :]
