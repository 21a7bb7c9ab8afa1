"""The step model against the model it comes from, and what cannot run step by step."""

import exports
import keras
import numpy as np
import pytest
import variants
from keras import layers
from networks import multi_lstm, network

from videorec import models
from videorec.config import UserError
from videorec.inference.step_model import StepModel
from videorec.layers import (
    ConvGRU2D,
    FrameDifferences,
    MultipleOutput,
    PeepholeLSTM,
    StackedConvGRU2D,
    TimeDistributed,
)
from videorec.models.backbones.tiny import TINY

TIME = 6
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


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
    """All outputs with a step a frame, one call of `step.model` a frame, and those of the end."""
    batch, time = next(iter(inputs.values())).shape[:2]
    states = step.initial_states(batch)
    results = []
    for t in range(time):
        result = step.model({k: keras.ops.convert_to_tensor(x[:, t : t + 1]) for k, x in inputs.items()} | states)
        states = {name: result[name] for name in states}
        results.append(result)
    names = [name for name in step.delays if name not in step.running]
    return {name: np.concatenate([r[name] for r in results], axis=1) for name in names}, step.end(states)


def assert_streams(model, time=TIME, atol=1e-5, **options):
    step, inputs = StepModel(model, **options), noise(model, time=time)
    got, end = step_by_step(step, inputs)
    expected = model(inputs)
    assert got
    for name, delay in step.delays.items():
        if name in step.running:
            continue
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


def test_delays_pass_through_the_layers_behind():
    step = assert_streams(variants.shaken(multi_lstm()))
    assert step.delays == {"attention": 0, "steps": 3, "partial_steps": 0, "probabilities": 3}
    assert step.left_out == {}


def test_first_frame_state():
    assert_streams(variants.shaken(variants.build("visual_attention-dot")))


def test_two_networks_side_by_side():
    """Layers of the same name in nested networks."""
    parts = {stream: models.CLASSES["lrcn"](**TINY, units=units) for stream, units in {"rgb": 5, "flow": 4}.items()}
    step = assert_streams(variants.shaken(models.build("two_stream", dict.fromkeys(parts, (None, 32, 32, 3)), 3, **parts)))
    assert set(step.running) == {"rgb_probabilities", "flow_probabilities", "probabilities"}
    assert set(step.delays) - set(step.running) == {"rgb_steps", "flow_steps"}
    assert len(step.initial_states(1)) == 4 + 6  # h and c, running sums
    assert step.left_out == {"steps": "the layer steps puts sequences one after the other in time"}


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


@tensorflow_only
def test_tflite_with_built_in_operations():
    model = variants.shaken(multi_lstm())
    step, inputs = StepModel(model), noise(model, batch=1)
    exported = exports.tflite(step.model, step.model.input)
    states = {name: np.asarray(x) for name, x in step.initial_states(1).items()}
    expected = model(inputs)
    for t in range(TIME):
        result = exported({"rgb": inputs["rgb"][:, t : t + 1], **states})
        states = {name: result[name] for name in states}
        np.testing.assert_allclose(result["partial_steps"][:, 0], expected["partial_steps"][:, t], atol=1e-5)
        if t >= 3:
            np.testing.assert_allclose(result["steps"][:, 0], expected["steps"][:, t - 3], atol=1e-5)
