"""The step model against the model it comes from, and what cannot run step by step."""

import keras
import numpy as np
import pytest
import variants
from keras import layers

from videorec import models
from videorec.config import UserError
from videorec.inference.step_model import StepModel
from videorec.layers import (
    ConvGRU2D,
    FrameDifferences,
    MultipleOutput,
    NextFrameConvLSTM2D,
    PeepholeLSTM,
    StackedConvGRU2D,
    StepAggregation,
    TemporalPooling,
    TimeDistributed,
    UnconditionalConvGRU2D,
)

TIME = 6
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


def network(layer, shape=(None, 5), shapes=None, **others):
    """A model of one layer (or function of tensors), on features of the given shape."""
    inputs = (
        {"rgb": keras.Input(shape, name="rgb")} if shapes is None else {k: keras.Input(s, name=k) for k, s in shapes.items()}
    )
    tensors = list(inputs.values())
    return keras.Model(inputs, {"steps": layer(tensors if shapes else tensors[0])} | others)


def noise(model, batch=2, time=TIME):
    rng = np.random.default_rng(0)
    shapes = {name: (batch, time, *x.shape[2:]) for name, x in model.input.items()}
    return {
        name: rng.integers(0, 256, shape).astype("uint8")
        if model.input[name].dtype == "uint8"
        else rng.normal(size=shape).astype("float32")
        for name, shape in shapes.items()
    }


def step_by_step(step, inputs):
    """All outputs, one call of `step.model` a frame, and those of the end."""
    batch, time = next(iter(inputs.values())).shape[:2]
    states = step.initial_states(batch)
    results = []
    for t in range(time):
        result = step.model({k: keras.ops.convert_to_tensor(x[:, t : t + 1]) for k, x in inputs.items()} | states)
        states = {name: result[name] for name in states}
        results.append(result)
    return {name: np.concatenate([r[name] for r in results], axis=1) for name in step.delays}, step.end(states)


def assert_streams(model, time=TIME, atol=1e-5, **options):
    step, inputs = StepModel(model, **options), noise(model, time=time)
    got, end = step_by_step(step, inputs)
    expected = model(inputs)
    assert step.delays
    for name, delay in step.delays.items():
        whole = np.concatenate([got[name], *([end[name]] if delay else [])], axis=1)[:, delay:]
        assert whole.shape == expected[name].shape
        np.testing.assert_allclose(whole, expected[name], atol=atol, err_msg=name)
        assert np.ptp(whole, axis=1).max() > 1e-5  # the steps differ
    return step


MAPS = (None, 8, 8, 3)
LAYERS = {
    "lstm": (layers.LSTM(4, return_sequences=True), (None, 5)),
    "gru": (layers.GRU(4, return_sequences=True), (None, 5)),
    "gru-before": (layers.GRU(4, reset_after=False, return_sequences=True), (None, 5)),
    "simple": (layers.SimpleRNN(4, return_sequences=True), (None, 5)),
    "stacked": (layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True), (None, 5)),
    "conv": (layers.ConvLSTM2D(2, 3, strides=2, return_sequences=True), MAPS),
    "conv-gru": (ConvGRU2D(2, 3, return_sequences=True), MAPS),
    "peephole-full": (PeepholeLSTM(4, peephole="full", output_peephole="old", return_sequences=True), (None, 5)),
    "state": (lambda x: PeepholeLSTM(4, return_sequences=True, return_state=True)(x)[0], (None, 5)),
    "differences": (FrameDifferences(("previous", "previous")), MAPS),
    "late": (lambda x: MultipleOutput("distance", delay=2)(x), (None, 4, 3)),
    "late-2": (lambda x: layers.Softmax()(MultipleOutput()(x)), (None, 3, 2)),
    "normalised": (lambda x: layers.LayerNormalization()(layers.BatchNormalization()(x)), (None, 5)),
    "reshaped": (lambda x: layers.Reshape((-1, 8 * 8 * 3))(x), MAPS),
    "joined-features": (lambda x: layers.Concatenate()([x, layers.Add()([x, x])]), (None, 5)),
    "fixed-time": (layers.LSTM(4, return_sequences=True), (TIME, 5)),
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer_step_by_step(case):
    layer, shape = LAYERS[case]
    assert_streams(variants.shaken(network(layer, shape)))


@pytest.mark.parametrize("time", [1, 2, 3])
def test_sequences_shorter_than_the_delay(time):
    model = network(MultipleOutput(), (None, 4, 2))
    step, inputs = StepModel(model), noise(model, time=time)
    got, end = step_by_step(step, inputs)
    assert step.delays == {"steps": 3} and got["steps"].shape[1] == time and end["steps"].shape[1] == 3
    np.testing.assert_allclose(end["steps"][:, 3 - time :], model(inputs)["steps"], atol=1e-6)


