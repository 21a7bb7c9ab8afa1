"""Metrics against scikit-learn and by hand."""

import keras
import numpy as np
from sklearn.metrics import average_precision_score, balanced_accuracy_score, confusion_matrix

from videorec.tasks.recognition.metrics import MeanClassAccuracy, hit_at_1, hit_at_k
from videorec.training.metrics import MeanAveragePrecision


def test_mean_class_accuracy_is_balanced_accuracy():
    rng = np.random.default_rng(0)
    true, scores = rng.integers(0, 3, 200), rng.random((200, 5)).astype(np.float32)
    metric = MeanClassAccuracy(5)
    for part in np.split(np.arange(200), 4):
        metric.update_state(np.eye(5, dtype=np.float32)[true[part]], scores[part])
    predicted = scores.argmax(1)
    kept = predicted < 3  # scikit-learn warns of predictions of classes that never occur
    assert kept.sum() > 50
    expected = np.mean([(predicted[true == c] == c).mean() for c in range(3)])
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)
    np.testing.assert_array_equal(metric.matrix.numpy(), confusion_matrix(true, predicted, labels=range(5)))
    metric.reset_state()
    metric.update_state(np.eye(5, dtype=np.float32)[true[kept]], scores[kept])
    np.testing.assert_allclose(float(metric.result()), balanced_accuracy_score(true[kept], predicted[kept]), rtol=1e-6)


def test_weight_0_is_not_counted():
    metric = MeanClassAccuracy(2)
    metric.update_state(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[::-1], sample_weight=np.array([1.0, 0.0]))
    assert metric.matrix.numpy().tolist() == [[0, 1], [0, 0]]


def test_hit_at_k():
    targets = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0]], np.float32)
    scores = np.array([[0.4, 0.3, 0.2, 0.1], [0.5, 0.1, 0.1, 0.3], [0.4, 0.3, 0.1, 0.2]])
    assert hit_at_k(targets, scores, 1) == 1 / 3
    assert hit_at_k(targets, scores, 2) == 2 / 3
    assert hit_at_k(targets, scores, 5) == 1


def test_mean_average_precision_is_near_that_of_the_ranking():
    """Class 3 has no positive sample; samples of weight 0 would turn the ranking over."""
    rng = np.random.default_rng(0)
    targets = (rng.random((400, 4)) < [0.5, 0.2, 0.05, 0]).astype(np.float32)
    scores = np.clip(0.4 * targets + 0.6 * rng.random((400, 4)), 0, 1).astype(np.float32)
    expected = np.mean([average_precision_score(targets[:, c], scores[:, c]) for c in range(3)])
    assert 0.5 < expected < 0.95
    metric = MeanAveragePrecision(4)
    assert float(metric.result()) == 0
    for part in np.split(np.arange(400), 5):
        y, p = np.concatenate([targets[part], 1 - targets[part]]), np.concatenate([scores[part], scores[part]])
        metric.update_state(y, p, sample_weight=np.repeat([1.0, 0.0], len(part)))
    np.testing.assert_allclose(float(metric.result()), expected, atol=0.02)
    metric.reset_state()
    metric.update_state(targets[:, :4], targets[:, :4])
    np.testing.assert_allclose(float(metric.result()), 1, atol=1e-6)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert (again.classes, again.name) == (4, "map")


def test_hit_at_1():
    targets = np.array([[1, 0, 1], [0, 1, 0], [0, 1, 1]], np.float32)
    scores = np.array([[0.1, 0.2, 0.7], [0.9, 0.8, 0.1], [0.3, 0.6, 0.5]], np.float32)
    np.testing.assert_array_equal(hit_at_1(targets, scores), [1, 0, 1])
    metric = keras.metrics.MeanMetricWrapper(hit_at_1, name="accuracy")
    metric.update_state(targets, scores, sample_weight=np.array([1.0, 1.0, 2.0]))
    assert float(metric.result()) == 0.75
