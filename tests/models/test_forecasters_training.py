"""The next-frame model in training: scheduled sampling on the weights of the model that forecasts."""

import dataclasses

import keras
import numpy as np
import pytest
from variants import CASES, build, clips

from videorec.layers import DepthToSpace
from videorec.models.convlstm_stack import teacher_probability

MODEL = CASES["convlstm_stack"]
HORIZON = MODEL.horizon


def frames(time=4, seed=0):
    return clips("convlstm_stack", 2, time, seed=seed)["rgb"]


@pytest.fixture
def models():
    model = build("convlstm_stack")
    return model, MODEL.training_model(model)


def batch(teacher=0.0, seed=1):
    return {
        "rgb": frames(),
        "future": frames(time=HORIZON, seed=seed),
        "teacher": np.full((2, HORIZON - 1), teacher, "float32"),
    }


def test_shares_the_weights(models, tmp_path):
    model, training = models
    assert [w.path for w in training.weights] == [w.path for w in model.weights]
    assert all(a is b for a, b in zip(model.weights, training.weights, strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = MODEL.training_model(loaded)
    a, b = training(batch(1.0)), again(batch(1.0))
    np.testing.assert_allclose(a["all_frames"], b["all_frames"], atol=1e-6)


def test_without_teacher_no_future_is_seen(models):
    model, training = models
    expected = keras.ops.convert_to_numpy(model({"rgb": frames()})["frames"])
    for seed in (1, 2):
        outputs = training(batch(0.0, seed))
        np.testing.assert_array_equal(outputs["frames"], expected)
        assert outputs["all_frames"].shape == (2, 4 + HORIZON - 1, *expected.shape[2:])
        np.testing.assert_array_equal(outputs["all_frames"][:, -HORIZON:], expected)


def test_with_teacher_each_forecast_sees_the_frames_before_it_and_no_other(models):
    _, training = models
    before = keras.ops.convert_to_numpy(training(batch(1.0))["all_frames"])
    for changed in range(4 + HORIZON):  # a frame of J + K; the forecast at index t is of frame t + 1
        x = batch(1.0)
        key, place = ("rgb", changed) if changed < 4 else ("future", changed - 4)
        x[key] = x[key].copy()
        x[key][:, place] = 255 - x[key][:, place]
        after = keras.ops.convert_to_numpy(training(x)["all_frames"])
        np.testing.assert_array_equal(after[:, :changed], before[:, :changed])
        if changed < 4 + HORIZON - 1:
            assert np.abs(after[:, changed] - before[:, changed]).max() > 1e-6


def test_fits_and_the_forecaster_has_learned(models):
    model, training = models
    x = batch(0.5)
    before = keras.ops.convert_to_numpy(model({"rgb": x["rgb"]})["frames"])
    true = np.concatenate([x["rgb"], x["future"]], axis=1)[:, 1:] / 255
    training.compile(keras.optimizers.Adam(1e-2), loss={"all_frames": "mse"}, jit_compile=False)
    losses = training.fit(x, {"all_frames": true}, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert np.abs(keras.ops.convert_to_numpy(model({"rgb": x["rgb"]})["frames"]) - before).max() > 1e-3


def test_a_residual_model_is_trained_on_what_it_forecasts():
    """Also the frames seen are forecast as changes from their mean."""
    settings, model, x = CASES["convlstm_stack-residual"], build("convlstm_stack-residual"), batch(1.0)
    training = settings.training_model(model)
    np.testing.assert_allclose(
        training({**x, "teacher": 0 * x["teacher"]})["frames"], model({"rgb": x["rgb"]})["frames"], atol=1e-6
    )
    changes = [(x[key].astype("float32") - x["rgb"].mean(axis=1, keepdims=True)) / 255 for key in ("rgb", "future")]
    patches, stack = model.get_layer("patches"), model.get_layer("next_frames")
    pixels = keras.ops.convert_to_numpy(stack(*(patches(part) for part in changes), x["teacher"]))
    expected = DepthToSpace(2)(pixels) + x["rgb"].mean(axis=1, keepdims=True) / 255
    np.testing.assert_allclose(training(x)["all_frames"], expected, atol=1e-5)


def test_one_frame_ahead():
    settings = dataclasses.replace(MODEL, horizon=1)
    model = build("convlstm_stack", horizon=1)
    training = settings.training_model(model)
    x = {**batch(), "future": frames(time=1), "teacher": np.zeros((2, 0), "float32")}
    got = training.predict(x, verbose=0)
    np.testing.assert_allclose(got["frames"], model({"rgb": x["rgb"]})["frames"], atol=1e-6)
    assert got["all_frames"].shape[1] == 4


def test_schedule_of_the_benchmark():
    """1.0 less 2e-5 a step, the first included; nothing from the 50,000th step on."""
    expected = [(0, 1 - 2e-5), (1, 1 - 4e-5), (24_999, 0.5), (49_998, 2e-5), (49_999, 0.0), (80_000, 0.0)]
    for step, probability in expected:
        assert teacher_probability(step) == pytest.approx(probability, abs=1e-9)
    assert teacher_probability(4, steps=10) == pytest.approx(0.5)
