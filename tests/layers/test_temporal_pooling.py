"""Pooling over time against NumPy, for clips, windows, masks and streams."""

import itertools

import exports
import keras
import numpy as np
import pytest
from layers import assert_close, by_steps, random

from videorec.layers import TemporalPooling

RNG = np.random.default_rng(0)
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


def pooled(frames, mode):
    """Of a list of frames; nothing is 0."""
    return np.max(frames, axis=0) if mode == "max" else np.mean(frames, axis=0)


def by_hand(x, mode, window=None, stride=None, mask=None):
    batch, time = x.shape[:2]
    mask = np.ones((batch, time), bool) if mask is None else mask
    length = min(window or time, time)
    starts = [0] if window is None or time < window else range(0, time - window + 1, stride or window)
    y = np.zeros((batch, len(starts), *x.shape[2:]), x.dtype)
    for b in range(batch):
        for s, start in enumerate(starts):
            frames = [x[b, t] for t in range(start, start + length) if mask[b, t]]
            if frames:
                y[b, s] = pooled(frames, mode)
    return y[:, 0] if window is None else y


def clip(*shape):
    return random(*shape) - 1  # mostly negative: a maximum with 0 would show


WINDOWS = [(None, None), (3, None), (3, 2), (4, 1), (2, 5), (7, None), (9, 2)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("window, stride", WINDOWS)
@pytest.mark.parametrize("mode", ["max", "mean"])
@pytest.mark.parametrize("frame", [(5,), (4, 5), (3, 2, 5), (2, 3, 2, 2)])
def test_equals_numpy(mode, window, stride, frame, masked):
    x = clip(2, 7, *frame)
    mask = np.array([[1, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1]], bool) if masked else None
    layer = TemporalPooling(mode, window, stride)
    expected = by_hand(x, mode, window, stride, mask)
    assert layer.compute_output_shape(x.shape) == expected.shape
    np.testing.assert_allclose(layer(x, mask=mask), expected, atol=1e-5)


@pytest.mark.parametrize("time, windows", [(30, 5), (120, 23), (10, 1), (14, 1), (15, 2), (9, 1)])
def test_windows_of_10_with_stride_5(time, windows):
    layer = TemporalPooling(window=10, stride=5)
    assert layer.compute_output_shape((2, time, 8)) == (2, windows, 8)
    assert layer(np.zeros((2, time, 8), "float32")).shape == (2, windows, 8)


def test_any_length_in_one_model():
    inputs, mask = keras.Input((None, 3, 2, 5)), keras.Input((None,), dtype="bool")
    cases = list(itertools.product(("max", "mean"), (None, 4), (False, True)))
    pooled = [TemporalPooling(mode, window, window and 3)(inputs, mask=mask if on else None) for mode, window, on in cases]
    assert [x.shape for x in pooled[1:4]] == [(None, 3, 2, 5), *[(None, None, 3, 2, 5)] * 2]
    model = keras.Model([inputs, mask], pooled)
    for time in (1, 3, 4, 10):
        x, m = random(2, time, 3, 2, 5) - 1, RNG.random((2, time)) < 0.5
        expected = [by_hand(x, mode, window, 3, m if on else None) for mode, window, on in cases]
        assert_close(model.predict([x, m], verbose=0), expected)


@pytest.mark.parametrize("mode", ["max", "mean"])
@pytest.mark.parametrize("window", [None, 3])
def test_half_precision(mode, window):
    x, mask = clip(2, 5, 4), np.array([[1, 1, 0, 1, 1], [0] * 5], bool)
    y = TemporalPooling(mode, window, dtype="mixed_float16")(x, mask=mask)
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    np.testing.assert_allclose(y, by_hand(x, mode, window, mask=mask), atol=5e-3)


def test_mean_of_large_halves_does_not_overflow():
    x = np.full((1, 100, 2), 1000, "float16")  # their sum is above 65504
    np.testing.assert_allclose(TemporalPooling("mean", dtype="mixed_float16")(x), [[1000, 1000]])


def stream(layer, x):
    """`(B, T, ...)`: what the cell gives after each frame."""
    return by_steps(layer.cell, x, layer.cell.get_initial_state(batch_size=x.shape[0]))[0]


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("frame", [(5,), (2, 3, 4)])
@pytest.mark.parametrize("mode", ["max", "mean"])
def test_stream_of_a_whole_clip(mode, frame, policy):
    x, tolerance = clip(2, 7, *frame), 1e-5 if policy == "float32" else 5e-3
    layer = TemporalPooling(mode, dtype=policy)
    y = np.asarray(layer(x))
    outputs = stream(layer, x)
    np.testing.assert_allclose(outputs[:, -1], y, atol=tolerance)
    for t in range(7):
        np.testing.assert_allclose(outputs[:, t], pooled(list(x.swapaxes(0, 1)[: t + 1]), mode), atol=tolerance)


@pytest.mark.parametrize("frame", [(5,), (2, 3, 4)])
@pytest.mark.parametrize("mode", ["max", "mean"])
def test_stream_of_windows(mode, frame):
    x = clip(2, 9, *frame)
    layer = TemporalPooling(mode, window=4, stride=2)
    y = np.asarray(layer(x))  # windows that end at frames 3, 5 and 7
    outputs = stream(layer, x)
    np.testing.assert_allclose(outputs[:, 3:8:2], y, atol=1e-5)
    for t in range(9):
        frames = list(x.swapaxes(0, 1)[max(0, t - 3) : t + 1])
        np.testing.assert_allclose(outputs[:, t], pooled(frames, mode), atol=1e-5)


def test_stream_keeps_its_sum_in_float32():
    layer = TemporalPooling("mean", dtype="mixed_float16")
    x = np.full((1, 80, 2), 1000, "float16")
    layer(x)
    np.testing.assert_allclose(stream(layer, x)[:, -1], [[1000, 1000]])


@pytest.mark.parametrize("mode", ["max", "mean"])
@pytest.mark.parametrize("window", [None, 3])
def test_cell_in_a_functional_model(mode, window):
    layer = TemporalPooling(mode, window)
    layer.build((None, None, 2, 5))
    frame = keras.Input((2, 5), batch_size=1)
    states = [keras.Input(s.shape[1:], batch_size=1, dtype=s.dtype) for s in layer.cell.get_initial_state(1)]
    y, new_states = layer.cell(frame, states)
    step = keras.Model([frame, *states], [y, *new_states])
    x, values = clip(1, 5, 2, 5), [np.asarray(s) for s in layer.cell.get_initial_state(1)]
    for t in range(5):
        y, *values = map(np.asarray, step([x[:, t], *values]))
    np.testing.assert_allclose(y, pooled(list(x[0][-(window or 5) :]), mode)[None], atol=1e-5)


@tensorflow_only
@pytest.mark.parametrize("mode", ["max", "mean"])
@pytest.mark.parametrize("window", [None, 3])
def test_gradients_are_finite_where_all_is_masked(mode, window):
    import tensorflow as tf

    x, mask = tf.constant(clip(2, 6, 4)), np.array([[0] * 6, [1, 1, 1, 0, 0, 0]], bool)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(TemporalPooling(mode, window)(x, mask=mask))
    gradient = tape.gradient(loss, x).numpy()
    assert np.all(gradient[~mask] == 0)
    np.testing.assert_allclose(gradient[1, :3].sum(axis=0), 1, rtol=1e-5)


@tensorflow_only
@pytest.mark.parametrize("time", [7, None])
def test_tflite_of_built_in_operations(time):
    x, cases = clip(1, 7, 3, 3, 4), list(itertools.product(("max", "mean"), (None, 3, 9), (None,)))
    pools = [TemporalPooling(*case) for case in cases]
    lite = exports.tflite(lambda frames: [layer(frames) for layer in pools], keras.Input((time, *x.shape[2:])))
    assert_close(lite(x), [by_hand(x, *case) for case in cases])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "sum"}, "mode must be"),
        ({"window": 0}, "window must be"),
        ({"window": 2, "stride": 0}, "stride must be"),
        ({"stride": 2}, "stride needs a window"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        TemporalPooling(**options)


def test_too_few_axes():
    with pytest.raises(ValueError, match=r"\(B, T, ..., C\)"):
        TemporalPooling()(np.zeros((2, 3), "float32"))


def test_states_need_a_known_size():
    layer = TemporalPooling()
    layer(keras.Input((None, None, 4)))
    with pytest.raises(ValueError, match="known shape"):
        layer.cell.get_initial_state(1)
