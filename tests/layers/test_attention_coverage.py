"""The coverage penalty: its value, its minimum, and that it reaches the loss."""

import keras
import numpy as np
import pytest

from videorec.layers import AttentionCoverage
from videorec.layers.attention_coverage import coverage_penalty

RNG = np.random.default_rng(0)
COEFFICIENTS = RNG.dirichlet(np.ones(4), size=(3, 5)).astype("float32")  # (B, T, K)


def by_hand(coefficients):
    return np.array([sum((1 - sum(step[i] for step in clip)) ** 2 for i in range(clip.shape[1])) for clip in coefficients])


def test_equals_numpy():
    np.testing.assert_allclose(coverage_penalty(COEFFICIENTS), by_hand(COEFFICIENTS), rtol=1e-5)


def test_minimum_is_uniform_coverage():
    uniform = np.full((1, 30, 49), 1 / 49, "float32")
    np.testing.assert_allclose(coverage_penalty(uniform), [7.3673], atol=1e-4)
    # Also where single steps are sharp, if only all places get the same in the end.
    shares = RNG.dirichlet(np.ones(49), size=(1, 30)).astype("float32")
    assert coverage_penalty(shares)[0] > 7.3673
    sharp = np.zeros((1, 49, 49), "float32")
    sharp[0, np.arange(49), RNG.permutation(49)] = 1
    np.testing.assert_allclose(coverage_penalty(sharp), [0], atol=1e-6)


def test_one_place_all_the_time():
    stare = np.zeros((1, 30, 49), "float32")
    stare[:, :, 7] = 1
    np.testing.assert_allclose(coverage_penalty(stare), [29**2 + 48])


@pytest.mark.parametrize("training", [False, True])
def test_passes_on_and_adds_a_loss(training):
    layer = AttentionCoverage(2.5)
    np.testing.assert_array_equal(layer(COEFFICIENTS, training=training), COEFFICIENTS)
    (loss,) = layer.losses
    np.testing.assert_allclose(loss, 2.5 * by_hand(COEFFICIENTS).mean(), rtol=1e-5)


def test_weight_0_adds_nothing():
    layer = AttentionCoverage(0)
    layer(COEFFICIENTS)
    assert layer.losses == []


def test_in_training_and_evaluation():
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, AttentionCoverage(3.0)(inputs))
    model.compile("sgd", "mse", run_eagerly=True)
    expected = 3.0 * by_hand(COEFFICIENTS).mean()  # and a mean squared error of 0
    assert model.evaluate(COEFFICIENTS, COEFFICIENTS, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(COEFFICIENTS, COEFFICIENTS) == pytest.approx(expected, rel=1e-5)


def test_half_precision_is_summed_in_float32():
    layer = AttentionCoverage(1.0, dtype="mixed_float16")
    uniform = np.full((2, 30, 49), 1 / 49, "float32")
    assert keras.backend.standardize_dtype(layer(uniform).dtype) == "float16"
    np.testing.assert_allclose(layer.losses[0], 7.3673, atol=0.02)
    assert keras.backend.standardize_dtype(layer.losses[0].dtype) == "float32"


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_weight_is_checked(weight):
    with pytest.raises(ValueError, match="0 or above"):
        AttentionCoverage(weight)


def test_all_steps_are_needed():
    with pytest.raises(ValueError, match="return_sequences=True"):
        AttentionCoverage(1.0)(COEFFICIENTS[:, 0])
