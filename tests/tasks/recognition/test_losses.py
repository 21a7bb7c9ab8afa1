"""The loss over time steps against NumPy."""

import keras
import numpy as np
import pytest

from videorec.layers.step_aggregation import step_gains
from videorec.tasks.recognition.losses import StepBinaryCrossentropy, StepCrossentropy

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


# === Several labels ===

SEVERAL = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 0, 1]], np.float32)


def binary_cross_entropies(targets=SEVERAL) -> np.ndarray:
    """`(B, S)`: summed over the classes, written out."""
    p, y = 1 / (1 + np.exp(-LOGITS.astype(np.float64))), targets[:, None]
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(-1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, lambda ce: ce.mean(1)),
        ({"step_reduction": "sum"}, lambda ce: ce.sum(1)),
        ({"gain": "linear", "step_reduction": "sum"}, lambda ce: ce @ np.array([0, 1 / 3, 2 / 3, 1])),
        ({"gain": "linear"}, lambda ce: ce @ np.array([0, 1 / 3, 2 / 3, 1]) / 2),
        ({"gain": "last"}, lambda ce: ce[:, -1]),
    ],
)
def test_binary_against_numpy(options, expected):
    loss = StepBinaryCrossentropy(**options)
    np.testing.assert_allclose(loss.call(SEVERAL, LOGITS), expected(binary_cross_entropies()), rtol=1e-5)
    weights = np.array([2.0, 0.0, 1.0], np.float32)
    weighted = (expected(binary_cross_entropies()) * weights).sum() / 3
    np.testing.assert_allclose(loss(SEVERAL, LOGITS, sample_weight=weights), weighted, rtol=1e-5)


def test_binary_label_smoothing_and_round_trip():
    loss = StepBinaryCrossentropy("linear", "sum", 0.2)
    expected = binary_cross_entropies(np.where(SEVERAL == 1, 0.9, 0.1)) @ np.array([0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(loss.call(SEVERAL, LOGITS), expected, rtol=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.gain, again.step_reduction, again.label_smoothing) == ("linear", "sum", 0.2)
    with pytest.raises(ValueError, match="gain must be"):
        StepBinaryCrossentropy(gain="quadratic")


def test_binary_of_extreme_logits():
    logits = np.array([[[1e4, -1e4]]], np.float32)
    np.testing.assert_allclose(StepBinaryCrossentropy().call(np.array([[1.0, 0.0]]), logits), [0.0])
    np.testing.assert_allclose(StepBinaryCrossentropy().call(np.array([[0.0, 1.0]]), logits), [2e4])


def test_gains():
    np.testing.assert_allclose(step_gains(5, "linear"), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(step_gains(1, "linear"), [1])
    np.testing.assert_allclose(step_gains(3), [1, 1, 1])
    np.testing.assert_allclose(step_gains(3, "last"), [0, 0, 1])
    np.testing.assert_allclose(step_gains(1, "last"), [1])


def test_config_round_trip_and_errors():
    loss = StepCrossentropy("linear", "sum", 0.1)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.gain, again.step_reduction, again.label_smoothing) == ("linear", "sum", 0.1)
    with pytest.raises(ValueError, match="gain must be"):
        StepCrossentropy(gain="quadratic")
    with pytest.raises(ValueError, match="step_reduction must be"):
        StepCrossentropy(step_reduction="max")
