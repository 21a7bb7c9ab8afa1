"""Loss and metrics of the labels of frames, against NumPy and scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from videorec.tasks.dense.learning import FrameAccuracy, FrameCrossentropy
from videorec.training.metrics import MeanAveragePrecision

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 4, (2, 5, 3)).astype(np.float32)
TARGETS = RNG.integers(0, 2, (2, 5, 3)).astype(np.float32)
WEIGHTS = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 1, 1]], np.float32)
ONE_HOT = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, (2, 5))]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def value(x) -> float:
    return float(keras.ops.convert_to_numpy(x))


# === Loss ===


def test_loss_of_several_labels():
    p = sigmoid(LOGITS.astype(np.float64))
    of_frames = -(TARGETS * np.log(p) + (1 - TARGETS) * np.log(1 - p)).sum(axis=-1)
    assert value(FrameCrossentropy()(TARGETS, LOGITS, WEIGHTS)) == pytest.approx(of_frames[WEIGHTS > 0].mean(), rel=1e-5)
    assert value(FrameCrossentropy()(TARGETS, LOGITS)) == pytest.approx(of_frames.mean(), rel=1e-5)
    half = value(FrameCrossentropy()(TARGETS, LOGITS, WEIGHTS / 2))
    assert half == pytest.approx(of_frames[WEIGHTS > 0].mean(), rel=1e-5)


def test_loss_of_one_label():
    of_frames = -np.log(softmax(LOGITS.astype(np.float64))[ONE_HOT > 0].reshape(2, 5))
    result = value(FrameCrossentropy(exclusive=True)(ONE_HOT, LOGITS, WEIGHTS))
    assert result == pytest.approx(of_frames[WEIGHTS > 0].mean(), rel=1e-5)


def test_smoothed_labels():
    """A fifth of the target: over the three classes of one label, over true and not true of each of several."""
    logits = LOGITS.astype(np.float64)
    spread = 0.8 * ONE_HOT + 0.2 / 3
    of_frames = -(spread * np.log(softmax(logits))).sum(axis=-1)
    result = value(FrameCrossentropy(exclusive=True, label_smoothing=0.2)(ONE_HOT, LOGITS, WEIGHTS))
    assert result == pytest.approx(of_frames[WEIGHTS > 0].mean(), rel=1e-5)
    p, spread = sigmoid(logits), 0.8 * TARGETS + 0.1
    of_frames = -(spread * np.log(p) + (1 - spread) * np.log(1 - p)).sum(axis=-1)
    result = value(FrameCrossentropy(label_smoothing=0.2)(TARGETS, LOGITS, WEIGHTS))
    assert result == pytest.approx(of_frames[WEIGHTS > 0].mean(), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_loss_of_weighted_classes(smoothing):
    """A frame's loss times the weight of its class, by the number of frames that count, not by their weights."""
    factors = np.float32([0.5, 1, 4])
    spread = (1 - smoothing) * ONE_HOT + smoothing / 3
    of_frames = -(spread * np.log(softmax(LOGITS.astype(np.float64)))).sum(axis=-1) * (ONE_HOT @ factors)
    loss = FrameCrossentropy(exclusive=True, label_smoothing=smoothing)
    assert value(loss(ONE_HOT * factors, LOGITS, WEIGHTS)) == pytest.approx(of_frames[WEIGHTS > 0].mean(), rel=1e-5)
    one_class = np.zeros_like(ONE_HOT) + [0, 0, 1]  # of a batch of one class alone too
    ratio = value(loss(one_class * factors, LOGITS, WEIGHTS)) / value(loss(one_class, LOGITS, WEIGHTS))
    assert ratio == pytest.approx(4, rel=1e-5)


@pytest.mark.parametrize("exclusive", [False, True])
def test_loss_at_its_limits(exclusive):
    loss = FrameCrossentropy(exclusive)
    assert value(loss(ONE_HOT, LOGITS, np.zeros_like(WEIGHTS))) == 0  # a batch in which nothing counts
    huge = np.float32([[[300, -300]]])
    assert value(loss(np.float32([[[1, 0]]]), huge)) == 0
    expected = 600  # 300 + 300 of two sigmoids, and 600 of the softmax
    assert value(loss(np.float32([[[0, 1]]]), huge)) == pytest.approx(expected)


def test_loss_stays_float32_in_mixed_precision():
    half = LOGITS.astype(np.float16)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        loss = FrameCrossentropy()(TARGETS, half, WEIGHTS)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert value(loss) == pytest.approx(value(FrameCrossentropy()(TARGETS, half.astype(np.float32), WEIGHTS)), rel=1e-6)


@pytest.mark.parametrize("exclusive", [False, True])
def test_gradient_by_hand(exclusive):
    tf = pytest.importorskip("tensorflow")
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = FrameCrossentropy(exclusive)(ONE_HOT, logits, WEIGHTS)
    gradient = tape.gradient(loss, logits).numpy()
    expected = ((softmax(LOGITS) if exclusive else sigmoid(LOGITS)) - ONE_HOT) * WEIGHTS[..., None] / WEIGHTS.sum()
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