def test_several_inputs():
    stacked = StackedConvGRU2D((2, 3), 3, return_sequences=True)
    model = network(
        lambda x: layers.Concatenate()([TimeDistributed(layers.Flatten())(y) for y in stacked(x)]),
        shapes={
            "a": (None, 8, 8, 2),
            "b": (None, 4, 4, 2),
        },
    )
    step = assert_streams(variants.shaken(model))
    assert set(step.model.input) - {"a", "b"} == set(step.initial_states(1))


def multi_lstm(**options):
    return models.build("multi_lstm", {"rgb": (None, 32, 32, 3)}, 4, **variants.TINY, units=6, window=4, **options)


def test_delays_pass_through_the_layers_behind():
    step = assert_streams(variants.shaken(multi_lstm()))
    assert step.delays == {"attention": 0, "steps": 3, "partial_steps": 0, "probabilities": 3}
    assert step.left_out == {}


def test_first_frame_state():
    assert_streams(variants.shaken(variants.build("visual_attention-dot")))


def test_two_networks_side_by_side():
    """Layers of the same name in nested networks."""
    parts = {stream: models.CLASSES["lrcn"](**variants.TINY, units=units) for stream, units in {"rgb": 5, "flow": 4}.items()}
    step = assert_streams(variants.shaken(models.build("two_stream", dict.fromkeys(parts, (None, 32, 32, 3)), 3, **parts)))
    assert set(step.delays) == {"rgb_steps", "flow_steps"} and len(step.initial_states(1)) == 4
    assert step.left_out == dict.fromkeys(("rgb_probabilities", "flow_probabilities", "probabilities"), "probabilities") | {
        "steps": "steps"
    }


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = multi_lstm(differences=("previous",))
    finally:
        keras.config.set_dtype_policy("float32")
    step = assert_streams(model, atol=1e-2)
    assert {keras.backend.standardize_dtype(x.dtype) for x in step.initial_states(1).values()} == {"bfloat16", "float32"}


def test_weights_are_the_models_own():
    model = variants.build("lrcn")
    step, inputs = StepModel(model), noise(model)
    assert {id(w) for w in step.model.weights} == {id(w) for w in model.weights}
    before = step_by_step(step, inputs)[0]["steps"]
    model.get_layer("lstm").set_weights([w + 0.1 for w in model.get_layer("lstm").get_weights()])
    after = step_by_step(step, inputs)[0]["steps"]
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, model(inputs)["steps"], atol=1e-5)


def test_the_model_is_left_as_it_was(tmp_path):
    model = multi_lstm()
    before = [weight.path for weight in model.weights], model.get_config()
    StepModel(model)
    assert ([weight.path for weight in model.weights], model.get_config()) == before
    model.save(tmp_path / "model.keras")
    assert_streams(keras.saving.load_model(tmp_path / "model.keras"))


def test_outputs_are_chosen():
    model = multi_lstm()
    step = StepModel(model, outputs=["partial_steps"])
    assert step.delays == {"partial_steps": 0} and "steps_state0" not in step.initial_states(1)
    with pytest.raises(UserError, match=r"no output 'partial'.*partial_steps"):
        StepModel(model, outputs=["partial"])
    with pytest.raises(UserError, match=r"join the steps.*probabilities \(joined by probabilities\)"):
        StepModel(variants.build("lrcn"), outputs=["steps", "probabilities"])


@tensorflow_only
def test_tflite_with_built_in_operations(tmp_path):
    import tensorflow as tf

    model = variants.shaken(multi_lstm())
    step, inputs = StepModel(model), noise(model, batch=1)
    signature = {name: tf.TensorSpec((1, *x.shape[1:]), x.dtype, name=name) for name, x in step.model.input.items()}
    module = tf.Module()
    module.weights = [variable.value for variable in step.model.variables]
    module.step = tf.function(lambda **x: step.model(x)).get_concrete_function(**signature)
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.step})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    states = {name: np.asarray(x) for name, x in step.initial_states(1).items()}
    expected = model(inputs)
    for t in range(TIME):
        result = runner(rgb=inputs["rgb"][:, t : t + 1], **states)
        states = {name: result[name] for name in states}
        np.testing.assert_allclose(result["partial_steps"][:, 0], expected["partial_steps"][:, t], atol=1e-5)
        if t >= 3:
            np.testing.assert_allclose(result["steps"][:, 0], expected["steps"][:, t - 3], atol=1e-5)


# === What cannot run step by step ===


class LooksAhead(layers.Layer):
    def call(self, x):
        return keras.ops.flip(x, axis=1)


