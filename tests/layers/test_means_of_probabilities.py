"""`MeanOfSoftmaxes` and `MeanOfSigmoids` against means of probabilities in NumPy."""

import numpy as np
import pytest
from equations import sigmoid
from layers import random

from videorec.layers import MeanOfSigmoids, MeanOfSoftmaxes

LOGITS = [random(2, 4, seed=seed, scale=3.0) for seed in range(3)]


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("layer, probabilities", [(MeanOfSoftmaxes, softmax), (MeanOfSigmoids, sigmoid)])
def test_probabilities_are_the_means(layer, probabilities):
    logits = layer()(LOGITS)
    assert logits.shape == (2, 1, 4)
    np.testing.assert_allclose(
        probabilities(np.asarray(logits[:, 0])), np.mean(probabilities(np.array(LOGITS)), axis=0), rtol=1e-5
    )


@pytest.mark.parametrize("layer", [MeanOfSoftmaxes, MeanOfSigmoids])
def test_no_probability_underflows(layer):
    # Probabilities of exp(-200): 0 in float32, but not their logarithm.
    logits = np.asarray(layer()([np.array([[0.0, -200.0]], "float32")] * 2))[0, 0]
    np.testing.assert_allclose(logits[1], -200, rtol=1e-5)
