"""What every forecasting model must do."""

import dataclasses

import keras
import numpy as np
import pytest
from forecast_cases import CASES, CLASSES, HORIZON, build, channels, frames, shapes

from videorec.config import UserError
from videorec.tasks.recognition.losses import StepCrossentropy


@pytest.fixture(params=CASES)
def case(request):
    return request.param


def numpy(outputs):
    return {key: keras.ops.convert_to_numpy(value) for key, value in outputs.items()}


def test_any_batch_and_time(case):
    model = build(case)
    assert sorted(model.output_names) == sorted(model.output)
    for key, shape in shapes(case, None, None).items():
        assert model.output[key].shape == shape
    for batch, time in [(1, 1), (2, 5), (3, 2)]:
        outputs = model.predict({"rgb": frames(case, batch, time)}, verbose=0)
        assert {key: value.shape for key, value in outputs.items()} == shapes(case, batch, time)
        if "attention" in outputs:
            np.testing.assert_allclose(outputs["attention"].sum(-1), 1, atol=1e-5)
        if "probabilities" in outputs:
            softmax = np.exp(outputs["steps"]) / np.exp(outputs["steps"]).sum(-1, keepdims=True)
            np.testing.assert_allclose(outputs["probabilities"], softmax.mean(axis=1), atol=1e-5)


def test_one_frame_ahead(case):
    model = build(case, horizon=1)
    outputs = model.predict({"rgb": frames(case)}, verbose=0)
    assert {key: value.shape for key, value in outputs.items()} == shapes(case, 2, 4, horizon=1)


def test_a_longer_horizon_begins_with_the_shorter_ones_forecasts(case):
    short, long = build(case), build(case, horizon=HORIZON + 2)
    long.set_weights(short.get_weights())
    x = {"rgb": frames(case)}
    expected, got = numpy(short(x)), numpy(long(x))
    for key in expected.keys() - {"probabilities"}:
        np.testing.assert_allclose(got[key][:, :HORIZON], expected[key], atol=1e-5)


def test_static_and_dynamic_time_eager_and_graph_agree(case):
    static, dynamic = build(case, time=4), build(case)
    assert static.input["rgb"].shape[1] == 4
    dynamic.set_weights(static.get_weights())
    x = {"rgb": frames(case)}
    expected = numpy(static(x))
    for got in (static.predict(x, verbose=0), dynamic.predict(x, verbose=0), numpy(dynamic(x))):
        for key, value in expected.items():
            np.testing.assert_allclose(got[key], value, atol=1e-5)


def test_order_of_the_frames_matters(case):
    model, x = build(case), frames(case)
    before, after = numpy(model({"rgb": x})), numpy(model({"rgb": x[:, ::-1]}))
    for key in before.keys() - {"attention"}:
        assert np.abs(before[key] - after[key]).max() > 1e-5


def test_float_pixels_are_the_same_frames(case):
    if case == "seq2seq-backbone":
        pytest.skip("backbones take uint8")
    whole, scaled = build(case), build(case, pixels="float32")
    assert scaled.input["rgb"].dtype == "float32" and whole.input["rgb"].dtype == "uint8"
    scaled.set_weights(whole.get_weights())
    x = frames(case)
    expected, got = numpy(whole({"rgb": x})), numpy(scaled({"rgb": x.astype("float32") / 255}))
    for key in expected:
        np.testing.assert_allclose(got[key], expected[key], atol=1e-5)


def loss_and_gradients(model, x, key, targets):
    """Of one step, on the backend in use."""

    def loss_of(outputs):
        if key == "steps":
            return StepCrossentropy()(targets, outputs["steps"])
        return keras.ops.mean((outputs["frames"] - targets) ** 2)

    if keras.backend.backend() == "jax":
        import jax

        def stateless(trainable):
            return loss_of(model.stateless_call(trainable, [w.value for w in model.non_trainable_variables], x)[0])

        return jax.value_and_grad(stateless)([w.value for w in model.trainable_variables])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss_of(model(x))
    return value, tape.gradient(value, [w.value for w in model.trainable_variables])


