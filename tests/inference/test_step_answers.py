"""Answers on demand, what attention looks back at, wrong states and inputs, exported steps."""

import exports
import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("streams run on TensorFlow", allow_module_level=True)

import variants

from videorec.inference.step_model import StepModel
from videorec.inference.stream import Stream

TIME = 6


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def part(inputs, steps):
    return {name: x[:, steps] for name, x in inputs.items()}


def test_attention_looks_back_at_the_last_states():
    model, buffer = variants.shaken(variants.build("attention_lstm")), 3
    inputs = variants.clips("attention_lstm", 2, TIME)
    results = Stream(model, buffer=buffer).push(inputs)
    states = np.asarray(keras.Model(model.input, model.get_layer("lstm").output[0])(inputs))  # (B, T, units)
    kernel, bias = (np.asarray(weight) for weight in model.get_layer("steps").weights)
    for t in range(TIME):
        query, keys = states[:, t], states[:, max(t + 1 - buffer, 0) : t + 1]
        coefficients = softmax(np.einsum("bd,bnd->bn", query, keys))
        context = np.einsum("bn,bnd->bd", coefficients, keys)
        probabilities = softmax(np.concatenate([context, query], axis=-1) @ kernel + bias)
        np.testing.assert_allclose(results["attention"][:, t, -len(keys[0]) :], coefficients, atol=1e-5)
        assert not results["attention"][:, t, : -len(keys[0])].any()
        np.testing.assert_allclose(results["probabilities"][:, t], probabilities, atol=1e-5)
    with pytest.raises(ValueError, match="buffer must be 1 or more. Received: 0"):
        StepModel(model, buffer=0)


@pytest.mark.parametrize("case", ["convlstm_forecaster-residual", "lrcn"])
def test_on_demand(case, tmp_path):
    model = variants.shaken(variants.build(case))
    model.save(tmp_path / "model.keras")
    stream, inputs = Stream(keras.saving.load_model(tmp_path / "model.keras"), answers=False), variants.clips(case, 2, TIME)
    running = {"frames"} if case != "lrcn" else {"probabilities"}
    assert set(stream.running) == running
    with pytest.raises(ValueError, match="at least one frame"):
        stream.answer()
    for start, stop in [(0, 1), (1, 4), (4, 6)]:
        pushed = stream.push(part(inputs, slice(start, stop)))
        assert set(pushed) == set(model.output) - running
        expected = model(part(inputs, slice(0, stop)))
        answer = stream.answer()
        assert set(answer) == running
        for name in running:
            np.testing.assert_allclose(answer[name], expected[name], atol=1e-5)
    assert set(stream.end()) == set(model.output) - running
    with pytest.raises(ValueError, match="at least one frame"):
        stream.answer()


def test_an_empty_piece_at_the_beginning():
    model, inputs = variants.shared("frame_average"), variants.clips("frame_average", 2, 2)
    stream = Stream(model)
    nothing = stream.push(part(inputs, slice(0, 0)))
    assert {name: x.shape for name, x in nothing.items()} == {"steps": (2, 0, 1, 3), "probabilities": (2, 0, 3)}
    with pytest.raises(ValueError, match="An answer needs at least one frame"):
        stream.answer()
    np.testing.assert_allclose(stream.push(inputs)["probabilities"][:, -1], model(inputs)["probabilities"], atol=1e-5)


def test_numbers_that_are_none():
    """Pictures are whole numbers; forecasters of floats would carry a NaN in their states for ever."""
    model = variants.build("fclstm_forecaster", pixels="float32")
    stream, frames = Stream(model), np.zeros((1, 2, *variants.frame("fclstm_forecaster")), "float32")
    frames[0, 1, 3, 3] = np.nan
    with pytest.raises(ValueError, match="rgb must be finite"):
        stream.push({"rgb": frames})
    assert np.isfinite(stream.push({"rgb": frames[:, :1]})["frames"]).all()


def test_states_of_another_model():
    step, other = StepModel(variants.shared("lrcn")), StepModel(variants.shared("gru_rcn"))
    states = step.initial_states(1)
    with pytest.raises(ValueError, match=r"must be those of gru_rcn.*Received: .*level1_state0.*none.*lstm_state0"):
        other.answer(states)
    wider = {name: np.zeros((1, 9), "float32") if name == "lstm_state1" else x for name, x in states.items()}
    with pytest.raises(ValueError, match=r"must be those of lrcn.*lstm_state1.*\(8,\).*Received: {'lstm_state1': \(9,\)}"):
        step.end(wider)
    frame = keras.ops.zeros((1, 1, 32, 32, 3), "uint8")
    with pytest.raises(ValueError):
        other.model({"rgb": frame} | states)


def test_the_answer_is_a_clips():
    """Shapes of the step model: those of the model for a clip."""
    step = StepModel(variants.shared("frame_average"))
    assert step.running == ("steps", "probabilities") and step.delays == {"steps": 0, "probabilities": 0}
    assert step.model.output["probabilities"].shape == (None, 3) and step.model.output["steps"].shape == (None, 1, 3)


LITE = {
    "attention_lstm": {},
    "convlstm_forecaster": {"residual": "mean", "horizon": 2},
    "short_snippets_pooling-slow": {"stride": 2},
}


@pytest.mark.parametrize("case", LITE)
def test_tflite_with_built_in_operations(case):
    model = variants.shaken(variants.build(case, **LITE[case]))
    step, inputs = StepModel(model, buffer=4), variants.clips(case, 1, TIME)
    exported = exports.tflite(step.model, step.model.input)
    states = {name: np.asarray(x) for name, x in step.initial_states(1).items()}
    names = set(step.running) - {"attention"}
    for t in range(4):
        result = exported(part(inputs, slice(t, t + 1)) | states)
        states = {name: result[name] for name in states}
        expected = model(part(inputs, slice(0, t + 1)))
        for name in names:
            np.testing.assert_allclose(result[name], expected[name], atol=1e-5, err_msg=f"{name} after {t + 1}")
