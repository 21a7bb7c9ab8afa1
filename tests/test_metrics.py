"""Metrics against scikit-learn and by hand."""

import numpy as np
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from videorec.metrics import MeanClassAccuracy, hit_at_k


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
