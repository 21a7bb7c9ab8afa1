"""What every forecasting model must do, beyond what all models must."""

import dataclasses

import keras
import numpy as np
import pytest
from variants import CASES, CLASSES, FORECASTERS, build, clips, frame, shaken, shared

from videorec.config import UserError

every_form = pytest.mark.parametrize("case", FORECASTERS)


def run(model, frames):
    return {key: keras.ops.convert_to_numpy(value) for key, value in model({"rgb": frames}, training=False).items()}


def frames(case):
    return clips(case, 2, 4)["rgb"]


@every_form
def test_a_longer_horizon_begins_with_the_forecast_of_one_frame(case):
    model, x = shared(case), frames(case)
    one = build(case, horizon=1)
    one.set_weights(model.get_weights())
    expected, got = run(one, x), run(model, x)
    for key in expected.keys() - {"probabilities"}:  # which are over all steps
        assert expected[key].shape[1] == 1
        np.testing.assert_allclose(got[key][:, :1], expected[key], atol=1e-5)


@every_form
def test_order_of_the_frames_matters(case):
    model = shaken(build(case))  # as built, it answers nearly alike to all frames
    before, after = run(model, frames(case)), run(model, frames(case)[:, ::-1])
    for key in before.keys() - {"attention"}:
        assert np.abs(before[key] - after[key]).max() > 1e-4


@pytest.mark.parametrize("case", [case for case in FORECASTERS if not getattr(CASES[case], "backbone", None)])
def test_float_pixels_are_the_same_frames(case):
    whole, scaled = shared(case), build(case, pixels="float32")
    assert scaled.input["rgb"].dtype == "float32" and whole.input["rgb"].dtype == "uint8"
    scaled.set_weights(whole.get_weights())
    x = frames(case)
    expected, got = run(whole, x), run(scaled, x.astype("float32") / 255)
    for key in expected:
        np.testing.assert_allclose(got[key], expected[key], atol=1e-5)


@pytest.mark.parametrize("case", ["convlstm_forecaster-residual", "convlstm_forecaster-mean"])
def test_a_residual_forecaster_begins_with_the_frames_seen(case):
    """And only what it learns is added to that."""
    model, x = build(case), frames(case)
    begin = x[:, -1:] if case.endswith("residual") else x.mean(axis=1, keepdims=True)
    forecast = run(model, x)["frames"]
    np.testing.assert_allclose(forecast, np.repeat(begin / 255, CASES[case].horizon, axis=1), atol=0.01)
    model.get_layer("forecast_patches").weights[-1].assign(np.full(4 * 2, 0.25, "float32"))  # the bias
    np.testing.assert_allclose(run(model, x)["frames"], forecast + 0.25, atol=1e-6)


@pytest.mark.parametrize("case", ["fclstm_forecaster-residual", "seq2seq_attention-residual"])
def test_a_residual_model_of_vectors_begins_with_the_frames_seen(case):
    x = frames(case)
    begin = x[:, -1:] if CASES[case].residual == "last" else x.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(run(build(case), x)["frames"], np.repeat(begin / 255, 3, axis=1), atol=0.05)


@pytest.mark.parametrize("case", ["fclstm_forecaster-residual", "seq2seq_attention-residual", "convlstm_stack-residual"])
def test_the_level_of_the_frames_is_not_read_but_added(case):
    model, x = shared(case), frames(case) // 2
    np.testing.assert_allclose(run(model, x + np.uint8(51))["frames"], run(model, x)["frames"] + 0.2, atol=1e-5)


@pytest.mark.parametrize(
    "case, changes, streams, message",
    [
        ("convlstm_forecaster", {}, {"flow": (4, 8, 8, 2)}, "one stream, rgb"),
        ("convlstm_forecaster", {}, {"rgb": (4, 8, 8, 2), "flow": (4, 8, 8, 2)}, "one stream, rgb"),
        ("fclstm_forecaster", {}, {"rgb": (4, None, 8, 2)}, "height, width, channels"),
        ("fclstm_forecaster", {"horizon": 0}, None, "horizon must be 1"),
        ("fclstm_forecaster", {"units": ()}, None, "at least one layer"),
        ("convlstm_forecaster", {"filters": ()}, None, "at least one layer"),
        ("convlstm_forecaster", {"patch": 5}, None, "patch must divide.*patch 5, frames of 8 x 12"),
        ("convlstm_stack", {"patch": 0}, None, "patch must be 1 or more"),
        ("convlstm_stack", {"filters": ()}, None, "at least one layer"),
        ("convlstm_forecaster-gru", {"recurrent_kernel": 1}, None, "one size for all its kernels"),
        ("convlstm_forecaster-motion", {"residual": "mean"}, None, "motion and residual exclude each other"),
        ("seq2seq_attention-labels", {"residual": "mean"}, None, "residual is for target frames"),
        ("seq2seq_attention", {"filters": ()}, None, "at least one convolution"),
        ("seq2seq_attention", {"backbone": "tiny"}, None, "for target labels"),
        ("seq2seq_attention-labels", {"differences": ("previous",)}, None, "differences are those of a backbone's features"),
        ("seq2seq_attention", {"output_dropout": 0.5}, None, "output_dropout is for target labels"),
        ("seq2seq_attention-backbone", {"pixels": "float32"}, None, "pixels uint8"),
        ("seq2seq_attention-backbone", {}, {"rgb": (4, 8, 12, 2)}, "height, width, 3"),
    ],
)
def test_errors(case, changes, streams, message):
    model = dataclasses.replace(CASES[case], **changes)
    with pytest.raises(UserError, match=message):
        model.build(streams or {"rgb": (4, *frame(case))}, CLASSES)


def test_labels_need_classes():
    with pytest.raises(UserError, match="at least one class"):
        CASES["seq2seq_attention-labels"].build({"rgb": (4, 8, 12, 2)})
