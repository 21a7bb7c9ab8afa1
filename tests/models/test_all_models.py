"""What every registered model must do; a new model is tested by a line in variants.py."""

import inspect
import typing

import keras
import numpy as np
import pytest
from variants import CLASSES, FRAMES, VARIANTS, build, clips, parts, streams

from videorec import models
from videorec.config import UserError
from videorec.tasks.recognition.losses import StepCrossentropy

OUTPUTS = {"attention_lstm": {"attention"}, "visual_attention": {"attention"}}


@pytest.fixture(params=VARIANTS)
def case(request):
    return request.param


def lengths(case):
    """Batch sizes and numbers of frames of each stream that the model takes."""
    models_of = [model for *_, model in parts(case)]

    def times(more):
        return [model.least_frames + more + number if model.any_length else FRAMES for number, model in enumerate(models_of)]

    return [(1, times(0)), (2, times(4)), (3, times(1))]


def step_outputs(model):
    """The outputs that have a loss."""
    return [name for name in model.output if name.endswith("_steps")] or ["steps"]


def test_any_batch_and_time(case):
    model = build(case)
    for batch, times in lengths(case):
        outputs = model.predict(clips(case, batch, *times), verbose=0)
        expected = {"steps", "probabilities"}
        for (_, prefix, recogniser), time in zip(parts(case), times, strict=True):
            own = {"steps", "probabilities"} | OUTPUTS.get(recogniser.name, set())
            expected |= {f"{prefix}{key}" for key in own}
            steps, probabilities = outputs[f"{prefix}steps"], outputs[f"{prefix}probabilities"]
            assert steps.shape[0] == batch and steps.shape[-1] == CLASSES
            assert steps.shape[1] in (1, time)
            assert probabilities.shape == (batch, CLASSES)
            np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)
            if "attention" in own:
                assert outputs[f"{prefix}attention"].shape[:2] == (batch, time)
                np.testing.assert_allclose(outputs[f"{prefix}attention"].sum(-1), 1, atol=1e-5)
        assert outputs.keys() == expected
        assert outputs["steps"].shape == (batch, sum(outputs[name].shape[1] for name in step_outputs(model)), CLASSES)
        assert outputs["probabilities"].shape == (batch, CLASSES)
        np.testing.assert_allclose(outputs["probabilities"].sum(-1), 1, atol=1e-5)


def test_static_and_dynamic_time_agree(case):
    static = build(case, time=FRAMES)
    assert sorted(static.input) == sorted(streams(case))
    for frames in static.input.values():
        assert frames.shape == (None, FRAMES, 32, 32, 3) and frames.dtype == "uint8"
    assert None not in static.output["steps"].shape[1:]
    dynamic = build(case)
    dynamic.set_weights(static.get_weights())
    a, b = static.predict(clips(case, 2, FRAMES), verbose=0), dynamic.predict(clips(case, 2, FRAMES), verbose=0)
    for key in a:
        np.testing.assert_allclose(a[key], b[key], atol=1e-5)


def loss_and_gradients(model, x, targets):
    """Of one step, with dropout off, on the backend in use."""
    loss = StepCrossentropy()
    if keras.backend.backend() == "jax":
        import jax

        def loss_of(trainable):
            outputs, _ = model.stateless_call(trainable, [w.value for w in model.non_trainable_variables], x, training=False)
            return sum(loss(targets, outputs[name]) for name in step_outputs(model))

        return jax.value_and_grad(loss_of)([w.value for w in model.trainable_variables])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = model(x, training=False)
        value = sum(loss(targets, outputs[name]) for name in step_outputs(model))
    return value, tape.gradient(value, [w.value for w in model.trainable_variables])


def test_trains_and_reaches_every_weight(case):
    keras.utils.set_random_seed(1)
    model = build(case)
    x, targets = clips(case, 4, FRAMES), np.eye(CLASSES, dtype="float32")[[0, 1, 2, 0]]
    before, gradients = loss_and_gradients(model, x, targets)
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.any(np.asarray(gradient) != 0), f"no gradient reaches {weight.path}"
    keras.optimizers.SGD(1e-3).apply(gradients, model.trainable_variables)
    after, _ = loss_and_gradients(model, x, targets)
    assert float(after) < float(before)


