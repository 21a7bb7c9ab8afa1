"""What joins the steps, one layer or operation at a time: after each step the value for the steps so far."""

import numpy as np
import pytest
import variants
from keras import layers, ops
from networks import network

from videorec.inference.step_model import StepModel
from videorec.layers import (
    ConvGRU2D,
    FrameDifferences,
    NextFrameConvLSTM2D,
    PeepholeLSTM,
    SpatialAttentionLSTM,
    StackedConvGRU2D,
    TemporalPooling,
    WindowAttentionLSTM,
)

TIME = 7
VECTORS, MAPS = (None, 5), (None, 4, 6, 3)


def windows_then(layer):
    return lambda x: layer(TemporalPooling(window=3, stride=2)(x))


JOINS = {
    "mean": (layers.GlobalAveragePooling1D(), VECTORS),
    "mean-kept": (layers.GlobalAveragePooling1D(keepdims=True), VECTORS),
    "max": (layers.GlobalMaxPooling1D(), VECTORS),
    "mean-3d": (layers.GlobalAveragePooling3D(), MAPS),
    "max-3d-kept": (layers.GlobalMaxPooling3D(keepdims=True), MAPS),
    "mean-operation": (lambda x: ops.mean(x, axis=1, keepdims=True), MAPS),
    "max-operation": (lambda x: ops.max(x, axis=1), VECTORS),
    "last-operation": (lambda x: x[:, -1], VECTORS),
    "last-kept": (lambda x: x[:, -1:, ...], MAPS),
    "pooled": (TemporalPooling("mean"), MAPS),
    "max-pooled": (TemporalPooling("max"), VECTORS),
    "lstm": (layers.LSTM(4), VECTORS),
    "lstm-states": (lambda x: layers.Concatenate()(layers.LSTM(4, return_state=True)(x)), VECTORS),
    "sequence-and-state": (
        lambda x: (lambda y, h, c: layers.Add()([layers.GlobalMaxPooling1D()(y), h, c]))(
            *layers.LSTM(4, return_sequences=True, return_state=True)(x)
        ),
        VECTORS,
    ),
    "stacked-cells": (layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)]), VECTORS),
    "conv-lstm": (layers.ConvLSTM2D(2, 3, strides=2), MAPS),
    "conv-gru": (ConvGRU2D(2, 3), MAPS),
    "peephole": (PeepholeLSTM(4, peephole="full"), VECTORS),
    "stacked-conv-gru": (lambda x: StackedConvGRU2D((2, 3), 3)([x, x])[1], MAPS),
    "window-attention": (
        lambda x: layers.Concatenate()(WindowAttentionLSTM(4, window=3, return_coefficients=True)(x)),
        VECTORS,
    ),
    "spatial-attention": (
        lambda x: layers.Concatenate()(SpatialAttentionLSTM(4, initial_state_from="first_frame", return_coefficients=True)(x)),
        MAPS,
    ),
    "gru-of-windows": (windows_then(layers.GRU(4)), VECTORS),
    "mean-of-windows": (windows_then(lambda x: ops.mean(layers.Dense(4)(x), axis=1)), VECTORS),
    "states-of-windows": (
        windows_then(lambda x: layers.GlobalMaxPooling1D()(layers.GRU(4, return_sequences=True)(FrameDifferences()(x)))),
        VECTORS,
    ),
    "layers-on-a-mean": (lambda x: layers.GRU(3)(layers.Reshape((5, 1))(layers.GlobalAveragePooling1D()(x))), VECTORS),
    "both-directions-on-a-mean": (
        lambda x: layers.Bidirectional(layers.GRU(2))(layers.Reshape((5, 1))(layers.GlobalMaxPooling1D()(x))),
        VECTORS,
    ),
    "next-frames": (lambda x: NextFrameConvLSTM2D([2, 3], 3, horizon=3)(x)[:, -2:], MAPS),
    "next-frame": (lambda x: NextFrameConvLSTM2D([2], 3, horizon=1)(x)[:, -1], MAPS),
}


@pytest.mark.parametrize("case", JOINS)
def test_after_each_step(case):
    layer, shape = JOINS[case]
    model = variants.shaken(network(layer, shape))
    step, states = StepModel(model), None
    sequences = np.random.default_rng(0).normal(size=(2, TIME, *shape[1:])).astype("float32")
    assert step.running == ("steps",)
    states, results = step.initial_states(2), []
    for t in range(TIME):
        result = step.model({"rgb": ops.convert_to_tensor(sequences[:, t : t + 1])} | states)
        states = {name: result[name] for name in states}
        results.append(np.asarray(result["steps"]))
        expected = np.asarray(model({"rgb": sequences[:, : t + 1]})["steps"])
        assert results[-1].shape == expected.shape
        np.testing.assert_allclose(results[-1], expected, atol=1e-5, err_msg=f"after {t + 1}")
        np.testing.assert_allclose(step.answer(states)["steps"], results[-1], atol=1e-6)
    assert np.ptp(results, axis=0).max() > 1e-3


def test_a_clip_of_a_fixed_length():
    """Its last frame is held until there are so many, then it is the last ones."""
    model = variants.shaken(network(lambda x: layers.Dense(3)(layers.Flatten()(x)), (4, 5)))
    step, states = StepModel(model), None
    x = np.random.default_rng(0).normal(size=(1, TIME, 5)).astype("float32")
    kernel, bias = (np.asarray(weight) for weight in model.layers[-1].weights)
    states = step.initial_states(1)
    for t in range(TIME):
        result = step.model({"rgb": ops.convert_to_tensor(x[:, t : t + 1])} | states)
        states = {name: result[name] for name in states}
        frames = [x[0, min(i, t)] for i in range(max(t - 3, 0), max(t - 3, 0) + 4)]
        np.testing.assert_allclose(result["steps"][0], np.concatenate(frames) @ kernel + bias, atol=1e-5)


def test_a_long_stream_keeps_its_numbers():
    """No counter runs out of digits: windows come at their time after 2 ** 24 frames too."""
    model = network(lambda x: ops.max(TemporalPooling(window=3, stride=2)(x), axis=1), (None, 1))
    step = StepModel(model)
    states, seen = step.initial_states(1), []
    for t in range(40):
        result = step.model({"rgb": ops.convert_to_tensor(np.full((1, 1, 1), t, "float32"))} | states)
        states = {name: result[name] for name in states}
        seen.append(float(np.asarray(result["steps"])[0, 0]))
    assert seen == [t if t < 3 else t - t % 2 for t in range(40)]  # the frame that the last whole window ends with
    position = next(name for name in states if name.endswith("_state0"))
    assert float(np.asarray(states[position])[0, 0]) <= 3 + 2
