"""What each kind of layer does with the steps of a sequence: for models that run step by step.

A layer that is not named here could look at other steps. It is refused, so that no wrong number comes out of a stream.
"""

import math

import keras
from keras import layers, ops, tree

from videorec.inference.step_cells import JoinedGates, Recurrent, StepCell
from videorec.inference.step_joins import Join, Last, NextFrames
from videorec.inference.step_values import StepError
from videorec.inference.step_windows import ConvolvedWindows, PooledWindows
from videorec.layers import (
    AttentionCoverage,
    AttentionDecoder,
    BackgroundSubtraction,
    DepthToSpace,
    DotProductAttention,
    FrameDifferences,
    NextFrameConvLSTM2D,
    SpaceToDepth,
    SpatialAttentionLSTM,
    StepAggregation,
    TemporalPooling,
    TimeDistributed,
)
from videorec.layers.spatial_attention_cell import FirstFrameStateCell
from videorec.layers.step_aggregation import StepAggregationCell
from videorec.layers.temporal_pooling import TemporalPoolingCell

# Each step alone, whatever their settings.
_EACH_STEP = (
    AttentionCoverage,
    DepthToSpace,
    SpaceToDepth,
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
# Operations of Keras on each value alone: where a network is called on the outputs of another.
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
_GLOBAL_POOLING = (
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling3D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling3D,
)
# What looks back at whole sequences, and takes a mask of their steps.
ATTENTION = (AttentionDecoder, DotProductAttention)
# Keras's own recurrent layers; others say themselves that they are `causal`.
_CONV_LSTM = (layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)
_RECURRENT = (
    *_CONV_LSTM,
    layers.GRU,
    layers.LSTM,
    layers.RNN,
    layers.SimpleRNN,
)


def check_causal(layer) -> None:
    """Raises StepError where no output of the layer is known before the sequence ends.

    A temporal layer with an attribute `causal` says so itself; a cell that can `flush` only makes its outputs late.
    """
    if isinstance(layer, layers.Bidirectional):
        raise StepError("reads the sequence in both directions (--model.no-bidirectional does not)")
    if getattr(layer, "go_backwards", False):
        raise StepError("reads the sequence backwards (--model.no-bidirectional does not)")
    check_stateless(layer)
    if isinstance(layer, SpatialAttentionLSTM) and not layer.causal:
        instead = "--model.initial-state first_frame does not"
        raise StepError(f"starts from the mean over the whole sequence (initial_state_from='mean'; {instead})")
    if isinstance(layer, FrameDifferences) and not layer.causal:
        raise StepError("subtracts the mean over the whole sequence (--model.differences previous does not)")
    if isinstance(layer, BackgroundSubtraction):
        raise StepError("subtracts the median over the whole sequence (--model.past 300 and --model.no-background do not)")
    if not getattr(layer, "causal", True) and not hasattr(getattr(layer, "cell", None), "flush"):
        raise StepError(f"is not causal ({type(layer).__name__}): its outputs depend on later steps")


def check_stateless(layer) -> None:
    """Raises StepError where the layer remembers what it was called on."""
    if getattr(layer, "stateful", False):
        raise StepError("keeps states of its own (stateful)")


def recurrent_cell(layer):
    """One step of a recurrent layer, `(inputs, states) -> (outputs, new states)` with `get_initial_state(batch_size)`; None for
    all other layers."""
    if type(layer) not in _RECURRENT and not hasattr(layer, "causal"):
        return None
    cell = getattr(layer, "cell", None)
    if isinstance(layer, SpatialAttentionLSTM) and cell.initial_state_from == "first_frame":
        return FirstFrameStateCell(cell)
    if type(layer) in _CONV_LSTM and cell.data_format == "channels_last":
        return JoinedGates(cell)
    return cell if hasattr(cell, "get_initial_state") else None


def step_cell(layer, args, frame) -> StepCell | None:
    """One step of a layer with a memory; None for a layer without.

    Args:
        layer: built.
        args: it is called on in the clip's graph.
        frame: inputs of a step, `(B, ...)` or a nest of such.

    Raises:
        StepError: its steps cannot be taken one at a time.
    """
    kind = type(layer)  # no subclass: its call may be another
    if kind is TemporalPooling and layer.window is not None:
        return PooledWindows(layer.cell, layer.stride)
    if kind is layers.Conv3D and _steps_over_time(layer):
        return ConvolvedWindows(layer, frame)
    if kind is NextFrameConvLSTM2D:
        return NextFrames(layer)
    if cell := _joining_cell(layer, args, frame):
        return cell
    cell = recurrent_cell(layer)
    if cell is None:
        return None
    returns_state = getattr(layer, "return_state", False)
    if returns_state and isinstance(cell, FirstFrameStateCell):
        raise StepError("returns its states, which begin with the first frame")
    return Recurrent(cell, frame, getattr(layer, "return_sequences", True), returns_state)


def _joining_cell(layer, args, frame) -> StepCell | None:
    """One step of a layer that makes one result of all steps."""
    kind = type(layer)
    if kind is TemporalPooling:
        return Join(layer.cell)
    if kind is StepAggregation:
        return Join(_built(StepAggregationCell(layer.mode, layer.exclusive), frame))
    if kind in _GLOBAL_POOLING:
        return _global_pooling(layer, frame)
    name = _operation(layer)
    if name in ("Mean", "Max") and layer.axis is not None and list(layer.axis) == [1]:
        cell = _built(TemporalPoolingCell(name.lower(), dtype=keras.backend.standardize_dtype(frame.dtype)), frame)
        return Join(cell, after=lambda y: y[:, None] if layer.keepdims else y)
    if name == "GetItem":
        first, second = _slices(args[1], 2) or (None, None)
        if first == slice(None) and second in (-1, slice(-1, None)):
            return Last(frame, keepdims=second != -1)
    return None


def _global_pooling(layer, frame) -> StepCell:
    """Mean or maximum over time, and over the places of each frame."""
    if layer.data_format != "channels_last":
        raise StepError("has the channels first")
    places = tuple(range(1, len(frame.shape) - 1))
    mode = "mean" if "Average" in type(layer).__name__ else "max"
    over_places = {"mean": ops.mean, "max": ops.max}[mode]
    after = (lambda y: ops.reshape(y, (-1, *[1] * (len(places) + 1), y.shape[-1]))) if layer.keepdims else (lambda y: y)
    cell = TemporalPoolingCell(mode, dtype=layer.dtype_policy)
    cell.build((None, frame.shape[-1]))
    return Join(cell, lambda x: over_places(x, axis=places) if places else x, after)


def _built(cell, frame):
    cell.build(tuple(frame.shape))
    return cell


def _steps_over_time(layer) -> bool:
    """Whether a convolution's windows lie wholly in the clip, one after the other."""
    return (
        layer.padding == "valid"
        and layer.data_format == "channels_last"
        and layer.dilation_rate[0] == 1
        and layer.activation.__module__.startswith("keras.")  # others could look at several windows
    )


def takes_last(layer, args) -> int | None:
    """How many of the last steps an operation `x[:, -n:]` or `x[:, -n]` looks at; None for others."""
    if _operation(layer) != "GetItem":
        return None
    first, second = _slices(args[1], 2) or (None, None)
    if isinstance(second, slice):
        second = second.start if (second.stop, second.step) == (None, None) else None
    return -second if first == slice(None) and isinstance(second, int) and second < 0 else None


def _slices(key, count: int) -> tuple | None:
    """The first entries of the key of `x[key]`, where the others take all."""
    key = tuple(key) if isinstance(key, tuple | list) else (key,)  # a list in models that were read from a file
    if len(key) < count or not all(isinstance(entry, int | slice) for entry in key[:count]):
        return None
    return key[:count] if all(entry is Ellipsis or entry == slice(None) for entry in key[count:]) else None


def _operation(layer) -> str | None:
    """The name of an operation of Keras, without a public class: where `keras.ops` are called on the outputs of layers."""
    return type(layer).__name__ if type(layer).__module__.startswith("keras.") else None


def check_each_step(layer, shapes: list[tuple]) -> None:
    """Raises StepError unless the layer treats each step alone.

    Args:
        layer: any that is not temporal.
        shapes: of its inputs, `(B, T, ...)`.
    """
    known = isinstance(layer, _EACH_STEP) or _operation(layer) in _EACH_VALUE
    if isinstance(layer, layers.Concatenate) and layer.axis % len(shapes[0]) == 1:
        raise StepError("puts sequences one after the other in time")
    if isinstance(layer, _ALONG_AN_AXIS):
        known = all(axis % len(shapes[0]) != 1 for axis in tree.flatten(layer.axis))
    elif isinstance(layer, _ELEMENTWISE):
        known = len({len(shape) for shape in shapes}) == 1
    elif isinstance(layer, layers.ZeroPadding3D):
        known = layer.data_format == "channels_last" and tuple(layer.padding[0]) == (0, 0)
    elif isinstance(layer, layers.Reshape):
        first, *rest = layer.target_shape
        known = first == -1 and -1 not in rest and math.prod(rest) == math.prod(shapes[0][2:])
    activation = getattr(layer, "activation", None)
    if known and activation is not None:  # Keras's own treat each value alone, or work along the last axis
        known = activation.__module__.startswith("keras.")
    if not known:
        raise StepError(
            f"({type(layer).__name__}) is not known to treat each step alone, so that the model cannot run step by step. "
            "videorec.inference.step_layers names those that do; a layer with a memory needs a cell and an attribute causal"
        )


def is_network(layer) -> bool:
    """Whether the layer is a functional model."""
    return isinstance(layer, keras.Model) and hasattr(layer, "_run_through_graph")
