"""What every model must do, in each of the small forms that its class names: a new model is tested without a line here."""

import inspect
import typing

import keras
import numpy as np
import pytest
from variants import CASES, CLASSES, FRAMES, RECOGNISERS, build, clips, frame, parts, shared, streams

from videorec import models
from videorec.config import UserError, task_of
from videorec.models.ensemble import Ensemble

TOLERANCE = 1e-5
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


@pytest.fixture(params=CASES)
def case(request):
    return request.param


def run(model, x):
    """The outputs, in NumPy."""
    return {key: keras.ops.convert_to_numpy(value) for key, value in model(x, training=False).items()}


def assert_close(got, expected, atol=TOLERANCE):
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, atol=atol, err_msg=key)


def lengths(case):
    """Batch sizes and numbers of frames of each stream that the model takes."""

    def times(more):
        of_streams = [CASES[case].part(stream) for stream in streams(case)]
        return [m.least_frames + more + number if m.any_length else FRAMES for number, m in enumerate(of_streams)]

    return [(1, times(0)), (2, times(4)), (3, times(1))]


def shapes(case, prefix, model, batch, time):
    """The outputs that a model of one stream must have; the number of steps of a recogniser of clips is left open."""
    extras = () if isinstance(CASES[case], Ensemble) else model.extra_outputs
    steps = getattr(model, "horizon", time)
    scores = {
        "recognition": {"steps": (batch, None, CLASSES), "probabilities": (batch, CLASSES)},
        "dense": {"steps": (batch, time, CLASSES), "probabilities": (batch, time, CLASSES)},
        "anticipation": {"steps": (batch, steps, CLASSES), "probabilities": (batch, CLASSES)},
        "forecasting": {"frames": (batch, steps, *frame(case))},
    }[task_of(model)]
    extra = {name: (batch, steps, ...) for name in extras}
    return {f"{prefix}{name}": shape for name, shape in (scores | extra).items()}


def is_of(shape, expected):
    """Whether a shape is the expected one, where None stands for any size and a last ... for any further axes."""
    if expected[-1] is ...:
        shape, expected = shape[: len(expected) - 1], expected[:-1]
    return len(shape) == len(expected) and all(b in (a, None) for a, b in zip(shape, expected, strict=True))


def trained_outputs(model):
    """The outputs that have a loss."""
    return [name for name in model.output if name.endswith("_steps") and name != "partial_steps"] or [
        name for name in ("steps", "frames") if name in model.output
    ]


# === Shapes and numbers ===


def test_any_batch_and_time(case):
    model, several = shared(case), len(parts(case)) > 1
    assert sorted(model.output_names) == sorted(model.output)
    for batch, times in lengths(case):
        outputs = run(model, clips(case, batch, *times))
        expected = {"steps": (batch, None, CLASSES), "probabilities": (batch, CLASSES)} if several else {}
        for stream, prefix, recogniser in parts(case):
            time = dict(zip(streams(case), times, strict=True))[stream]
            expected |= shapes(case, prefix, recogniser, batch, time)
            if task_of(recogniser) == "recognition":
                assert outputs[f"{prefix}steps"].shape[1] in (1, time)
        assert outputs.keys() == expected.keys()
        assert set(CASES[case].extra_outputs) == outputs.keys() - {"steps", "probabilities", "frames"}
        if several:
            assert outputs["steps"].shape[1] == sum(outputs[name].shape[1] for name in trained_outputs(model))
        for name, value in outputs.items():
            assert value.dtype == "float32"
            assert is_of(value.shape, expected[name]), (name, value.shape)
            is_share = name.endswith("probabilities") and task_of(CASES[case]) != "dense"
            if is_share or name.endswith("attention"):
                np.testing.assert_allclose(value.sum(-1), 1, atol=1e-5)