def test_trains_and_reaches_every_weight(case):
    keras.utils.set_random_seed(1)
    model = build(case)
    key = "frames" if "frames" in model.output else "steps"
    # Bright frames: noise of mean 0.5, where sigmoids start, leaves nothing to gain.
    bright = np.sqrt(np.random.default_rng(0).random(shapes(case, 4, 4)[key])).astype("float32")
    targets = bright if key == "frames" else np.eye(CLASSES)
    x = {"rgb": frames(case, batch=4)}
    before, gradients = loss_and_gradients(model, x, key, targets)
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.any(np.asarray(gradient) != 0), f"no gradient reaches {weight.path}"
    keras.optimizers.SGD(1e-2).apply(gradients, model.trainable_variables)
    after, _ = loss_and_gradients(model, x, key, targets)
    assert float(after) < float(before)


def test_round_trip(case, tmp_path):
    model, x = build(case), {"rgb": frames(case)}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    a, b = model.predict(x, verbose=0), loaded.predict(x, verbose=0)
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


def test_float32_outputs_under_mixed_precision(case):
    plain = build(case)
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = build(case)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    model.set_weights(plain.get_weights())
    x = {"rgb": frames(case)}
    expected = numpy(plain(x))
    for key, value in model(x).items():
        assert model.output[key].dtype == keras.backend.standardize_dtype(value.dtype) == "float32", key
        np.testing.assert_allclose(keras.ops.convert_to_numpy(value), expected[key], atol=0.03)
    assert {layer.compute_dtype for layer in model.layers if "LSTM" in type(layer).__name__} <= {"float16"}


@pytest.mark.parametrize(
    "case, changes, streams, message",
    [
        ("convlstm", {}, {"flow": (4, 8, 8, 2)}, "one stream, rgb"),
        ("convlstm", {}, {"rgb": (4, 8, 8, 2), "flow": (4, 8, 8, 2)}, "one stream, rgb"),
        ("fclstm", {}, {"rgb": (4, None, 8, 2)}, "height, width, channels"),
        ("fclstm", {"horizon": 0}, None, "horizon must be 1"),
        ("fclstm", {"units": ()}, None, "at least one layer"),
        ("convlstm", {"filters": ()}, None, "at least one layer"),
        ("convlstm", {"patch": 5}, None, "patch must divide.*patch 5, frames of 8 x 12"),
        ("stack", {"patch": 0}, None, "patch must divide"),
        ("stack", {"filters": ()}, None, "at least one layer"),
        ("convlstm-gru", {"recurrent_kernel": 1}, None, "one size for all its kernels"),
        ("seq2seq", {"filters": ()}, None, "at least one convolution"),
        ("seq2seq", {"backbone": "tiny"}, None, "for target labels"),
        ("seq2seq-backbone", {"pixels": "float32"}, None, "pixels uint8"),
        ("seq2seq-backbone", {}, {"rgb": (4, 8, 12, 2)}, "height, width, 3"),
    ],
)
def test_errors(case, changes, streams, message):
    model = dataclasses.replace(CASES[case], **changes)
    with pytest.raises(UserError, match=message):
        model.build(streams or {"rgb": (4, 8, 12, channels(case))}, CLASSES)


def test_labels_need_classes():
    with pytest.raises(UserError, match="at least one class"):
        CASES["seq2seq-labels"].build({"rgb": (4, 8, 12, 2)})


@pytest.mark.parametrize("case", ["convlstm-residual", "convlstm-mean"])
def test_a_residual_forecaster_begins_with_the_frames_seen(case):
    """And only what it learns is added to that."""
    model, x = build(case), frames(case)
    begin = x[:, -1:] if case == "convlstm-residual" else x.mean(axis=1, keepdims=True)
    forecast = keras.ops.convert_to_numpy(model({"rgb": x})["frames"])
    np.testing.assert_allclose(forecast, np.repeat(begin / 255, HORIZON, axis=1), atol=0.01)
    model.get_layer("forecast_patches").weights[-1].assign(np.full(4 * 2, 0.25, "float32"))  # the bias
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model({"rgb": x})["frames"]), forecast + 0.25, atol=1e-6)
