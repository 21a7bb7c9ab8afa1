"""The next-frame ConvLSTMs against NumPy: the loop over frames, scheduled sampling, shapes, formats."""

import keras
import numpy as np
import pytest
from equations import convolve, lstm

from videorec.layers import NextFrameConvLSTM2D

BATCH, SEEN, HORIZON, HEIGHT, WIDTH, CHANNELS = 2, 3, 4, 5, 4, 2
FILTERS = [3, 2]
RNG = np.random.default_rng(0)
FRAMES = RNG.normal(size=(BATCH, SEEN, HEIGHT, WIDTH, CHANNELS)).astype("float32")
FUTURE = RNG.normal(size=(BATCH, HORIZON, HEIGHT, WIDTH, CHANNELS)).astype("float32")
TEACHER = np.array([[1, 0, 1], [0, 1, 0]], "float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def built(horizon=HORIZON, **options):
    layer = NextFrameConvLSTM2D(FILTERS, 3, horizon, **options)
    layer.build(FRAMES.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.weights])
    return layer


def by_hand(layer, frames, horizon=HORIZON, future=None, teacher=None):
    levels = [(numpy(cell.kernel.value), numpy(cell.recurrent_kernel.value)) for cell in layer.cell.cells]
    output = numpy(layer.cell.output_kernel.value)
    batch, seen = frames.shape[:2]
    states = [[np.zeros((batch, *frames.shape[2:4], f))] * 2 for f in FILTERS]
    forecast, outputs = None, []
    for t in range(seen + horizon - 1):
        if t < seen:
            x = frames[:, t]
        elif teacher is None:
            x = forecast
        else:
            truth = teacher[:, t - seen] == 1
            x = np.where(truth[:, None, None, None], future[:, t - seen], forecast)
        for level, weights in enumerate(levels):
            states[level] = lstm(x, *states[level], *weights)
            x = states[level][0]
        forecast = convolve(x, output)
        outputs.append(forecast)
    return np.stack(outputs, axis=1)


@pytest.mark.parametrize("unroll", [False, True])
def test_equals_the_equations(unroll):
    layer = built(unroll=unroll)
    shapes = [(1, 1, 2, CHANNELS), (3, 3, 2, 12), (3, 3, 3, 12), (3, 3, 3, 8), (3, 3, 2, 8)]
    assert [tuple(w.shape) for w in layer.weights] == shapes
    np.testing.assert_allclose(numpy(layer(FRAMES)), by_hand(layer, FRAMES), atol=1e-5)
    got = layer(FRAMES, FUTURE, TEACHER)
    np.testing.assert_allclose(numpy(got), by_hand(layer, FRAMES, HORIZON, FUTURE, TEACHER), atol=1e-5)


def test_teacher_0_reads_no_future_and_1_reads_all_but_the_last():
    layer = built()
    free = numpy(layer(FRAMES))
    np.testing.assert_array_equal(numpy(layer(FRAMES, 100 * FUTURE, np.zeros_like(TEACHER))), free)
    taught = numpy(layer(FRAMES, FUTURE, np.ones_like(TEACHER)))
    whole = np.concatenate([FRAMES, FUTURE[:, :-1]], axis=1)
    np.testing.assert_allclose(taught, by_hand(layer, whole, horizon=1), atol=1e-5)
    other = FUTURE.copy()
    other[:, -1] += 1
    np.testing.assert_array_equal(numpy(layer(FRAMES, other, np.ones_like(TEACHER))), taught)


def test_no_forecast_sees_a_later_frame():
    layer = built()
    before, frames = numpy(layer(FRAMES)), FRAMES.copy()
    frames[:, 2] += 1
    after = numpy(layer(frames))
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert np.abs(after[:, 2:] - before[:, 2:]).min(axis=(0, 2, 3, 4)).shape == (HORIZON,)
    assert np.all(np.abs(after[:, 2:] - before[:, 2:]).max(axis=(0, 2, 3, 4)) > 1e-4)


def test_one_frame_ahead():
    layer = built(horizon=1)
    expected = by_hand(layer, FRAMES, horizon=1)
    np.testing.assert_allclose(numpy(layer(FRAMES)), expected, atol=1e-5)
    np.testing.assert_allclose(numpy(layer(FRAMES, FUTURE[:, :1], np.zeros((BATCH, 0), "float32"))), expected, atol=1e-5)


def test_round_trip_with_dynamic_batch_and_time(tmp_path):
    frames = keras.Input((None, HEIGHT, WIDTH, CHANNELS))
    model = keras.Model(frames, NextFrameConvLSTM2D(FILTERS, 3, HORIZON)(frames))
    assert model.output_shape == (None, None, HEIGHT, WIDTH, CHANNELS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for batch, time in [(2, 3), (1, 2), (1, 1)]:
        x = FRAMES[:batch, :time]
        np.testing.assert_allclose(loaded.predict(x, verbose=0), by_hand(model.layers[-1], x), atol=1e-5)


def test_mixed_precision():
    layer = built(dtype="mixed_float16")
    outputs = layer(FRAMES, FUTURE, TEACHER)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert {w.dtype for w in layer.weights} == {"float32"}
    np.testing.assert_allclose(numpy(outputs), by_hand(layer, FRAMES, HORIZON, FUTURE, TEACHER), atol=0.05)


@pytest.mark.parametrize(
    "arguments, message",
    [(([], 3, 2), "one number a level"), ((4, 3, 2), "one number a level"), (([4], 3, 0), "horizon")],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        NextFrameConvLSTM2D(*arguments)


def test_calls_are_checked():
    with pytest.raises(ValueError, match="belong together"):
        built()(FRAMES, FUTURE)
    with pytest.raises(ValueError, match="last three known"):
        NextFrameConvLSTM2D([4], 3, 2)(keras.Input((None, None, 4, 2)))