def test_static_and_dynamic_time_agree(case):
    static, dynamic = build(case, time=FRAMES), shared(case)
    assert sorted(static.input) == sorted(streams(case))
    for frames in static.input.values():
        assert frames.shape == (None, FRAMES, *frame(case)) and frames.dtype == "uint8"
    for output in static.output.values():
        assert None not in output.shape[1:]
    static.set_weights(dynamic.get_weights())
    x = clips(case, 2, FRAMES)
    assert_close(run(static, x), run(dynamic, x))


def test_round_trip(case, tmp_path):
    model, x = shared(case), clips(case, 2, FRAMES)
    model.save(tmp_path / "model.keras")
    assert_close(run(keras.saving.load_model(tmp_path / "model.keras"), x), run(model, x), atol=0)


def test_float32_outputs_under_mixed_precision(case):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = build(case)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    for layer in model.layers:
        if layer.name.endswith("_backbone"):
            assert {tap.dtype for tap in keras.tree.flatten(layer.output)} == {"float16"}
    assert {layer.compute_dtype for layer in model.layers if "LSTM" in type(layer).__name__} <= {"float16"}
    model.set_weights(shared(case).get_weights())
    got, expected = run(model, clips(case, 2, FRAMES)), run(shared(case), clips(case, 2, FRAMES))
    for key, value in got.items():
        assert model.output[key].dtype == value.dtype == "float32", key
    assert_close(got, expected, atol=0.03)


def test_steps_of_causal_models_do_not_see_later_frames(case):
    if getattr(CASES[case], "horizon", None):
        pytest.skip("forecasters answer after the last frame")
    x = clips(case, 2, FRAMES)
    later = {stream: np.concatenate([frames[:, :2], 255 - frames[:, 2:]], axis=1) for stream, frames in x.items()}
    before, after = run(shared(case), x), run(shared(case), later)
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


@tensorflow_only
def test_exported_it_gives_the_same(case):
    from exports import saved_model, tflite

    model, tolerance = shared(case), models.export_tolerance(CASES[case])
    saved = saved_model(lambda x: model(x, training=False), model.input)
    for batch, times in lengths(case)[1:]:
        x = clips(case, batch, *times)
        assert_close(saved(x), run(model, x), atol=tolerance)
    x = clips(case, 2, FRAMES)
    assert_close(tflite(lambda x: model(x, training=False), x)(x), run(model, x), atol=tolerance)


# === Training ===


def loss_of(model, outputs):
    """Each clip is of another class; a forecast frame is to be bright (noise of mean 0.5, where sigmoids start, leaves nothing
    to gain)."""
    total = 0.0
    for name in trained_outputs(model):
        value = outputs[name]
        if name == "frames":
            total += keras.ops.mean((value - 0.8) ** 2)
            continue
        truth = np.eye(CLASSES, dtype="float32")[np.arange(len(value)) % CLASSES][:, None]
        total -= keras.ops.mean(keras.ops.log_softmax(value) * truth)
    return total


def loss_and_gradients(model, x):
    """Of one step, with dropout off, on the backend in use."""
    if keras.backend.backend() == "jax":
        import jax

        def stateless(trainable):
            outputs, _ = model.stateless_call(trainable, [w.value for w in model.non_trainable_variables], x, training=False)
            return loss_of(model, outputs)

        return jax.value_and_grad(stateless)([w.value for w in model.trainable_variables])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss_of(model, model(x, training=False))
    return value, tape.gradient(value, [w.value for w in model.trainable_variables])


def test_trains_and_reaches_every_weight(case):
    keras.utils.set_random_seed(1)
    model, x = build(case), clips(case, 4, FRAMES)
    before, gradients = loss_and_gradients(model, x)
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.any(np.asarray(gradient) != 0), f"no gradient reaches {weight.path}"
    # A step so small that the loss falls along its gradient, and so large that rounding does not matter.
    square = sum(float(np.sum(np.square(gradient))) for gradient in gradients)
    keras.optimizers.SGD(0.01 * float(before) / square).apply(gradients, model.trainable_variables)
    after, _ = loss_and_gradients(model, x)
    assert float(after) < 0.999 * float(before)


