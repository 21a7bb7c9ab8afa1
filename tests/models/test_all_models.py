"""What every registered model must do; a new model is tested by a line in variants.py."""

import inspect

import keras
import numpy as np
import pytest
from variants import CLASSES, FRAMES, VARIANTS, build, settings

from videorec import models
from videorec.config import UserError
from videorec.losses import StepCrossentropy

OUTPUTS = {"attention_lstm": {"attention"}, "visual_attention": {"attention"}}


@pytest.fixture(params=VARIANTS)
def case(request):
    return request.param


def clips(batch, time, seed=0):
    return {"rgb": np.random.default_rng(seed).integers(0, 256, (batch, time, 32, 32, 3)).astype("uint8")}


def lengths(case):
    """Batch sizes and numbers of frames that the model takes."""
    if not settings(case).any_length:
        return [(1, FRAMES), (3, FRAMES)]
    least = settings(case).least_frames
    return [(1, least), (2, least + 4), (3, least + 1)]


def test_any_batch_and_time(case):
    model = build(case)
    for batch, time in lengths(case):
        outputs = model.predict(clips(batch, time), verbose=0)
        assert outputs.keys() == {"steps", "probabilities"} | OUTPUTS.get(VARIANTS[case][0], set())
        assert outputs["steps"].shape[0] == batch and outputs["steps"].shape[-1] == CLASSES
        assert outputs["steps"].shape[1] in (1, time)
        assert outputs["probabilities"].shape == (batch, CLASSES)
        np.testing.assert_allclose(outputs["probabilities"].sum(-1), 1, atol=1e-5)
        if "attention" in outputs:
            assert outputs["attention"].shape[:2] == (batch, time)
            np.testing.assert_allclose(outputs["attention"].sum(-1), 1, atol=1e-5)


def test_static_and_dynamic_time_agree(case):
    static = build(case, time=FRAMES)
    assert static.input["rgb"].shape == (None, FRAMES, 32, 32, 3) and static.input["rgb"].dtype == "uint8"
    assert None not in static.output["steps"].shape[1:]
    dynamic = build(case)
    dynamic.set_weights(static.get_weights())
    a, b = static.predict(clips(2, FRAMES), verbose=0), dynamic.predict(clips(2, FRAMES), verbose=0)
    np.testing.assert_allclose(a["steps"], b["steps"], atol=1e-5)


def loss_and_gradients(model, x, targets):
    """Of one step, with dropout off, on the backend in use."""
    loss = StepCrossentropy()
    if keras.backend.backend() == "jax":
        import jax

        def loss_of(trainable):
            outputs, _ = model.stateless_call(trainable, [w.value for w in model.non_trainable_variables], x, training=False)
            return loss(targets, outputs["steps"])

        return jax.value_and_grad(loss_of)([w.value for w in model.trainable_variables])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(targets, model(x, training=False)["steps"])
    return value, tape.gradient(value, [w.value for w in model.trainable_variables])


def test_trains_and_reaches_every_weight(case):
    keras.utils.set_random_seed(1)
    model = build(case)
    x, targets = clips(4, FRAMES), np.eye(CLASSES, dtype="float32")[[0, 1, 2, 0]]
    before, gradients = loss_and_gradients(model, x, targets)
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.any(np.asarray(gradient) != 0), f"no gradient reaches {weight.path}"
    keras.optimizers.SGD(1e-3).apply(gradients, model.trainable_variables)
    after, _ = loss_and_gradients(model, x, targets)
    assert float(after) < float(before)


def test_fits_with_further_outputs_and_dropout(case):
    """Loss on steps, metrics on probabilities, as in training; nothing for attention."""
    model = build(case)
    loss, metrics = {"steps": StepCrossentropy()}, {"probabilities": [keras.metrics.CategoricalAccuracy(name="accuracy")]}
    model.compile("sgd", loss=loss, weighted_metrics=metrics, jit_compile=False)
    targets = np.eye(CLASSES, dtype="float32")[[0, 1, 2, 0]]
    y, weights = dict.fromkeys(model.output, targets), dict.fromkeys(model.output, np.ones(4))
    logs = model.train_on_batch(clips(4, FRAMES), y, weights, return_dict=True)
    assert np.isfinite(logs["loss"]) and "probabilities_accuracy" in logs


