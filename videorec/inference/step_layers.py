"""What each kind of layer does with the steps of a sequence: for models that run step by step.

A layer that is not named here could look at other steps. It is refused, so that no wrong number comes out of a stream.
"""

import math

import keras
from keras import layers, tree

from videorec.config import UserError
from videorec.layers import AttentionCoverage, SpatialAttentionLSTM, StepAggregation, TemporalPooling, TimeDistributed
from videorec.layers.spatial_attention_cell import FirstFrameStateCell

# Each step alone, whatever their settings.
_EACH_STEP = (
    AttentionCoverage,
    TimeDistributed,
    layers.TimeDistributed,
    layers.Activation,
    layers.AlphaDropout,
    layers.Dense,
    layers.Dropout,
    layers.ELU,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.LeakyReLU,
    layers.ReLU,
    layers.Rescaling,
    layers.SpatialDropout3D,
)
# Operations of Keras, without a public class, on each value alone: where a network is called on the outputs of another.
_EACH_VALUE = ("Cast", "ConvertToTensor")
# Each step alone, unless the axis that they work along is time.
_ALONG_AN_AXIS = (
    layers.BatchNormalization,
    layers.Concatenate,
    layers.LayerNormalization,
    layers.RMSNormalization,
    layers.Softmax,
    layers.UnitNormalization,
)
# Each step alone, where all inputs have the same axes.
_ELEMENTWISE = (layers.Add, layers.Average, layers.Maximum, layers.Minimum, layers.Multiply, layers.Subtract)
# One result for all steps.
_JOINING = (
    StepAggregation,
    TemporalPooling,
    layers.Flatten,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling3D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling3D,
)
# Keras's own recurrent layers; others say themselves that they are `causal`.
_RECURRENT = (
    layers.ConvLSTM1D,
    layers.ConvLSTM2D,
    layers.ConvLSTM3D,
    layers.GRU,
    layers.LSTM,
    layers.RNN,
    layers.SimpleRNN,
)


def why_not_causal(layer) -> str | None:
    """The reason why no output of the layer is known before the sequence ends, or None.

    A temporal layer with an attribute `causal` says so itself; a cell that can `flush` only makes its outputs late.
    """
    if isinstance(layer, layers.Bidirectional):
        return "it reads the sequence in both directions"
    if getattr(layer, "go_backwards", False):
        return "it reads the sequence backwards"
    if getattr(layer, "stateful", False):
        return "it keeps states of its own (stateful)"
    if isinstance(layer, SpatialAttentionLSTM) and not layer.causal:
        return "its first state is the mean over the whole sequence (initial_state_from='mean')"
    if getattr(layer, "causal", True) or hasattr(getattr(layer, "cell", None), "flush"):
        return None
    return f"it is not causal ({type(layer).__name__}): its outputs depend on later steps"


def step_cell(layer):
    """One step of a temporal layer, `(inputs, states) -> (outputs, new states)` with `get_initial_state(batch_size)`; None
    for all other layers."""
    if type(layer) not in _RECURRENT and not hasattr(layer, "causal"):
        return None
    cell = getattr(layer, "cell", None)
    if isinstance(layer, SpatialAttentionLSTM) and cell.initial_state_from == "first_frame":
        return FirstFrameStateCell(cell)
    return cell if hasattr(cell, "get_initial_state") else None


def joins_steps(layer) -> bool:
    """Whether the layer makes one result of all steps."""
    if isinstance(layer, layers.Concatenate):
        return layer.axis % len(layer.output.shape) == 1
    return isinstance(layer, _JOINING) or (step_cell(layer) is not None and not getattr(layer, "return_sequences", True))


def check_each_step(layer, shapes: list[tuple]) -> None:
    """Raises UserError unless the layer treats each step alone.

    Args:
        layer: any that is not temporal.
        shapes: of its inputs, `(B, T, ...)`.
    """
    known = isinstance(layer, _EACH_STEP) or (
        type(layer).__name__ in _EACH_VALUE and type(layer).__module__.startswith("keras.")
    )
    if isinstance(layer, _ALONG_AN_AXIS):
        known = all(axis % len(shapes[0]) != 1 for axis in tree.flatten(layer.axis))
    elif isinstance(layer, _ELEMENTWISE):
        known = len({len(shape) for shape in shapes}) == 1
    elif isinstance(layer, layers.Reshape):
        first, *rest = layer.target_shape
        known = first == -1 and -1 not in rest and math.prod(rest) == math.prod(shapes[0][2:])
    activation = getattr(layer, "activation", None)
    if known and activation is not None:  # Keras's own treat each value alone, or work along the last axis
        known = activation.__module__.startswith("keras.")
    if not known:
        raise UserError(
            f"The layer {layer.name} ({type(layer).__name__}) is not known to treat each step alone, so that the model cannot "
            "run step by step. videorec.inference.step_layers names those that do; a layer with a memory needs a cell and an "
            "attribute causal."
        )


def is_network(layer) -> bool:
    """Whether the layer is a functional model."""
    return isinstance(layer, keras.Model) and hasattr(layer, "_run_through_graph")
