"""Multiple output: averages of overlapping predictions, against loops and by hand; streams, masks and exports."""

import exports
import keras
import numpy as np
import pytest
from layers import assert_close, built, by_steps, random

from videorec.layers import MultipleOutput

RNG = np.random.default_rng(0)
BATCH, TIME, WINDOW, CLASSES = 2, 7, 3, 4
PREDICTIONS = random(BATCH, TIME, WINDOW, CLASSES)
WEIGHTS = {"uniform": lambda d: 1.0, "distance": lambda d: (WINDOW - d) / WINDOW}
weights = pytest.mark.parametrize("weights", WEIGHTS)
delays = pytest.mark.parametrize("delay", [0, 1, 2, None])
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


def by_hand(p, weights="uniform", delay=None, mask=None):
    """Every prediction goes to its frame, with its weight."""
    batch, time, window, classes = p.shape
    last = window - 1 if delay is None else delay
    total, share = np.zeros((batch, time, classes)), np.zeros((batch, time, 1))
    for b in range(batch):
        for step in range(time):
            for n in range(window):
                frame = step - (window - 1) + n
                distance = step - frame
                if frame >= 0 and distance <= last and (mask is None or mask[b, step]):
                    total[b, frame] += WEIGHTS[weights](distance) * p[b, step, n]
                    share[b, frame] += WEIGHTS[weights](distance)
    return np.divide(total, share, out=np.zeros_like(total), where=share > 0)


@weights
@delays
def test_equals_the_loop(weights, delay):
    got = MultipleOutput(weights, delay)(PREDICTIONS)
    np.testing.assert_allclose(got, by_hand(PREDICTIONS, weights, delay), atol=1e-6)


def test_three_steps_of_two_frames_by_hand():
    # Step i: its prediction for frame i - 1, then for frame i.
    p = np.array([[100, 1], [3, 5], [7, 20]], "float32").reshape(1, 3, 2, 1)
    assert np.asarray(MultipleOutput()(p)).ravel().tolist() == [(1 + 3) / 2, (5 + 7) / 2, 20]
    assert np.asarray(MultipleOutput(delay=0)(p)).ravel().tolist() == [1, 5, 20]
    by_distance = [(1 + 3 / 2) / 1.5, (5 + 7 / 2) / 1.5, 20]
    np.testing.assert_allclose(np.asarray(MultipleOutput("distance")(p)).ravel(), by_distance, rtol=1e-6)


@weights
@delays
def test_partial_averages_need_no_later_step(weights, delay):
    wait = WINDOW - 1 if delay is None else delay
    layer = MultipleOutput(weights, delay)
    whole = np.asarray(layer(PREDICTIONS))
    for t in range(TIME - wait):
        known = np.asarray(layer(PREDICTIONS[:, : t + wait + 1]))
        np.testing.assert_allclose(known[:, t], whole[:, t], atol=1e-6)
    assert layer.causal == (wait == 0)


@pytest.mark.parametrize("time", [1, 2, 3])
def test_clips_shorter_than_the_window(time):
    got = MultipleOutput()(PREDICTIONS[:, :time])
    np.testing.assert_allclose(got, by_hand(PREDICTIONS[:, :time]), atol=1e-6)


@weights
@delays
def test_mask(weights, delay):
    mask = np.array([[1, 1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 1, 0, 1]], bool)
    got = MultipleOutput(weights, delay)(PREDICTIONS, mask=mask)
    np.testing.assert_allclose(got, by_hand(PREDICTIONS, weights, delay, mask), atol=1e-6)
    if delay is None:  # padding at the end is as a shorter clip
        np.testing.assert_allclose(got[:1, :4], by_hand(PREDICTIONS[:1, :4], weights), atol=1e-6)


@weights
@delays
def test_step_by_step(weights, delay):
    layer = MultipleOutput(weights, delay)
    whole = np.asarray(layer(PREDICTIONS))
    wait = WINDOW - 1 if delay is None else delay
    outputs, _ = by_steps(layer.cell, PREDICTIONS, layer.cell.get_initial_state(BATCH))
    assert_close(outputs[:, wait:], whole[:, : TIME - wait], atol=1e-6)


@weights
@delays
@pytest.mark.parametrize("time", [1, 2, TIME])
def test_the_end_of_a_stream(weights, delay, time):
    layer = MultipleOutput(weights, delay)
    layer.build(PREDICTIONS.shape)
    wait = WINDOW - 1 if delay is None else delay
    _, states = by_steps(layer.cell, PREDICTIONS[:, :time], layer.cell.get_initial_state(BATCH))
    rest = np.asarray(layer.cell.flush(states))
    assert rest.shape == (BATCH, wait, CLASSES)
    last = min(wait, time)  # frames that there were
    expected = by_hand(PREDICTIONS[:, :time], weights, delay)[:, time - last :]
    np.testing.assert_allclose(rest[:, wait - last :], expected, atol=1e-6)


def test_loss_is_the_crossentropy_of_the_averaged_logits():
    # Yeung et al. 2018: - z log sigma(y) - (1 - z) log(1 - sigma(y)), with y averaged before the sigmoid.
    z = RNG.integers(0, 2, (BATCH, TIME, CLASSES)).astype("float32")
    loss = keras.losses.BinaryCrossentropy(from_logits=True)(z, MultipleOutput()(PREDICTIONS))
    sigma = 1 / (1 + np.exp(-by_hand(PREDICTIONS)))
    np.testing.assert_allclose(loss, np.mean(-z * np.log(sigma) - (1 - z) * np.log(1 - sigma)), rtol=1e-5)


def test_half_precision_is_averaged_in_float32():
    large = np.full((1, 15, 15, 1), 6000.0, "float16")  # sums beyond float16's 65,504
    got = MultipleOutput()(large)
    assert keras.backend.standardize_dtype(got.dtype) == "float32"
    np.testing.assert_allclose(got, 6000.0)


@tensorflow_only
def test_tflite_of_one_step():
    x = PREDICTIONS[:1, :1]
    assert_close(exports.tflite(built(MultipleOutput(), x.shape), x)(x), by_hand(x), atol=1e-6)


@pytest.mark.parametrize(("options", "message"), [({"weights": "learned"}, "weights must be"), ({"delay": -1}, "0 or more")])
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        MultipleOutput(**options)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="below the window"):
        MultipleOutput(delay=3)(PREDICTIONS)
    for shape in ((2, 7, 4), (2, 7, None, 4)):
        with pytest.raises(ValueError, match="known N"):
            MultipleOutput().build(shape)
