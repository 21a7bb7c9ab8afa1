"""Rain scores against hand counts and the relation written out."""

import numpy as np
import pytest

from videorec.config import UserError
from videorec.tasks.forecasting.rainfall import RainfallScores, dbz_to_rain, frame_correlation, pixel_to_dbz

RNG = np.random.default_rng(0)
TRUTH = RNG.random((4, 3, 8, 9, 1)).astype(np.float32)
FORECAST = np.clip(TRUTH + RNG.normal(0, 0.2, TRUTH.shape), 0, 1).astype(np.float32)
RAINS = np.array([0.05, 0.5, 1, 10, 100.0])


def scores(truth, forecast, **options):
    accumulator = RainfallScores(**options)
    accumulator.update(truth, forecast)
    return accumulator.result()


def reflectivity(rain, a=118.239, b=1.5241):
    """In dBZ, 10 log10 Z, of a rain rate R in mm/h: Z = a R^b in mm^6/m^3."""
    return 10 * np.log10(a * rain**b)


def frames(*rains):
    """`(1, K, 1, P, 1)` pixels of rows of rain rates in mm/h."""
    pixels = np.clip((reflectivity(np.array(rains, np.float64)) + 10) / 70, 0, 1)  # 0 is -10 dBZ, 1 is 60 dBZ
    return pixels[None, :, None, :, None]


def test_the_relation_by_hand():
    np.testing.assert_allclose(dbz_to_rain(20.7276), 1.0, rtol=1e-5)  # 10 log10 118.239
    np.testing.assert_allclose(dbz_to_rain(20.7276 + 15.241), 10.0, rtol=1e-5)
    np.testing.assert_allclose(dbz_to_rain(reflectivity(RAINS)), RAINS, rtol=1e-12)
    np.testing.assert_allclose(dbz_to_rain(reflectivity(RAINS, 58.53, 1.56), a=58.53, b=1.56), RAINS, rtol=1e-12)
    assert dbz_to_rain(-np.inf) == 0


def test_pixels_are_linear_in_dbz():
    np.testing.assert_allclose(pixel_to_dbz([0, 0.5, 1]), [-10, 25, 60])
    np.testing.assert_allclose(pixel_to_dbz([0, 0.5, 1], (0, 70)), [0, 35, 70])


def test_counts_by_hand():
    truth = frames([1, 1, 1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.1, 4])
    forecast = frames([2, 0.2, 0.6, 0.1, 3, 0.2], [0.1, 0.2, 0.1, 0.1, 0.1, 0.1])
    # First lead time: 2 hits, 1 miss, 1 false alarm; second: 1 miss.
    result = scores(truth, forecast)
    assert result["csi_0.5"] == {"value": 2 / 5, "by_lead": [2 / 4, 0.0]}
    assert result["pod_0.5"] == {"value": 2 / 4, "by_lead": [2 / 3, 0.0]}
    assert result["far_0.5"]["value"] == result["far_0.5"]["by_lead"][0] == 1 / 3
    assert np.isnan(result["far_0.5"]["by_lead"][1])  # no rain was forecast


def test_each_threshold_counts_on_its_own():
    result = scores(frames([1, 5, 20]), frames([1.5, 1.5, 1.5]), thresholds=(0.5, 4, 10))
    assert [result[f"pod_{t}"]["value"] for t in ("0.5", "4", "10")] == [1, 0, 0]
    assert result["far_0.5"]["value"] == 0 and np.isnan(result["far_10"]["value"])


def test_no_rain_anywhere_is_not_defined():
    dry = frames([0.1, 0.1])
    result = scores(dry, dry)
    assert np.isnan([result[name]["value"] for name in ("csi_0.5", "far_0.5", "pod_0.5")]).all()
    assert result["rainfall_mse"]["value"] == 0


def test_csi_is_below_pod_and_success_ratio():
    for threshold in (0.5, 2, 10, 30):
        result = scores(TRUTH, FORECAST, thresholds=(threshold,))
        csi, far, pod = (np.array(result[f"{name}_{threshold}"]["by_lead"]) for name in ("csi", "far", "pod"))
        assert (csi <= pod).all() and (csi <= 1 - far).all() and (0 < csi).all()
        np.testing.assert_allclose(1 / csi, 1 / pod + 1 / (1 - far) - 1)  # the identity of the three