def test_round_trip(case, tmp_path):
    model = build(case)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    a, b = model.predict(clips(2, FRAMES), verbose=0), loaded.predict(clips(2, FRAMES), verbose=0)
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


def test_float32_outputs_under_mixed_precision(case):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = build(case)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    taps = keras.tree.flatten(model.get_layer("rgb_backbone").output)
    assert {tap.dtype for tap in taps} == {"float16"}
    outputs = model(clips(2, FRAMES))
    for key, value in outputs.items():
        assert model.output[key].dtype == keras.backend.standardize_dtype(value.dtype) == "float32", key
        assert np.all(np.isfinite(keras.ops.convert_to_numpy(value)))


def test_steps_of_causal_models_do_not_see_later_frames(case):
    model = build(case)
    x = clips(2, FRAMES)
    before = model.predict(x, verbose=0)["steps"]
    if before.shape[1] == 1:
        pytest.skip("one step for the whole clip")
    x["rgb"][:, 2:] = 255 - x["rgb"][:, 2:]
    after = model.predict(x, verbose=0)["steps"]
    assert np.abs(after[:, 2:] - before[:, 2:]).max() > 1e-6
    if settings(case).causal:
        np.testing.assert_array_equal(after[:, :2], before[:, :2])
    else:
        assert np.abs(after[:, :2] - before[:, :2]).max() > 1e-7


def test_output_layers_carry_the_output_names(case):
    model = build(case)
    assert sorted(model.output_names) == sorted(model.output)


def test_flow_stream(case):
    model = build(case, stream="flow")
    assert list(model.input) == ["flow"] and model.get_layer("flow_backbone")


@pytest.mark.parametrize("name", ["attention_lstm", "fc_lstm", "frame_average", "lrcn", "short_snippets_lstm"])
@pytest.mark.parametrize("tap, size", [("map", 4 * 4 * 64), ("pooled", 64), ("fc", 64)])
def test_vector_models_take_every_tap(name, tap, size):
    model = build(name, tap=tap)
    tapped = model.get_layer("rgb_backbone").output.shape[2:]
    assert np.prod(tapped) == size
    assert model.predict(clips(1, 2), verbose=0)["probabilities"].shape == (1, CLASSES)


@pytest.mark.parametrize("name", models.names())
def test_every_hyperparameter_is_documented(name):
    source = inspect.getsource(models.CLASSES[name])
    fields_but_name = len(models.CLASSES[name].__annotations__) - 1
    class_body = source.split("def build(")[0].split("@property")[0]
    assert class_body.count('"""') == 2 * (1 + fields_but_name)  # the docstring of the class, and one a field


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "lrcm"}, "Did you mean lrcn"),
        ({"name": "lrcn", "unit": 3}, "Did you mean units"),
        ({"name": "lrcn", "streams": {"depth": (4, 32, 32, 3)}}, "rgb, flow, or both"),
        ({"name": "lrcn", "streams": {"rgb": (32, 32, 3)}}, "height, width, 3"),
        ({"name": "lrcn", "classes": 0}, "at least one class"),
        ({"name": "fc_lstm", "layers": 0}, "layers must be 1 or more"),
        ({"name": "short_snippets_lstm", "layers": 0}, "layers must be 1 or more"),
        ({"name": "short_snippets_pooling", "variant": "time_domain"}, "at least 10 frames"),
        ({"name": "short_snippets_pooling", "variant": "time_domain", "kernel": (2, 3, 3), "tap": "fc"}, "needs the tap map"),
        (
            {"name": "short_snippets_pooling", "variant": "local", "streams": {"rgb": (None, 32, 32, 3)}},
            "fixed number of frames",
        ),
        ({"name": "visual_attention", "tap": "fc"}, "needs the tap map"),
        ({"name": "visual_attention", "layers": 6}, "from 1 to 5"),
        ({"name": "conv_lstm", "filters": ()}, "at least one layer"),
        ({"name": "gru_rcn", "filters": (3, 3)}, "tiny gives 4 here .conv1, conv2, conv4, and pooled"),
    ],
)
def test_errors(arguments, message):
    settings = {"backbone": "tiny", "weights": None, "streams": {"rgb": (4, 32, 32, 3)}}
    with pytest.raises(UserError, match=message):
        models.build(**settings | arguments)
