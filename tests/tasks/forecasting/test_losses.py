"""Losses of forecast frames against NumPy, and against the scores of the same name."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from videorec.config import UserError
from videorec.tasks.forecasting.losses import PIXEL_LOSSES, ForecastLoss, forecast_loss
from videorec.tasks.forecasting.metrics import ForecastScores

RNG = np.random.default_rng(0)
TRUTH = RNG.random((4, 3, 5, 6, 2)).astype(np.float32)
FORECAST = RNG.uniform(0.01, 0.99, TRUTH.shape).astype(np.float32)


def by_hand(name, truth, forecast):
    """`(B,)` losses in float64; masked pixels add nothing."""
    t, p = np.asarray(truth, np.float64), np.asarray(forecast, np.float64)
    losses = {
        "crossentropy": -(t * np.log(p) + (1 - t) * np.log(1 - p)) * t.shape[1],
        "mse": (t - p) ** 2,
        "mae": np.abs(t - p),
        "mse+mae": (t - p) ** 2 + np.abs(t - p),
    }[name]
    return np.nansum(losses, axis=(1, 2, 3, 4)) / t.shape[1]


def gradient(name, truth, forecast):
    forecast = tf.constant(forecast, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(forecast)
        loss = forecast_loss(name)(truth, forecast)
    return tape.gradient(loss, forecast).numpy()


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_against_numpy(name):
    loss = forecast_loss(name)
    np.testing.assert_allclose(loss.call(TRUTH, FORECAST), by_hand(name, TRUTH, FORECAST), rtol=1e-5)
    np.testing.assert_allclose(loss(TRUTH, FORECAST), by_hand(name, TRUTH, FORECAST).mean(), rtol=1e-5)


@pytest.mark.parametrize("name", ["crossentropy", "mse", "mae"])
def test_the_loss_is_the_score_of_the_same_name(name):
    truth, forecast = TRUTH.copy(), FORECAST.copy()
    truth[RNG.random(truth.shape) < 0.2] = np.nan
    forecast[0, 0, 0] = 0
    forecast[0, 0, 1] = 1
    truth[0, 0, :2, :3] = [[0], [1], [0.5]]  # P = 0 and P = 1 with T = 0, 1 and between
    scores = ForecastScores((name,))
    scores.update(truth, forecast)
    np.testing.assert_allclose(forecast_loss(name)(truth, forecast), scores.result()[name]["value"], rtol=1e-5)


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_masked_pixels_add_neither_loss_nor_gradient(name):
    truth = TRUTH.copy()
    truth[RNG.random(truth.shape) < 0.3] = np.nan
    truth[1] = np.nan
    np.testing.assert_allclose(forecast_loss(name).call(truth, FORECAST), by_hand(name, truth, FORECAST), rtol=1e-5)
    slope = gradient(name, truth, FORECAST)
    assert np.isfinite(slope).all()
    np.testing.assert_array_equal(slope == 0, np.isnan(truth))


def test_crossentropy_gradient_by_its_formula():
    t, p = TRUTH.astype(np.float64), FORECAST.astype(np.float64)
    expected = ((1 - t) / (1 - p) - t / p) / len(t)  # the loss is a mean over sequences
    np.testing.assert_allclose(gradient("crossentropy", TRUTH, FORECAST), expected, rtol=1e-4, atol=1e-5)


def test_crossentropy_gradient_at_0_and_1_points_to_the_target():
    truth = np.array([0, 0.5, 1, 0, 0.5, 1], np.float32).reshape(1, 1, 1, 6, 1)
    forecast = np.array([0, 0, 0, 1, 1, 1], np.float32).reshape(truth.shape)
    np.testing.assert_allclose(gradient("crossentropy", truth, forecast).ravel(), [1, -5e6, -1e7, 1e7, 5e6, -1], rtol=1e-6)


def test_crossentropy_gradient_through_a_sigmoid_is_bounded():
    logits = tf.constant([-200.0, -20.0, -3.0, 0.0, 3.0, 20.0, 200.0])
    for target in (0.0, 0.5, 1.0):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = forecast_loss("crossentropy")(
                tf.fill((1, 1, 1, 7, 1), target), tf.sigmoid(logits)[None, None, None, :, None]
            )
        slope = tape.gradient(loss, logits).numpy()
        assert np.isfinite(loss) and np.isfinite(slope).all() and (np.abs(slope) <= 1).all()
        # Towards the target, or none where the sigmoid has none left.
        assert (slope * (1 / (1 + np.exp(-logits.numpy().astype(np.float64))) - target) >= 0).all()


@pytest.mark.parametrize("name", ["mse", "mae", "mse+mae"])
def test_errors_have_a_gradient_at_0_and_1(name):
    truth = np.full((1, 1, 1, 2, 1), 0.5, np.float32)
    forecast = np.array([0, 1], np.float32).reshape(truth.shape)
    slope = {"mse": 1, "mae": 1, "mse+mae": 2}[name]
    np.testing.assert_allclose(gradient(name, truth, forecast).ravel(), [-slope, slope])


def test_targets_may_be_uint8_and_outputs_half_precision():
    truth = (TRUTH > 0.5).astype(np.uint8)
    half = FORECAST.astype(np.float16)
    np.testing.assert_allclose(forecast_loss("mse")(truth, half), by_hand("mse", truth, half).mean(), rtol=1e-5)


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_it_is_saved_with_a_model_and_trains(name, tmp_path, training_seed):
    keras.utils.set_random_seed(training_seed)
    inputs = keras.Input((3, 5, 6, 2))
    model = keras.Model(inputs, {"frames": keras.layers.Dense(2, activation="sigmoid", name="frames")(inputs)})
    model.compile(keras.optimizers.Adam(0.05), loss={"frames": forecast_loss(name)})
    history = model.fit(FORECAST, {"frames": TRUTH}, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    before, after = (m.evaluate(FORECAST, {"frames": TRUTH}, verbose=0) for m in (model, again))
    np.testing.assert_allclose(after, before, rtol=1e-6)
    restored = keras.losses.deserialize(keras.losses.serialize(forecast_loss(name)))
    assert isinstance(restored, ForecastLoss) and restored.kind == name


def test_unknown_names():
    with pytest.raises(UserError, match="Did you mean mse"):
        forecast_loss("msee")
    with pytest.raises(ValueError, match="kind must be one of"):
        ForecastLoss("huber")
