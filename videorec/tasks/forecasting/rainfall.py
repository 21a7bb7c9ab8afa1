"""Radar echoes as rain: the relation of reflectivity to rain rate, and the scores of Shi et al. 2015, section 4.2.

Pixels in [0, 1] stand for reflectivity Z in dBZ by a linear scale; Z = 10 log10 a + 10 b log10 R gives the rain rate R in mm/h.
Masked pixels (NaN in the truth) are left out.
"""

import math

import numpy as np

from videorec.config import UserError
from videorec.tasks.forecasting.metrics import check, ratio

ZR_A, ZR_B = 118.239, 1.5241  # Shi et al. 2015
DBZ_RANGE = (-10.0, 60.0)  # dBZ of pixel 0 and of pixel 1 in HKO-7 (Shi et al. 2017)


def dbz_to_rain(dbz, a: float = ZR_A, b: float = ZR_B) -> np.ndarray:
    """Rain rate in mm/h of reflectivities in dBZ; that of -inf dBZ is 0."""
    return 10 ** ((np.asarray(dbz) - 10 * math.log10(a)) / (10 * b))


def pixel_to_dbz(pixel, dbz_range: tuple[float, float] = DBZ_RANGE) -> np.ndarray:
    """Reflectivity in dBZ of pixels in [0, 1]; `dbz_range` is what 0 and 1 stand for."""
    lowest, highest = dbz_range
    return np.asarray(pixel) * (highest - lowest) + lowest