REFUSED = {
    "lrcn-bidirectional": (lambda: variants.build("lrcn-bidirectional"), r"layer bidirectional: .*both directions"),
    "mean-state": (lambda: variants.build("visual_attention"), r"layer lstm: its first state is the mean"),
    "mean-differences": (lambda: multi_lstm(differences=("mean",)), r"layer differences: .*not causal"),
    "aggregates": (lambda: variants.build("gru_rcn"), r"No output of gru_rcn.*steps \(joined by level1\)"),
    "average": (lambda: variants.build("frame_average"), r"No output of frame_average.*joined by mean_over_time"),
    "time-kernel": (lambda: variants.build("short_snippets_pooling-time"), r"pad_places \(ZeroPadding3D\) is not known"),
    "backwards": (lambda: network(layers.GRU(3, return_sequences=True, go_backwards=True, name="g")), "layer g: .*backwards"),
    "stateful": (
        lambda: keras.Model(
            {"rgb": (x := keras.Input(batch_shape=(2, 4, 3), name="rgb"))},
            {"steps": layers.LSTM(2, return_sequences=True, stateful=True, name="s")(x)},
        ),
        "layer s: .*stateful",
    ),
    "unknown": (lambda: network(LooksAhead(name="ahead")), r"ahead \(LooksAhead\) is not known"),
    "convolution": (lambda: network(layers.Conv1D(3, 3, padding="causal", name="c")), r"c \(Conv1D\) is not known"),
    "operation": (lambda: network(lambda x: x[:, ::-1]), r"\(GetItem\) is not known"),
    "time-reshaped": (lambda: network(layers.Reshape((-1, 10), name="r")), r"r \(Reshape\) is not known"),
    "softmax-of-time": (lambda: network(layers.Softmax(axis=1, name="s")), r"s \(Softmax\) is not known"),
    "normalised-time": (lambda: network(layers.LayerNormalization(axis=(1, 2), name="n"), (4, 5)), r"n \(LayerNorm"),
    "activation": (
        lambda: network(layers.Dense(3, activation=lambda x: keras.ops.flip(x, 1), name="d")),
        r"d \(Dense\) is not known",
    ),
    "broadcast": (
        lambda: network(layers.Add(name="sum"), shapes={"a": (5, 3), "b": (None, 5, 3)}),
        r"sum \(Add\) is not known",
    ),
    "windows": (lambda: network(TemporalPooling(window=2, stride=1, name="p")), r"steps \(joined by p\)"),
    "last": (lambda: network(layers.LSTM(3, name="l")), r"steps \(joined by l\)"),
    "aggregation": (lambda: network(StepAggregation(name="m")), r"steps \(joined by m\)"),
    "forecaster": (lambda: network(NextFrameConvLSTM2D([2], 3, horizon=2, name="f"), MAPS), r"f \(NextFrameConvLSTM2D\)"),
    "unconditional": (
        lambda: network(lambda x: UnconditionalConvGRU2D(3, 3, steps=2, return_sequences=True, name="u")(x), (8, 8, 3)),
        r"u \(UnconditionalConvGRU2D\) is not known",
    ),
    "given-state": (
        lambda: network(
            lambda x: layers.GRU(3, return_sequences=True, name="g")(x[0], initial_state=x[1]),
            shapes={"a": (None, 3), "b": (3,)},
        ),
        "g starts from a state",
    ),
    "delays": (
        lambda: network(lambda x: layers.Add(name="a")([MultipleOutput()(x), MultipleOutput(delay=0)(x)]), (None, 3, 2)),
        "a reads sequences of different delay, 0 and 2 steps",
    ),
    "memory-of-late": (
        lambda: network(lambda x: layers.LSTM(2, return_sequences=True, name="l")(MultipleOutput()(x)), (None, 3, 2)),
        "l has a memory, and what it reads is 2 steps late",
    ),
    "size": (lambda: network(layers.Identity(), (None, None, None, 3)), "frames of one size"),
    "not-functional": (lambda: keras.Sequential([keras.Input((None, 3)), layers.Dense(2)]), "Received: a Sequential"),
    "no-names": (lambda: keras.Model(x := keras.Input((None, 3)), layers.Dense(2)(x)), "named inputs and outputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    build, message = REFUSED[case]
    with pytest.raises(UserError, match=message):
        StepModel(build())


def test_an_output_that_streams_beside_one_that_does_not():
    def both(x):
        return layers.Dense(2, name="d")(x)

    x = keras.Input((None, 3), name="rgb")
    model = keras.Model({"rgb": x}, {"steps": both(x), "ahead": LooksAhead(name="ahead")(x)})
    with pytest.raises(UserError, match="ahead"):
        StepModel(model)
    assert StepModel(model, outputs=["steps"]).delays == {"steps": 0}


def test_another_keras():
    model = network(layers.Dense(2))

    class Changed(type(model)):
        def _run_through_graph(self, inputs, operation_fn=None):
            raise AssertionError

    model.__class__ = Changed
    with pytest.raises(UserError, match=r"_run_through_graph\(inputs, call_fn\) \(3.15 has\).*Keras 3"):
        StepModel(model)
