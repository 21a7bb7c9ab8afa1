"""Optimizers and learning rates, by hand."""

import keras
import numpy as np

from videorec.config import Train
from videorec.training import optimizers


def test_caffe_weight_decay_is_added_to_the_gradient():
    """v = 0.9 v - lr (g + l2 w), w += v, twice, by hand; a bias is left alone."""
    w, b = keras.Variable([[1.0]]), keras.Variable([1.0])
    optimizer = optimizers.L2SGD(0.1, momentum=0.9, l2=0.5)
    for _ in range(2):
        optimizer.apply([keras.ops.ones((1, 1)), keras.ops.ones((1,))], [w, b])
    # w: v = -0.15, w = 0.85; v = -0.135 - 0.1 * 1.425 = -0.2775, w = 0.5725. b: 1 - 0.1 - (0.09 + 0.1)
    np.testing.assert_allclose(w.numpy(), [[0.5725]], rtol=1e-6)
    np.testing.assert_allclose(b.numpy(), [0.71], rtol=1e-6)


def test_schedules():
    for epochs in (None, 1.0):
        cosine = optimizers.learning_rate(Train(epochs=10, learning_rate=1.0, warmup_epochs=epochs), steps=10)
        assert [round(float(cosine(s)), 3) for s in (0, 5, 10, 55, 100)] == [0, 0.5, 1, 0.5, 0]
    step = optimizers.learning_rate(Train(schedule="step", step_every=10, learning_rate=1.0), steps=3)
    assert [round(float(step(s)), 4) for s in (0, 9, 10, 25)] == [1, 1, 0.1, 0.01]
