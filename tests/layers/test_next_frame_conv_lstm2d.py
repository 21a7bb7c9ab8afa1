"""The next-frame ConvLSTMs against NumPy: the loop over frames, scheduled sampling, arguments."""

import keras
import numpy as np
import pytest
from equations import convolve, lstm
from layers import assert_close, built, by_steps, numpy, random

from videorec.layers import NextFrameConvLSTM2D
from videorec.layers.next_frame_conv_lstm2d import NextFrameConvLSTM2DCell

BATCH, SEEN, HORIZON, HEIGHT, WIDTH, CHANNELS = 2, 3, 4, 5, 4, 2
FILTERS = [3, 2]
FRAMES, FUTURE = (random(BATCH, time, HEIGHT, WIDTH, CHANNELS, seed=time) for time in (SEEN, HORIZON))
TEACHER = np.array([[1, 0, 1], [0, 1, 0]], "float32")


def make(horizon=HORIZON, **options):
    return built(NextFrameConvLSTM2D(FILTERS, 3, horizon, **options), FRAMES.shape)


def by_hand(layer, frames, horizon=HORIZON, future=None, teacher=None):
    levels = [(numpy(cell.kernel), numpy(cell.recurrent_kernel)) for cell in layer.cell.cells]
    output = numpy(layer.cell.output_kernel)
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


@pytest.mark.parametrize("unroll, joined", [(False, False), (True, False), (False, True)])
def test_equals_the_equations(unroll, joined, monkeypatch):
    monkeypatch.setattr(NextFrameConvLSTM2DCell, "joined", joined)
    layer = make(unroll=unroll)
    shapes = [(1, 1, 2, CHANNELS), (3, 3, 2, 12), (3, 3, 3, 12), (3, 3, 3, 8), (3, 3, 2, 8)]
    assert [tuple(w.shape) for w in layer.weights] == shapes
    for frames in (FRAMES, FRAMES[:1, :1]):
        assert_close(layer(frames), by_hand(layer, frames))
    got = layer(FRAMES, FUTURE, TEACHER)
    np.testing.assert_allclose(numpy(got), by_hand(layer, FRAMES, HORIZON, FUTURE, TEACHER), atol=1e-5)


def test_teacher_0_reads_no_future_and_1_reads_all_but_the_last():
    layer = make()
    free = numpy(layer(FRAMES))
    np.testing.assert_array_equal(numpy(layer(FRAMES, 100 * FUTURE, np.zeros_like(TEACHER))), free)
    taught = numpy(layer(FRAMES, FUTURE, np.ones_like(TEACHER)))
    whole = np.concatenate([FRAMES, FUTURE[:, :-1]], axis=1)
    np.testing.assert_allclose(taught, by_hand(layer, whole, horizon=1), atol=1e-5)
    other = FUTURE.copy()
    other[:, -1] += 1
    np.testing.assert_array_equal(numpy(layer(FRAMES, other, np.ones_like(TEACHER))), taught)


def test_no_forecast_sees_a_later_frame():
    layer = make()
    before, frames = numpy(layer(FRAMES)), FRAMES.copy()
    frames[:, 2] += 1
    after = numpy(layer(frames))
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert np.abs(after[:, 2:] - before[:, 2:]).min(axis=(0, 2, 3, 4)).shape == (HORIZON,)
    assert np.all(np.abs(after[:, 2:] - before[:, 2:]).max(axis=(0, 2, 3, 4)) > 1e-4)


def test_one_frame_ahead():
    layer = make(horizon=1)
    expected = by_hand(layer, FRAMES, horizon=1)
    np.testing.assert_allclose(numpy(layer(FRAMES)), expected, atol=1e-5)
    np.testing.assert_allclose(numpy(layer(FRAMES, FUTURE[:, :1], np.zeros((BATCH, 0), "float32"))), expected, atol=1e-5)


def test_cell_as_a_step_model():
    layer = make()
    states = [keras.Input(state.shape[1:]) for state in layer.cell.get_initial_state(1)]
    frame = keras.Input((HEIGHT, WIDTH, CHANNELS + 1))
    step = keras.Model([frame, states], layer.cell(frame, states))
    given = keras.ops.convert_to_tensor(np.concatenate([FRAMES, np.ones_like(FRAMES[..., :1])], axis=-1))
    outputs, _ = by_steps(lambda x, before: step([x, before]), given, layer.cell.get_initial_state(BATCH))
    assert_close(outputs, by_hand(layer, FRAMES, horizon=1))


@pytest.mark.parametrize(
    "arguments, message",
    [(([], 3, 2), "one number a level"), ((4, 3, 2), "one number a level"), (([4], 3, 0), "horizon")],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        NextFrameConvLSTM2D(*arguments)


def test_calls_are_checked():
    with pytest.raises(ValueError, match="belong together"):
        make()(FRAMES, FUTURE)
    with pytest.raises(ValueError, match="last three known"):
        NextFrameConvLSTM2D([4], 3, 2)(keras.Input((None, None, 4, 2)))
