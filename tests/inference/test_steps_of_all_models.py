"""Every form of every model in a stream: after t frames, what the model gives for a clip of the first t frames."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("streams run on TensorFlow", allow_module_level=True)

import variants

from videorec.config import UserError
from videorec.inference.step_model import StepModel
from videorec.inference.stream import Stream

PIECES = (1, 1, 3, 1)
BUFFER = 8
BACKWARDS = "reads the sequence in both directions"
RELATIVE = "relative_rgb reads a sequence"
REFUSED = {
    "attention_lstm-concat": f"bidirectional {BACKWARDS}",
    "change_grid-bidirectional": "differences subtracts the mean over the whole sequence",
    "change_grid-background": "rgb_background subtracts the median over the whole sequence",
    "conv_lstm-spatial": f"bidirectional1 {BACKWARDS}",
    "convlstm_stack-residual": RELATIVE,
    "ensemble-frozen": f"bidirectional {BACKWARDS}",
    "fc_lstm-full": f"bidirectional1 {BACKWARDS}",
    "fclstm_forecaster-residual": RELATIVE,
    "gru_rcn-bidirectional": "level1_differences subtracts the mean over the whole sequence",
    "lrcn-bidirectional": f"bidirectional {BACKWARDS}",
    "seq2seq_attention-residual": RELATIVE,
    "two_stream": f"bidirectional {BACKWARDS}",
    "visual_attention": "lstm starts from the mean over the whole sequence",
}
# What no form has: other settings of one.
CHANGES = {
    "fc_lstm+max": {"aggregation": "max"},
    "frame_average+multilabel": {"target": "multilabel"},
    "frame_average+dense": {"target": "dense"},
    "lrcn+multilabel": {"target": "multilabel"},
    "short_snippets_lstm+last": {"aggregation": "last", "target": "multilabel"},
    "short_snippets_pooling-slow+apart": {"window": 3, "stride": 2, "pooling": "mean"},
    "short_snippets_pooling-time+apart": {"kernel": (3, 1, 1), "stride": 2},
    "visual_attention-dot+dense": {"target": "dense"},
}
# Forecasts are made on demand; the layers that join steps elsewhere are asked so one by one.
ON_DEMAND = {*variants.FORECASTERS, *(case for case in variants.CASES if case.startswith("seq2seq"))} - {"convlstm_stack"}
STREAMING = [case for case in variants.CASES if case not in REFUSED]


def built(case):
    form = case.split("+")[0]
    return form, variants.shaken(variants.build(form, **CHANGES.get(case, {})))


def so_far(model, settings, inputs, t):
    """The clip of the first t frames; held where the model needs more, its last frames where it takes no more."""
    clips = {}
    for name, frames in inputs.items():
        length = model.input[name].shape[1]
        least = length or settings.part(name).least_frames
        frames = frames[:, :t]
        frames = np.concatenate([frames, np.repeat(frames[:, -1:], max(least - t, 0), axis=1)], axis=1)
        clips[name] = frames[:, -length:] if length else frames
    return clips


def joined(results, names):
    return {name: np.concatenate([result[name] for result in results], axis=1) for name in names}


def assert_close(name, got, expected, t):
    if name.endswith("attention") and got.shape != expected.shape:  # of a buffer: the latest state at the end
        assert not got[..., :-t].any() and got.shape[-1] == BUFFER
        got = got[..., -t:]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-5, err_msg=f"{name} after {t} frames")


def pieces(inputs, sizes=PIECES):
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        yield end, {name: x[:, end - size : end] for name, x in inputs.items()}


@pytest.mark.parametrize("case", [*[case for case in STREAMING if case not in ON_DEMAND], *CHANGES])
def test_after_t_frames(case):
    form, model = built(case)
    settings = variants.dataclasses.replace(variants.CASES[form], **CHANGES.get(case, {}))
    stream, inputs = Stream(model, buffer=BUFFER), variants.clips(form, 2, sum(PIECES))
    assert set(stream.delays) | set(stream.left_out) == set(model.output)
    whole = joined([*(stream.push(piece) for _, piece in pieces(inputs)), stream.end()], stream.delays)
    for t in (1, 2, 4, 6):
        expected = model(so_far(model, settings, inputs, t))
        for name in stream.running:
            assert_close(name, whole[name][:, t - 1], expected[name], t)
    fixed = any(x.shape[1] for x in model.input.values())
    for name in () if fixed else set(stream.delays) - set(stream.running):
        np.testing.assert_allclose(whole[name], expected[name], atol=1e-5, err_msg=name)
    for name in stream.delays:
        assert np.ptp(whole[name], axis=1).max() > 1e-4, f"{name}: its steps are alike"


@pytest.mark.parametrize("case", [case for case in STREAMING if case in ON_DEMAND])
def test_forecasts_on_demand(case):
    model, inputs = variants.shaken(variants.build(case)), variants.clips(case, 2, sum(PIECES))
    stream, answers = Stream(model, buffer=BUFFER, answers=False), []
    assert set(stream.running) == set(model.output)
    for end, piece in pieces(inputs, PIECES if case in ("convlstm_forecaster", "seq2seq_attention") else (1, 1, 1)):
        assert stream.push(piece) == {}
        answers.append(stream.answer())
        expected = model({name: x[:, :end] for name, x in inputs.items()})
        for name in stream.running:
            assert_close(name, answers[-1][name], expected[name], end)
    for name in stream.running:
        assert np.ptp([answer[name] for answer in answers], axis=0).max() > 1e-4, f"{name}: all are alike"


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    model = variants.shared(case)
    with pytest.raises(
        UserError, match=f"(probabilities|frames) of .* cannot run step by step, because the layer {REFUSED[case]}"
    ):
        StepModel(model)


def test_what_is_left_out():
    model = variants.shared("two_stream-fixed")  # attention a frame, and pooling of a clip
    step = StepModel(model)
    assert list(step.left_out) == ["steps"] and "the layer steps reads a sequence" in step.left_out["steps"]
    with pytest.raises(UserError, match="steps of two_stream cannot run step by step, because the layer steps reads"):
        StepModel(model, outputs=["steps", "probabilities"])
    half = StepModel(variants.shared("two_stream"), outputs=["rgb_probabilities", "rgb_steps"])
    assert half.running == ("rgb_probabilities",) and half.delays == {"rgb_probabilities": 0, "rgb_steps": 0}