# === Metrics ===


def test_accuracy_by_hand():
    #             right        right (one of two)  no label    wrong       right, weight 0
    true = [[[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1], [1, 0, 0]]]
    scores = [[[9, 1, 1], [1, 2, 9], [9, 1, 1], [3, 2, 1], [5, 1, 1]]]
    metric = FrameAccuracy()
    metric.update_state(np.float32(true), np.float32(scores), np.float32([[1, 1, 1, 1, 0]]))
    assert value(metric.result()) == pytest.approx(2 / 3)
    metric.update_state(np.float32(true), np.float32(scores))  # all weigh 1: 3 of 4
    assert value(metric.result()) == pytest.approx(5 / 7)
    metric.reset_state()
    metric.update_state(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)))
    assert value(metric.result()) == 0


def test_accuracy_is_not_weighted_by_class():
    plain, weighted = FrameAccuracy(), FrameAccuracy()
    plain.update_state(ONE_HOT, LOGITS, WEIGHTS)
    weighted.update_state(ONE_HOT * np.float32([0.5, 1, 4]), LOGITS, WEIGHTS)
    right = (LOGITS.argmax(-1) == ONE_HOT.argmax(-1))[WEIGHTS > 0]
    assert value(weighted.result()) == value(plain.result()) == pytest.approx(right.mean())
    assert 0 < right.mean() < 1


def test_average_precision_is_near_the_exact_one():
    classes, frames = 4, 6000
    true = (RNG.random((10, frames // 10, classes)) < [0.5, 0.2, 0.05, 0.1]).astype(np.float32)
    scores = sigmoid(RNG.normal(1.5 * true - 1, 1)).astype(np.float32)
    weights = (RNG.random((10, frames // 10)) < 0.7).astype(np.float32)
    scores[weights == 0] = 1 - true[weights == 0]  # as wrong as can be, and not counted
    metric = MeanAveragePrecision(classes)
    for part in range(10):
        metric.update_state(*(x[part : part + 1] for x in (true, scores, weights)))
    counted = weights.astype(bool)
    expected = np.mean([average_precision_score(true[counted][:, c], scores[counted][:, c]) for c in range(classes)])
    assert 0.3 < expected < 0.9
    assert value(metric.result()) == pytest.approx(expected, abs=0.01)


def test_a_class_that_never_occurs_is_left_out():
    true = np.zeros((1, 400, 2), np.float32)
    true[0, ::2, 0] = 1
    metric = MeanAveragePrecision(2)
    metric.update_state(true, true * 0.8 + 0.1)
    assert value(metric.result()) == pytest.approx(1, abs=0.01)


# === Configurations ===


@pytest.mark.parametrize(
    "thing",
    [
        FrameCrossentropy(exclusive=True, label_smoothing=0.1, name="x", reduction="sum", dtype="float32"),
        FrameAccuracy(name="x", dtype="float32"),
        MeanAveragePrecision(3, name="x", dtype="float32"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_configurations_come_back(thing):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(thing))
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()
    assert again.name == "x"
    if isinstance(thing, FrameCrossentropy):
        assert value(again(ONE_HOT, LOGITS)) == pytest.approx(value(thing(ONE_HOT, LOGITS)))
    else:
        for metric in (thing, again):
            metric.update_state(ONE_HOT, softmax(LOGITS), WEIGHTS)
        assert value(again.result()) == value(thing.result())


def test_settings_that_are_not_known_are_errors():
    with pytest.raises(TypeError, match="num_thresholds"):
        MeanAveragePrecision(3, num_thresholds=10)


def test_they_are_used_together_in_training():
    inputs = keras.Input((None, 2))
    steps = keras.layers.Dense(3, name="steps")(inputs)
    model = keras.Model(inputs, {"steps": steps, "probabilities": keras.ops.sigmoid(steps)})
    model.compile("sgd", {"steps": FrameCrossentropy()}, weighted_metrics={"probabilities": [FrameAccuracy()]})
    x = RNG.normal(size=(2, 5, 2)).astype(np.float32)
    targets, weights = ({name: array for name in ("steps", "probabilities")} for array in (ONE_HOT, WEIGHTS))
    predicted = model.predict_on_batch(x)
    logs = model.test_on_batch(x, targets, weights, return_dict=True)
    p = sigmoid(predicted["steps"].astype(np.float64))
    of_frames = -(ONE_HOT * np.log(p) + (1 - ONE_HOT) * np.log(1 - p)).sum(axis=-1)
    right = p.argmax(-1) == ONE_HOT.argmax(-1)
    assert logs["loss"] == pytest.approx(of_frames[WEIGHTS > 0].mean(), rel=1e-4)
    assert logs["probabilities_accuracy"] == pytest.approx(right[WEIGHTS > 0].mean())
