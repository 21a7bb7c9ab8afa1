"""What every registered model must do; a new model is tested without writing a test."""

import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import UserError

CLASSES = 3
TINY = {"backbone": "tiny", "tap": "fc", "weights": None, "trainable_from": "all"}
# Settings that make a model small, by name, beside those above.
SMALL = {"lrcn": {"units": 8}}


@pytest.fixture(params=models.names())
def name(request):
    return request.param


def build(name, time=None, **settings):
    return models.build(name, {"rgb": (time, 32, 32, 3)}, CLASSES, **TINY | SMALL.get(name, {}) | settings)


def clips(batch, time, seed=0):
    return {"rgb": np.random.default_rng(seed).integers(0, 256, (batch, time, 32, 32, 3)).astype("uint8")}


def test_any_batch_and_time(name):
    model = build(name)
    for batch, time in [(1, 1), (2, 5), (3, 2)]:
        outputs = model.predict(clips(batch, time), verbose=0)
        assert outputs["steps"].shape[0] == batch and outputs["steps"].shape[-1] == CLASSES
        assert outputs["steps"].shape[1] in (1, time)
        assert outputs["probabilities"].shape == (batch, CLASSES)
        np.testing.assert_allclose(outputs["probabilities"].sum(-1), 1, atol=1e-5)


def test_static_and_dynamic_time_agree(name):
    static, dynamic = build(name, time=4), build(name)
    assert static.input["rgb"].shape == (None, 4, 32, 32, 3) and static.input["rgb"].dtype == "uint8"
    assert None not in static.output["steps"].shape[1:]
    dynamic.set_weights(static.get_weights())
    a, b = static.predict(clips(2, 4), verbose=0), dynamic.predict(clips(2, 4), verbose=0)
    np.testing.assert_allclose(a["steps"], b["steps"], atol=1e-5)


def test_trains_and_reaches_every_weight(name):
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = build(name, **{key: 0.0 for key in ("dropout", "output_dropout") if key in fields(name)})
    x, label = clips(4, 3), np.array([0, 1, 2, 0])

    def loss_of():
        steps = model(x, training=True)["steps"]
        labels = np.repeat(label[:, None], steps.shape[1], axis=1)
        return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, steps, from_logits=True))

    with tf.GradientTape() as tape:
        before = loss_of()
    gradients = tape.gradient(before, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None and np.any(np.asarray(gradient) != 0), f"no gradient reaches {weight.path}"
    keras.optimizers.SGD(1e-3).apply(gradients, model.trainable_weights)
    assert loss_of() < before


def test_round_trip(name, tmp_path):
    model = build(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    a, b = model.predict(clips(2, 3), verbose=0), loaded.predict(clips(2, 3), verbose=0)
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


def test_float32_outputs_under_mixed_precision(name):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = build(name)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert model.get_layer("rgb_backbone").output.dtype == "float16"
    outputs = model(clips(2, 3))
    for key in ("steps", "probabilities"):
        assert model.output[key].dtype == keras.backend.standardize_dtype(outputs[key].dtype) == "float32"


def test_steps_do_not_see_later_frames(name):
    model = build(name)
    x = clips(2, 4)
    before = model.predict(x, verbose=0)["steps"]
    if before.shape[1] == 1:
        pytest.skip("one step for the whole clip")
    x["rgb"][:, 2:] = 255 - x["rgb"][:, 2:]
    after = model.predict(x, verbose=0)["steps"]
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert np.abs(after[:, 2:] - before[:, 2:]).max() > 1e-6


def test_output_layers_carry_the_output_names(name):
    assert build(name).output_names == ["probabilities", "steps"]


def test_flow_stream(name):
    model = models.build(name, {"flow": (None, 32, 32, 3)}, CLASSES, **TINY | SMALL.get(name, {}))
    assert list(model.input) == ["flow"] and model.get_layer("flow_backbone")


def test_every_hyperparameter_is_documented(name):
    import inspect

    source = inspect.getsource(models.CLASSES[name])
    fields_but_name = len(models.CLASSES[name].__annotations__) - 1
    class_body = source.split("def build(")[0]
    assert class_body.count('"""') == 2 * (1 + fields_but_name)  # the docstring of the class, and one a field


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "lcrn"}, "Did you mean lrcn"),
        ({"name": "lrcn", "unit": 3}, "Did you mean units"),
        ({"name": "lrcn", "streams": {"depth": (4, 32, 32, 3)}}, "rgb, flow, or both"),
        ({"name": "lrcn", "streams": {"rgb": (32, 32, 3)}}, "height, width, 3"),
        ({"name": "lrcn", "classes": 0}, "at least one class"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(UserError, match=message):
        models.build(**{"streams": {"rgb": (4, 32, 32, 3)}} | arguments)


def fields(name):
    return models.CLASSES[name].__dataclass_fields__
