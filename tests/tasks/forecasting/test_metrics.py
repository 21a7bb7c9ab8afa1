"""Scores of forecast frames against scikit-image, NumPy and values worked out by hand."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from videorec.config import UserError
from videorec.tasks.forecasting.metrics import DEFINITIONS, SCORES, ForecastScores

RNG = np.random.default_rng(0)
TRUTH = RNG.random((4, 3, 12, 16, 2)).astype(np.float32)
FORECAST = np.clip(TRUTH + RNG.normal(0, 0.3, TRUTH.shape), -0.4, 1.3).astype(np.float32)  # some outside [0, 1]


def scores(truth, forecast, *names):
    accumulator = ForecastScores(names or tuple(DEFINITIONS))
    accumulator.update(truth, forecast)
    return accumulator.result()


def each_frame(function, truth=TRUTH, forecast=FORECAST):
    """`(N, K)` of a function of two frames."""
    rows = [[function(t, f) for t, f in zip(*pair, strict=True)] for pair in zip(truth, forecast, strict=True)]
    return np.array(rows, np.float64)


def masked(truth, share=0.2):
    truth = truth.copy()
    truth[RNG.random(truth.shape) < share] = np.nan
    return truth


def test_every_score_has_a_definition():
    assert set(DEFINITIONS) == set(SCORES)
    assert ForecastScores(("ssim", "mse")).definitions == {"ssim": DEFINITIONS["ssim"], "mse": DEFINITIONS["mse"]}


def test_an_all_zero_forecast_costs_the_sum_of_squares_of_a_frame():
    result = scores(TRUTH, np.zeros_like(TRUTH), "mse", "mae")
    np.testing.assert_allclose(result["mse"]["value"], np.mean((TRUTH.astype(np.float64) ** 2).sum((2, 3, 4))), rtol=1e-6)
    np.testing.assert_allclose(result["mae"]["by_lead"], TRUTH.astype(np.float64).sum((2, 3, 4)).mean(0), rtol=1e-6)


def test_errors_by_hand_and_unclipped():
    truth = np.zeros((1, 2, 1, 2, 1))
    forecast = np.array([0.5, -1.5, 2.0, 0.0]).reshape(truth.shape)
    result = scores(truth, forecast, "mse", "mae")
    assert result["mse"] == {"value": 3.25, "by_lead": [2.5, 4.0]}
    assert result["mae"] == {"value": 2.0, "by_lead": [2.0, 2.0]}


@pytest.mark.parametrize(("name", "data_range"), [("ssim", 2), ("ssim_range_1", 1)])
def test_ssim_is_scikit_images_of_clipped_forecasts(name, data_range):
    expected = each_frame(
        lambda t, f: structural_similarity(t, np.clip(f, 0, 1), win_size=7, data_range=data_range, channel_axis=-1)
    )
    result = scores(TRUTH, FORECAST, name)[name]
    np.testing.assert_allclose(result["value"], expected.mean(), rtol=1e-6)
    np.testing.assert_allclose(result["by_lead"], expected.mean(0), rtol=1e-6)


def test_ssim_of_one_window_by_its_formula():
    t, f = RNG.random((2, 7, 7))
    constants = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    covariance = np.cov(t.ravel(), f.ravel())  # of a sample: 48 degrees of freedom
    means = t.mean(), f.mean()
    expected = (2 * means[0] * means[1] + constants[0]) * (2 * covariance[0, 1] + constants[1])
    expected /= (means[0] ** 2 + means[1] ** 2 + constants[0]) * (covariance[0, 0] + covariance[1, 1] + constants[1])
    result = scores(t[None, None, ..., None], f[None, None, ..., None], "ssim")
    np.testing.assert_allclose(result["ssim"]["value"], expected, rtol=1e-4)


def test_ssim_of_a_frame_with_itself_is_1():
    result = scores(TRUTH, TRUTH, "ssim", "ssim_range_1")
    np.testing.assert_allclose([result["ssim"]["value"], result["ssim_range_1"]["value"]], 1, rtol=1e-6)
    worse = scores(TRUTH, FORECAST, "ssim", "ssim_range_1")
    assert worse["ssim_range_1"]["value"] < worse["ssim"]["value"] < 1


def test_ssim_leaves_out_windows_with_a_masked_pixel():
    truth, forecast = TRUTH[:1, :1, :, :, :1].copy(), FORECAST[:1, :1, :, :, :1]
    truth[..., :4, :] = np.nan  # the windows whose columns are 4 to 15 stay: those of the picture without columns 0 to 3
    expected = structural_similarity(truth[0, 0, :, 4:, 0], np.clip(forecast[0, 0, :, 4:, 0], 0, 1), win_size=7, data_range=2)
    np.testing.assert_allclose(scores(truth, forecast, "ssim")["ssim"]["value"], expected, rtol=1e-5)
    truth[..., 5, 8, 0] = np.nan  # now in reach of every window but those to the right of column 8
    kept = structural_similarity(truth[0, 0, :, 9:, 0], np.clip(forecast[0, 0, :, 9:, 0], 0, 1), win_size=7, data_range=2)
    np.testing.assert_allclose(scores(truth, forecast, "ssim")["ssim"]["value"], kept, rtol=1e-5)
    truth[..., 5, 12, 0] = np.nan
    assert np.isnan(scores(truth, forecast, "ssim")["ssim"]["value"])


def test_a_mask_of_one_channel_leaves_the_windows_of_the_other():
    truth = TRUTH[:1, :1].copy()
    truth[..., :4, 0] = np.nan
    maps = [
        structural_similarity(TRUTH[0, 0, ..., c], np.clip(FORECAST[0, 0, ..., c], 0, 1), win_size=7, data_range=2, full=True)[
            1
        ]
        for c in range(2)
    ]
    kept = np.concatenate([maps[0][3:-3, 7:-3].ravel(), maps[1][3:-3, 3:-3].ravel()])
    np.testing.assert_allclose(scores(truth, FORECAST[:1, :1], "ssim")["ssim"]["value"], kept.mean(), rtol=1e-5)


@pytest.mark.parametrize(("side", "window"), [(6, 5), (5, 5), (4, 3), (3, 3)])
def test_ssim_of_small_frames_takes_a_smaller_window(side, window):
    truth, forecast = TRUTH[:, :, :side], FORECAST[:, :, :side]
    expected = each_frame(
        lambda t, f: structural_similarity(t, np.clip(f, 0, 1), win_size=window, data_range=2, channel_axis=-1), truth, forecast
    )
    np.testing.assert_allclose(scores(truth, forecast, "ssim")["ssim"]["value"], expected.mean(), rtol=1e-6)


def test_ssim_is_not_defined_below_3_px():
    assert np.isnan(scores(TRUTH[:, :, :2], FORECAST[:, :, :2], "ssim")["ssim"]["value"])


def test_psnr_is_scikit_images_of_clipped_forecasts():
    expected = each_frame(lambda t, f: peak_signal_noise_ratio(t, np.clip(f, 0, 1), data_range=1))
    result = scores(TRUTH, FORECAST, "psnr")["psnr"]
    np.testing.assert_allclose(result["value"], expected.mean(), rtol=1e-6)
    np.testing.assert_allclose(result["by_lead"], expected.mean(0), rtol=1e-6)


def test_a_perfect_frame_has_100_db():
    forecast = TRUTH.copy()
    forecast[:, 1:] = np.clip(TRUTH[:, 1:], 0.1, 0.9)  # the first lead time alone is perfect
    result = scores(TRUTH, forecast, "psnr")["psnr"]
    np.testing.assert_allclose(result["by_lead"][0], 100, rtol=1e-12)
    assert 0 < result["by_lead"][1] < 60 and np.isfinite(result["value"])


def test_crossentropy_of_a_sequence_by_hand():
    truth = np.array([1.0, 0.0, 0.25, 0.5]).reshape(1, 2, 1, 2, 1)
    forecast = np.array([0.5, 0.5, 0.25, 0.9]).reshape(truth.shape)
    first = 2 * np.log(2)
    second = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)) - 0.5 * (np.log(0.9) + np.log(0.1))
    result = scores(truth, forecast, "crossentropy")["crossentropy"]
    np.testing.assert_allclose(result["by_lead"], [first, second], rtol=1e-6)
    np.testing.assert_allclose(result["value"], first + second, rtol=1e-6)


def test_a_sure_and_wrong_pixel_costs_as_much_as_its_floor():
    truth = np.array([1.0, 0.0, 1.0, 0.0]).reshape(1, 1, 2, 2, 1)
    forecast = np.array([0.0, 1.0, 1.0, -3.0]).reshape(truth.shape)  # wrong, wrong, right, right once clipped
    result = scores(truth, forecast, "crossentropy")["crossentropy"]
    np.testing.assert_allclose(result["value"], 2 * 7 * np.log(10), rtol=1e-6)


def test_batches_add_up_to_the_whole():
    whole = scores(masked_truth := masked(TRUTH, 0.01), FORECAST)
    accumulator = ForecastScores()
    for k in (slice(0, 1), slice(1, 4)):
        accumulator.update(masked_truth[k], FORECAST[k])
    for name, score in accumulator.result().items():
        np.testing.assert_allclose(score["by_lead"], whole[name]["by_lead"], rtol=1e-12)
        np.testing.assert_allclose(score["value"], whole[name]["value"], rtol=1e-12)
        assert isinstance(score["value"], float) and len(score["by_lead"]) == 3


def test_masked_pixels_are_left_out_of_sums_whatever_was_forecast():
    truth, forecast = masked(TRUTH), FORECAST.copy()
    seen = ~np.isnan(truth)
    forecast[~seen] = np.nan
    result = scores(truth, forecast, "mse", "mae", "psnr", "crossentropy")
    errors = np.where(seen, TRUTH - FORECAST, 0).astype(np.float64)
    clipped = np.clip(FORECAST, 0, 1)
    mean_squares = (np.where(seen, TRUTH - clipped, 0) ** 2.0).sum((2, 3, 4)) / seen.sum((2, 3, 4))
    p = np.clip(clipped.astype(np.float64), 1e-7, 1 - 1e-7)
    nats = np.where(seen, -(TRUTH * np.log(p) + (1 - TRUTH) * np.log(1 - p)), 0)
    np.testing.assert_allclose(result["mse"]["value"], (errors**2).sum((2, 3, 4)).mean(), rtol=1e-6)
    np.testing.assert_allclose(result["mae"]["value"], np.abs(errors).sum((2, 3, 4)).mean(), rtol=1e-6)
    np.testing.assert_allclose(result["psnr"]["value"], (-10 * np.log10(mean_squares)).mean(), rtol=1e-6)
    np.testing.assert_allclose(result["crossentropy"]["value"], nats.sum((1, 2, 3, 4)).mean(), rtol=1e-6)


def test_frames_that_are_masked_entirely_are_not_scored():
    truth = TRUTH.copy()
    truth[1, 0] = np.nan
    truth[:, 2] = np.nan
    result = scores(truth, FORECAST)
    plain = scores(TRUTH[[0, 2, 3]], FORECAST[[0, 2, 3]])
    for name in ("mse", "mae", "ssim", "psnr"):
        np.testing.assert_allclose(result[name]["by_lead"][0], plain[name]["by_lead"][0], rtol=1e-6)
        assert np.isnan(result[name]["by_lead"][2]) and np.isfinite(result[name]["value"])
    squares = ((TRUTH - FORECAST).astype(np.float64) ** 2).sum((2, 3, 4))
    expected = (squares[[0, 2, 3], 0].sum() + squares[:, 1].sum()) / 7
    np.testing.assert_allclose(result["mse"]["value"], expected, rtol=1e-6)
    whole = np.array(scores(TRUTH, FORECAST, "crossentropy")["crossentropy"]["by_lead"])
    shares = result["crossentropy"]["by_lead"]  # of 4 sequences, which add up to the value
    np.testing.assert_allclose(shares, [0.75 * plain["crossentropy"]["by_lead"][0], whole[1], 0], rtol=1e-6)
    np.testing.assert_allclose(result["crossentropy"]["value"], sum(shares), rtol=1e-9)


def test_a_sequence_that_is_masked_entirely_is_not_scored():
    truth = TRUTH.copy()
    truth[1] = np.nan
    result, plain = scores(truth, FORECAST), scores(TRUTH[[0, 2, 3]], FORECAST[[0, 2, 3]])
    for name in DEFINITIONS:
        np.testing.assert_allclose(result[name]["value"], plain[name]["value"], rtol=1e-6)


def test_a_refused_batch_changes_nothing():
    accumulator = ForecastScores(("mse", "crossentropy"))
    accumulator.update(TRUTH, FORECAST)
    before = accumulator.result()
    broken = FORECAST.copy()
    broken[0, 0, 0, 0] = np.inf
    with pytest.raises(UserError, match="2 of 4608 values"):
        accumulator.update(TRUTH, broken)
    with pytest.raises(ValueError, match="K=2 after K=3"):
        accumulator.update(TRUTH[:, :2], FORECAST[:, :2])
    assert accumulator.result() == before


@pytest.mark.parametrize(
    ("truth", "forecast", "message"),
    [
        (TRUTH, FORECAST[:, :2], "must both be"),
        (TRUTH[0], FORECAST[0], "must both be"),
        (TRUTH[:0], FORECAST[:0], "must both be"),
        (TRUTH * 255, FORECAST, "from 0.* to 25"),
        (TRUTH - 1, FORECAST, "must be in"),
    ],
)
def test_what_cannot_be_scored(truth, forecast, message):
    with pytest.raises(ValueError, match=message):
        scores(truth, forecast)


def test_unknown_score_and_no_batch():
    with pytest.raises(UserError, match="Did you mean ssim"):
        ForecastScores(("sim",))
    with pytest.raises(ValueError, match="before the first"):
        ForecastScores().result()