@tensorflow_only
def test_fits_with_further_outputs_and_dropout(case):
    """Loss on steps or frames, metrics on probabilities, as in training; nothing for attention."""
    model, x = build(case), clips(case, 4, FRAMES)
    targets = {name: np.ones(value.shape) for name, value in run(model, x).items()}
    losses = dict.fromkeys(trained_outputs(model), keras.losses.BinaryCrossentropy(from_logits=True)) | {"frames": "mse"}
    metrics = {name: ["mae"] for name in ("probabilities", "frames") if name in targets}
    graph = case in models.CLASSES  # of each model's plain form; the others run as they are, which is faster
    model.compile(
        "sgd",
        loss={name: losses[name] for name in trained_outputs(model)},
        metrics=metrics,
        run_eagerly=not graph,
        jit_compile=False,
    )
    logs = model.train_on_batch(x, targets, return_dict=True)
    assert np.isfinite(logs["loss"]) and any(name.endswith("mae") for name in logs)


# === What a model states ===


@pytest.mark.parametrize("case", [case for case in RECOGNISERS if len(parts(case)) == 1])
def test_flow_stream(case):
    model = build(case, stream="flow")
    assert list(model.input) == ["flow"] and model.get_layer("flow_backbone")


@pytest.mark.parametrize("name", ["attention_lstm", "fc_lstm", "frame_average", "lrcn", "multi_lstm", "short_snippets_lstm"])
@pytest.mark.parametrize("tap, size", [("map", 4 * 4 * 64), ("pooled", 64), ("fc", 64)])
def test_vector_models_take_every_tap(name, tap, size):
    model = build(name, tap=tap)
    assert np.prod(model.get_layer("rgb_backbone").output.shape[2:]) == size
    assert run(model, clips(name, 1, 2))["probabilities"].shape[-1] == CLASSES


@pytest.mark.parametrize("name", models.names())
def test_hyperparameters_are_documented_and_forms_named(name):
    cls = models.CLASSES[name]
    own = [hint for hint in cls.__annotations__.values() if typing.get_origin(hint) is not typing.ClassVar]
    class_body = inspect.getsource(cls).split("    def ")[0].split("    @")[0]
    assert class_body.count('"""') == 2 * (1 + len(own))  # the docstring of the class, and one a field
    assert next(iter(cls.forms())) == "plain"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "lrcm"}, "Did you mean lrcn"),
        ({"name": "lrcn", "unit": 3}, "Did you mean units"),
        ({"name": "lrcn", "streams": {"depth": (4, 32, 32, 3)}}, "rgb, flow, or both"),
        ({"name": "lrcn", "streams": {"rgb": (32, 32, 3)}}, "height, width, 3"),
        ({"name": "lrcn", "classes": 0}, "at least one class"),
        ({"name": "lrcn", "uniform_init": 0.0}, "uniform_init must be above 0"),
        ({"name": "fc_lstm", "layers": 0}, "layers must be 1 or more"),
        ({"name": "short_snippets_lstm", "layers": 0}, "layers must be 1 or more"),
        ({"name": "short_snippets_pooling", "variant": "time_domain"}, "at least 10 frames"),
        ({"name": "short_snippets_pooling", "variant": "time_domain", "kernel": (2, 3, 3), "tap": "fc"}, "needs the tap map"),
        (
            {"name": "short_snippets_pooling", "variant": "local", "streams": {"rgb": (None, 32, 32, 3)}},
            "fixed number of frames",
        ),
        ({"name": "visual_attention", "tap": "fc"}, "needs the tap map"),
        ({"name": "visual_attention", "layers": 6}, "at most 5"),
        ({"name": "conv_lstm", "filters": ()}, "at least one layer"),
        ({"name": "gru_rcn", "filters": (3, 3)}, "tiny gives 4 here .conv1, conv2, conv4, and pooled"),
    ],
)
def test_errors(arguments, message):
    settings = {"backbone": "tiny", "weights": None, "streams": {"rgb": (4, 32, 32, 3)}}
    with pytest.raises(UserError, match=message):
        models.build(**settings | arguments)
