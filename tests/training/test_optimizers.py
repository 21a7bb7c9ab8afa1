"""Optimizers and learning rates, by hand."""

import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import Train, UserError
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
    cosine = optimizers.learning_rate(Train(epochs=20, steps=100, learning_rate=1.0), steps=10)
    assert [round(float(cosine(s)), 3) for s in (0, 5, 10, 55, 100)] == [0, 0.5, 1, 0.5, 0]
    step = optimizers.learning_rate(Train(schedule="step", step_every=10, learning_rate=1.0), steps=3)
    assert [round(float(step(s)), 4) for s in (0, 9, 10, 25)] == [1, 1, 0.1, 0.01]


# === Factors of the learning rate ===


def three_steps(optimizer):
    """A kernel from 1.0 and a bias from 0.5 after three steps down w^2."""
    kernel, bias = keras.Variable([[1.0]], name="kernel"), keras.Variable([0.5], name="bias")
    for _ in range(3):
        optimizer.apply([keras.ops.convert_to_tensor(2 * x.numpy()) for x in (kernel, bias)], [kernel, bias])
    return float(kernel.numpy()[0, 0]), float(bias.numpy()[0])


def test_factors_of_sgd_with_momentum_are_those_of_caffe():
    """v = 0.9 v - 0.1 f (g + l2 w), w += v: f = 10 for the kernel, 0.5 for the bias, which does not decay."""

    def by_hand(w, factor, l2):
        w, v = np.float64(w), 0.0
        for _ in range(3):
            v = 0.9 * v - 0.1 * factor * (2 * w + l2 * w)
            w += v
        return w

    optimizer = optimizers.L2SGD(0.1, momentum=0.9, l2=0.5, factors=[10.0, 0.5])
    np.testing.assert_allclose(three_steps(optimizer), [by_hand(1.0, 10, 0.5), by_hand(0.5, 0.5, 0)], rtol=1e-5)


def test_factors_of_adamw_scale_its_decay_too():
    """Loshchilov and Hutter, with the variable's own rate for all of a step."""

    def by_hand(w, rate, decay):
        w, m, v = np.float64(w), 0.0, 0.0
        for t in range(1, 4):
            g = 2 * w
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            w = w * (1 - rate * decay) - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        return w

    optimizer = optimizers.AdamW(0.01, weight_decay=4.0, factors=[0.1, 3.0])
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    expected = [by_hand(1.0, 0.001, 4.0), by_hand(0.5, 0.03, 0.0)]
    np.testing.assert_allclose(three_steps(optimizer), expected, rtol=1e-5)


def test_the_backbone_and_the_last_layer_have_rates_of_their_own():
    settings = {"backbone": "tiny", "weights": None, "trainable_from": "conv4", "tap": "fc"}
    model = models.build("lrcn", {"rgb": (3, 16, 16, 3)}, 2, units=4, **settings)
    factors = optimizers.factors(Train(backbone_rate=0.25, last_rate=10.0), model)
    groups = [(0.25, "conv4 squeeze fc"), (1.0, "lstm"), (10.0, "steps")]
    expected = [f for x in model.trainable_variables for f, names in groups if any(name in x.path for name in names.split())]
    assert factors == expected and set(factors) == {0.25, 1.0, 10.0}
    optimizer = optimizers.optimizer(Train(backbone_rate=0.25), 5, model)
    again = type(optimizer).from_config(optimizer.get_config())
    assert list(again.factors) == list(optimizer.factors)


@pytest.mark.parametrize("name, lasts", [("gru_rcn", 4), ("two_stream", 2)])
def test_several_last_layers(name, lasts):
    form = models.CLASSES[name].forms()["plain"]
    model = models.build(name, dict.fromkeys(("rgb", "flow") if lasts == 2 else ("rgb",), (3, 16, 16, 3)), 7, **form)
    factors = optimizers.factors(Train(last_rate=10.0), model)
    of_classes = [x.shape[-1] == 7 for x in model.trainable_variables]
    assert [f == 10 for f in factors] == of_classes and sum(of_classes) == 2 * lasts


def test_no_rate_for_a_frozen_backbone():
    model = models.build("lrcn", {"rgb": (3, 16, 16, 3)}, 2, units=4, backbone="tiny", weights=None, tap="fc")
    with pytest.raises(
        UserError, match=r"--train.backbone-rate is for a trained backbone: --model.trainable-from. Received: 0.1"
    ):
        optimizers.optimizer(Train(backbone_rate=0.1), 5, model)