def test_rainfall_mse():
    result = scores(frames([1, 2], [3, 4]), frames([1.5, 2], [3, 7]))["rainfall_mse"]
    np.testing.assert_allclose(result["by_lead"], [0.25 / 2, 9 / 2], rtol=1e-4)
    np.testing.assert_allclose(result["value"], 9.25 / 4, rtol=1e-4)


def test_rainfall_mse_with_another_scale():
    rain = [(10 ** ((x.astype(np.float64) * 70 - 10 * np.log10(200)) / 16)) for x in (TRUTH, FORECAST)]
    result = scores(TRUTH, FORECAST, dbz_range=(0, 70), a=200, b=1.6)
    np.testing.assert_allclose(result["rainfall_mse"]["value"], ((rain[0] - rain[1]) ** 2).mean(), rtol=1e-4)


def test_correlation_is_the_cosine_of_two_frames():
    t, f = (x.reshape(4, 3, -1).astype(np.float64) for x in (TRUTH, FORECAST))
    cosines = (t * f).sum(-1) / (np.linalg.norm(t, axis=-1) * np.linalg.norm(f, axis=-1))
    np.testing.assert_allclose(frame_correlation(TRUTH, FORECAST), cosines, rtol=1e-6)
    result = scores(TRUTH, FORECAST)["correlation"]
    np.testing.assert_allclose(result["by_lead"], cosines.mean(0), rtol=1e-6)
    np.testing.assert_allclose(result["value"], cosines.mean(), rtol=1e-6)


def test_correlation_with_itself_is_1_and_of_nothing_0():
    np.testing.assert_allclose(frame_correlation(TRUTH, TRUTH), 1, rtol=1e-6)
    assert not frame_correlation(np.zeros_like(TRUTH), np.zeros_like(TRUTH)).any()


def test_masked_pixels_are_left_out():
    truth, forecast = TRUTH.copy(), FORECAST.copy()
    truth[:, :, 3:] = np.nan
    forecast[:, :, 3:] = np.nan
    truth[0, 0] = np.nan
    result = scores(truth, forecast)
    part = scores(TRUTH[1:, :1, :3], FORECAST[1:, :1, :3])
    for name, score in part.items():
        np.testing.assert_allclose(result[name]["by_lead"][0], score["value"], rtol=1e-6)


def test_batches_add_up_to_the_whole():
    whole = scores(TRUTH, FORECAST, thresholds=(0.5, 5))
    accumulator = RainfallScores(thresholds=(0.5, 5))
    for k in range(4):
        accumulator.update(TRUTH[k : k + 1], FORECAST[k : k + 1])
    result = accumulator.result()
    assert set(result) == set(accumulator.definitions) == set(whole)
    for name, score in result.items():
        np.testing.assert_allclose(score["by_lead"], whole[name]["by_lead"], rtol=1e-9)
        np.testing.assert_allclose(score["value"], whole[name]["value"], rtol=1e-9)


def test_forecasts_are_clipped():
    wild = FORECAST + np.where(FORECAST == 1, 5, 0) - np.where(FORECAST == 0, 5, 0)
    assert (wild > 1).any() and (wild < 0).any()
    assert scores(TRUTH, wild) == scores(TRUTH, FORECAST)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": (0.5, 0.5)}, "must differ"),
        ({"thresholds": (0.001,)}, "between 0.00964 and 377 mm/h"),
        ({"thresholds": (500,)}, "Got: 500 mm/h"),
        ({"thresholds": (float("nan"),)}, "must lie between"),
        ({"dbz_range": (60, -10)}, "must be below"),
        ({"b": 0}, "above 0"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(UserError, match=message):
        RainfallScores(**options)


def test_bad_batches():
    accumulator = RainfallScores()
    with pytest.raises(ValueError, match="before the first"):
        accumulator.result()
    accumulator.update(TRUTH, FORECAST)
    with pytest.raises(ValueError, match="K=2 after K=3"):
        accumulator.update(TRUTH[:, :2], FORECAST[:, :2])
    with pytest.raises(UserError, match="diverged"):
        accumulator.update(TRUTH, np.full_like(FORECAST, np.nan))
