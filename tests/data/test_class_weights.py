"""Weights of classes, against their formula."""

import logging

import numpy as np
import pytest

from videorec.data.class_weights import class_weights, tell


@pytest.mark.parametrize("balance", [0.0, 0.3, 0.5, 1.0])
def test_weights_by_the_formula(balance):
    counts = np.array([65, 8, 27])
    by_formula = (100 / (3 * counts)) ** balance
    samples = np.repeat(by_formula, counts)
    weights = class_weights(counts, balance)
    np.testing.assert_allclose(weights, by_formula / samples.mean(), rtol=1e-6)
    assert weights.dtype == np.float32 and (counts * weights).sum() / 100 == pytest.approx(1)


def test_all_classes_count_the_same_or_all_samples():
    counts = np.array([4, 1, 5])
    np.testing.assert_allclose(counts * class_weights(counts, 1.0), [10 / 3] * 3, rtol=1e-6)
    np.testing.assert_array_equal(class_weights(counts, 0.0), [1, 1, 1])
    np.testing.assert_array_equal(class_weights(np.array([7, 7]), 1.0), [1, 1])


def test_a_class_without_a_sample_weighs_nothing_and_changes_no_other():
    weights = class_weights(np.array([4, 0, 1]), 1.0)
    np.testing.assert_allclose(weights, [0.625, 0, 2.5], rtol=1e-6)
    np.testing.assert_array_equal(class_weights(np.zeros(3), 0.5), [0, 0, 0])


def test_samples_of_several_labels():
    """Clips a, a, a;b: a clip of both counts the mean of 1/3 and 1, and the three clips count 1 on average."""
    weights = class_weights(np.array([3, 1]), 1.0, shares=np.array([2.5, 0.5]) / 3)
    mean = (1 / 3 + 1 / 3 + 2 / 3) / 3
    np.testing.assert_allclose(weights, [1 / 3 / mean, 1 / mean], rtol=1e-6)


def test_the_log_names_the_least_and_the_largest(caplog):
    caplog.set_level(logging.INFO)
    counts = np.array([8, 0, 65, 27])
    tell(class_weights(counts, 0.5), counts, ("falled", "never", "walk", "sit"), "clips")
    assert caplog.messages == [
        "weights of the classes in the training loss: from 0.771 (walk, 65 clips) to 2.2 (falled, 8 clips); mean 1"
    ]
    mean = (8**0.5 + 65**0.5 + 27**0.5) / 100  # of 1 / sqrt(n) over the clips
    assert (65**-0.5 / mean, 8**-0.5 / mean) == pytest.approx((0.771, 2.2), abs=5e-3)
    tell(np.zeros(2), np.zeros(2), ("a", "b"), "frames")
    assert len(caplog.messages) == 1  # nothing to tell