def test_fits_with_further_outputs_and_dropout(case):
    """Loss on steps, metrics on probabilities, as in training; nothing for attention."""
    model = build(case)
    loss = {name: StepCrossentropy() for name in step_outputs(model)}
    metrics = {"probabilities": [keras.metrics.CategoricalAccuracy(name="accuracy")]}
    model.compile("sgd", loss=loss, weighted_metrics=metrics, jit_compile=False)
    targets = np.eye(CLASSES, dtype="float32")[[0, 1, 2, 0]]
    y, weights = dict.fromkeys(model.output, targets), dict.fromkeys(model.output, np.ones(4))
    logs = model.train_on_batch(clips(case, 4, FRAMES), y, weights, return_dict=True)
    assert np.isfinite(logs["loss"]) and "probabilities_accuracy" in logs


def test_round_trip(case, tmp_path):
    model = build(case)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    a, b = model.predict(clips(case, 2, FRAMES), verbose=0), loaded.predict(clips(case, 2, FRAMES), verbose=0)
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


def test_float32_outputs_under_mixed_precision(case):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = build(case)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    taps = keras.tree.flatten([model.get_layer(f"{stream}_backbone").output for stream in streams(case)])
    assert {tap.dtype for tap in taps} == {"float16"}
    outputs = model(clips(case, 2, FRAMES))
    for key, value in outputs.items():
        assert model.output[key].dtype == keras.backend.standardize_dtype(value.dtype) == "float32", key
        assert np.all(np.isfinite(keras.ops.convert_to_numpy(value)))


def test_steps_of_causal_models_do_not_see_later_frames(case):
    model = build(case)
    x = clips(case, 2, FRAMES)
    before = model.predict(x, verbose=0)
    x = {stream: np.concatenate([frames[:, :2], 255 - frames[:, 2:]], axis=1) for stream, frames in x.items()}
    after = model.predict(x, verbose=0)
    compared = 0
    for _, prefix, recogniser in parts(case):
        old, new = before[f"{prefix}steps"], after[f"{prefix}steps"]
        if old.shape[1] == 1:
            continue
        compared += 1
        assert np.abs(new[:, 2:] - old[:, 2:]).max() > 1e-6
        if recogniser.causal:
            np.testing.assert_array_equal(new[:, :2], old[:, :2])
        else:
            assert np.abs(new[:, :2] - old[:, :2]).max() > 1e-7
    if not compared:
        pytest.skip("one step for the whole clip")


def test_output_layers_carry_the_output_names(case):
    model = build(case)
    assert sorted(model.output_names) == sorted(model.output)


@pytest.mark.parametrize("case", [name for name in VARIANTS if len(streams(name)) == 1])
def test_flow_stream(case):
    model = build(case, stream="flow")
    assert list(model.input) == ["flow"] and model.get_layer("flow_backbone")


@pytest.mark.parametrize("name", ["attention_lstm", "fc_lstm", "frame_average", "lrcn", "short_snippets_lstm"])
@pytest.mark.parametrize("tap, size", [("map", 4 * 4 * 64), ("pooled", 64), ("fc", 64)])
def test_vector_models_take_every_tap(name, tap, size):
    model = build(name, tap=tap)
    tapped = model.get_layer("rgb_backbone").output.shape[2:]
    assert np.prod(tapped) == size
    assert model.predict(clips(name, 1, 2), verbose=0)["probabilities"].shape == (1, CLASSES)


@pytest.mark.parametrize("name", models.names())
def test_every_hyperparameter_is_documented(name):
    source = inspect.getsource(models.CLASSES[name])
    own = [hint for hint in models.CLASSES[name].__annotations__.values() if typing.get_origin(hint) is not typing.ClassVar]
    class_body = source.split("def build(")[0].split("@property")[0]
    assert class_body.count('"""') == 2 * (1 + len(own))  # the docstring of the class, and one a field


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
