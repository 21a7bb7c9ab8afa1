"""The loss over time steps against NumPy."""

import keras
import numpy as np
import pytest

from videorec.losses import StepCrossentropy, step_gains

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(3, 4, 5)).astype(np.float32)
LABELS = np.array([1, 0, 4])
TARGETS = np.eye(5, dtype=np.float32)[LABELS]


def cross_entropies() -> np.ndarray:
    """`(B, S)`: -log P(y | x_1..t), written out."""
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    return -np.log(np.stack([p[b, :, LABELS[b]] for b in range(3)]))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, lambda ce: ce.mean(1)),
        ({"step_reduction": "sum"}, lambda ce: ce.sum(1)),
        ({"gain": "linear", "step_reduction": "sum"}, lambda ce: ce @ np.array([0, 1 / 3, 2 / 3, 1])),
        ({"gain": "linear"}, lambda ce: ce @ np.array([0, 1 / 3, 2 / 3, 1]) / 2),
    ],
)
def test_against_numpy(options, expected):
    loss = StepCrossentropy(**options)
    np.testing.assert_allclose(loss.call(TARGETS, LOGITS), expected(cross_entropies()), rtol=1e-5)
    np.testing.assert_allclose(loss(TARGETS, LOGITS), expected(cross_entropies()).mean(), rtol=1e-5)


def test_label_smoothing():
    smooth = TARGETS * 0.9 + 0.1 / 5
    log_p = LOGITS - np.log(np.exp(LOGITS).sum(-1, keepdims=True))
    expected = -(smooth[:, None] * log_p).sum(-1).mean(1)
    np.testing.assert_allclose(StepCrossentropy(label_smoothing=0.1).call(TARGETS, LOGITS), expected, rtol=1e-5)


def test_weight_0_takes_a_clip_out():
    loss = StepCrossentropy()
    weights = np.array([1.0, 0.0, 1.0], np.float32)
    expected = cross_entropies().mean(1)[[0, 2]].sum() / 3
    np.testing.assert_allclose(loss(TARGETS, LOGITS, sample_weight=weights), expected, rtol=1e-5)


def test_gains():
    np.testing.assert_allclose(step_gains(5, "linear"), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(step_gains(1, "linear"), [1])
    np.testing.assert_allclose(step_gains(3), [1, 1, 1])


def test_config_round_trip_and_errors():
    loss = StepCrossentropy("linear", "sum", 0.1)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.gain, again.step_reduction, again.label_smoothing) == ("linear", "sum", 0.1)
    with pytest.raises(ValueError, match="gain must be"):
        StepCrossentropy(gain="quadratic")
    with pytest.raises(ValueError, match="step_reduction must be"):
        StepCrossentropy(step_reduction="max")