def frame_correlation(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """`(N, K)` correlation of each frame, sum(P T) / (sqrt(sum P^2 sum T^2) + 1e-9): not mean-subtracted (Shi et al. 2015).

    A frame that is 0 everywhere, in truth or forecast, has 0, as the formula gives it. NaN where the frame is masked.

    Args:
        truth, forecast: `(N, K, H, W, C)` pixels.
    """
    visible = ~np.isnan(truth)

    def total(values):
        return np.sum(values, axis=(2, 3, 4), dtype=np.float64, where=visible)

    norms = np.sqrt(total(np.square(forecast)) * total(np.square(truth)))
    return np.where(visible.any(axis=(2, 3, 4)), total(truth * forecast) / (norms + 1e-9), np.nan)


class RainfallScores:
    """Rainfall-MSE, CSI, FAR, POD and correlation, fed batch by batch: only sums are kept.

    Forecasts are clipped to [0, 1]. Names of the scores: rainfall_mse, correlation, and csi_R, far_R, pod_R for each threshold
    R, for example csi_0.5; `definitions` says what they are.

    Args:
        thresholds: rain rates in mm/h; a pixel is rain at `R >= threshold`.
        dbz_range: reflectivity in dBZ that pixel 0 and pixel 1 stand for.
        a, b: of the relation Z = a R^b.

    Raises:
        UserError: a range that does not ascend, a relation that is not positive, thresholds that repeat, or that no pixel
            or every pixel reaches.
    """

    def __init__(
        self,
        thresholds: tuple[float, ...] = (0.5,),
        dbz_range: tuple[float, float] = DBZ_RANGE,
        a: float = ZR_A,
        b: float = ZR_B,
    ):
        _check_scale(thresholds, dbz_range, a, b)
        self.thresholds, self.dbz_range, self.a, self.b = tuple(thresholds), tuple(dbz_range), a, b
        self.definitions = _definitions(self.thresholds, self.dbz_range, a, b)
        self.horizon = None

    def update(self, truth, forecast) -> None:
        """Adds a batch, both `(N, K, H, W, C)`; raises as `metrics.check` does, and then nothing is added."""
        truth, forecast = check(truth, forecast, self.horizon)
        if self.horizon is None:
            self.horizon = truth.shape[1]
            self._squares, self._pixels, self._correlations, self._frames = np.zeros((4, self.horizon))
            self._hits, self._misses, self._false_alarms = np.zeros((3, len(self.thresholds), self.horizon), np.int64)
        truth, forecast = np.clip(truth, 0, 1), np.clip(forecast, 0, 1)
        correlations = frame_correlation(truth, forecast)
        self._correlations += np.nansum(correlations, axis=0)
        self._frames += np.sum(~np.isnan(correlations), axis=0)
        true, predicted = (dbz_to_rain(pixel_to_dbz(pixels, self.dbz_range), self.a, self.b) for pixels in (truth, forecast))
        visible = ~np.isnan(truth)
        self._squares += np.sum(np.square(true - predicted), axis=(0, 2, 3, 4), dtype=np.float64, where=visible)
        self._pixels += np.sum(visible, axis=(0, 2, 3, 4))
        for k, threshold in enumerate(self.thresholds):
            rain, alarm = (true >= threshold) & visible, (predicted >= threshold) & visible
            self._hits[k] += np.sum(rain & alarm, axis=(0, 2, 3, 4))
            self._misses[k] += np.sum(rain & ~alarm, axis=(0, 2, 3, 4))
            self._false_alarms[k] += np.sum(alarm & ~rain, axis=(0, 2, 3, 4))

    def result(self) -> dict[str, dict]:
        """`{name: {"value": float, "by_lead": [K floats]}}`.

        NaN is "not defined": CSI without rain in truth or forecast, FAR without rain in the forecast, POD without rain in the
        truth, and everything where all was masked.

        Raises:
            ValueError: before the first batch.
        """
        if self.horizon is None:
            raise ValueError("There is no score before the first update.")
        pairs = {"rainfall_mse": (self._squares, self._pixels), "correlation": (self._correlations, self._frames)}
        for threshold, hits, misses, false_alarms in zip(
            self.thresholds, self._hits, self._misses, self._false_alarms, strict=True
        ):
            pairs[f"csi_{threshold:g}"] = hits, hits + misses + false_alarms
            pairs[f"far_{threshold:g}"] = false_alarms, hits + false_alarms
            pairs[f"pod_{threshold:g}"] = hits, hits + misses
        return {
            name: {"value": float(ratio(part.sum(), whole.sum())), "by_lead": ratio(part, whole).tolist()}
            for name, (part, whole) in pairs.items()
        }


def _check_scale(thresholds, dbz_range, a, b):
    lowest, highest = dbz_range
    if not lowest < highest:
        raise UserError(f"The dBZ of pixel 0 must be below that of pixel 1, as in -10 60. Got: {lowest:g} {highest:g}")
    if not (a > 0 and b > 0):
        raise UserError(f"Z = a R^b needs a and b above 0, as in {ZR_A} {ZR_B}. Got: a = {a:g}, b = {b:g}")
    if len({f"{threshold:g}" for threshold in thresholds}) < len(thresholds):
        raise UserError(f"Rain thresholds must differ from each other. Got: {', '.join(f'{t:g}' for t in thresholds)} mm/h")
    least, most = dbz_to_rain(np.array(dbz_range), a, b)
    for threshold in thresholds:
        if not least < threshold < most:
            raise UserError(
                f"A rain threshold must lie between {least:.3g} and {most:.3g} mm/h, which pixels 0 and 1 stand for "
                f"({lowest:g} and {highest:g} dBZ). Got: {threshold:g} mm/h"
            )


def _definitions(thresholds, dbz_range, a, b):
    scale = f"pixels 0 to 1 are {dbz_range[0]:g} to {dbz_range[1]:g} dBZ, Z = {a:g} R^{b:g}"
    texts = {
        "rainfall_mse": f"(mm/h)^2: squared error of the rain rate, mean over pixels, frames and sequences; {scale}",
        "correlation": "sum(P T) / (sqrt(sum P^2 sum T^2) + 1e-9) over the pixels of a frame, no mean subtracted, at most 1; "
        "mean over frames",
    }
    for threshold in thresholds:
        event = f"rain is {threshold:g} mm/h and more, pixels of all frames and sequences counted together; {scale}"
        texts[f"csi_{threshold:g}"] = f"critical success index, hits / (hits + misses + false alarms), 0 to 1; {event}"
        texts[f"far_{threshold:g}"] = f"false alarm ratio, false alarms / (hits + false alarms), 0 to 1, best 0; {event}"
        texts[f"pod_{threshold:g}"] = f"probability of detection, hits / (hits + misses), 0 to 1; {event}"
    return texts
