"""Scores of forecast frames, over all frames and by lead time.

Truth and forecast are `(N, K, H, W, C)`: N sequences, K lead times, values in [0, 1]. NaN in the truth is a masked pixel: it is
left out of every sum and count, whatever was forecast there (a sum over a frame's pixels is then a sum over fewer pixels: it is
not scaled up). A frame without a visible pixel is not scored.

What a number means hangs on conventions that are seldom printed with it: `DEFINITIONS` says them. mse, mae, ssim and psnr are
those of the common Moving MNIST benchmark (OpenSTL, openstl/core/metrics.py), crossentropy is that of Shi et al. 2015.
"""

import functools

import numpy as np
from scipy.ndimage import minimum_filter
from skimage.metrics import structural_similarity

from videorec.config import UserError, nearest

PROBABILITY_FLOOR = 1e-7  # least P and least 1 - P in the cross-entropy: a pixel costs 16.1 nats at most
MSE_FLOOR = 1e-10  # least mean squared error in the PSNR: a perfect frame has 100 dB
SSIM_WINDOW = 7  # px
ROUNDING = 1e-5  # how far outside [0, 1] the truth may lie

DEFINITIONS = {
    "mse": "squared error summed over pixels and channels of a frame (values 0 to 1, forecasts not clipped), mean over frames",
    "mae": "absolute error summed over pixels and channels of a frame (values 0 to 1, forecasts not clipped), mean over frames",
    "ssim": "structural similarity (at most 1), 7 x 7 uniform window, data_range 2 as in the common benchmark, forecasts "
    "clipped to 0 to 1, mean over frames",
    "ssim_range_1": "structural similarity (at most 1), 7 x 7 uniform window, data_range 1 (that of the values; gives lower "
    "figures than the benchmark's), forecasts clipped to 0 to 1, mean over frames",
    "psnr": "peak signal-to-noise ratio in dB of each frame, forecasts clipped to 0 to 1, at most 100 dB (a perfect frame), "
    "mean over frames",
    "crossentropy": "nats a sequence: -[T log P + (1 - T) log(1 - P)] summed over frames, pixels and channels, P and 1 - P "
    "at least 1e-7, mean over sequences; by lead time: the frame's share",
}
"""What each score is, with its unit: to be printed beside every figure."""


def check(truth, forecast, horizon: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32 arrays that can be scored.

    Args:
        truth, forecast: `(N, K, H, W, C)`.
        horizon: the K of the batches before, if any.

    Raises:
        ValueError: shapes that differ or are not `(N, K, H, W, C)`, another K, truth outside [0, 1].
        UserError: a forecast that is not finite at a visible pixel.
    """
    truth, forecast = np.asarray(truth, np.float32), np.asarray(forecast, np.float32)
    if truth.shape != forecast.shape or truth.ndim != 5 or 0 in truth.shape:
        raise ValueError(f"truth and forecast must both be (N, K, H, W, C). Received: {truth.shape} and {forecast.shape}")
    if horizon is not None and truth.shape[1] != horizon:
        raise ValueError(f"All batches must have the same lead times. Received: K={truth.shape[1]} after K={horizon}")
    masked = np.isnan(truth)
    if not (masked | ((truth >= -ROUNDING) & (truth <= 1 + ROUNDING))).all():
        span = np.nanmin(truth), np.nanmax(truth)
        raise ValueError(f"truth must be in [0, 1], or NaN where masked. Received: values from {span[0]:g} to {span[1]:g}")
    broken = ~np.isfinite(forecast) & ~masked
    if broken.any():
        raise UserError(
            f"Forecasts must be finite numbers; {int(broken.sum())} of {broken.size} values of a batch are NaN or infinite. "
            "The model has diverged: train it again with a lower learning rate or with gradients clipped."
        )
    return truth, forecast


def frame_squared_error(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """`(N, K)` squared error of each frame, summed over pixels and channels; NaN where the frame is masked."""
    return _frame_sums(np.square(truth - forecast), truth)


def frame_absolute_error(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """`(N, K)` absolute error of each frame, summed over pixels and channels; NaN where the frame is masked."""
    return _frame_sums(np.abs(truth - forecast), truth)


def frame_crossentropy(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """`(N, K)` cross-entropy of each frame in nats, summed over pixels and channels (Shi et al. 2015, section 4.1).

    -[T log P + (1 - T) log(1 - P)]; forecasts are clipped to [0, 1], and both P and 1 - P held at 1e-7 at least. Grey pixels
    (0 < T < 1) cost something however good the forecast. NaN where the frame is masked.
    """
    p = np.clip(forecast, 0, 1)
    log_p, log_rest = (np.log(np.maximum(share, PROBABILITY_FLOOR)) for share in (p, 1 - p))
    return _frame_sums(-(truth * log_p + (1 - truth) * log_rest), truth)


def frame_psnr(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """`(N, K)` peak signal-to-noise ratio of each frame in dB: 20 log10(1 / sqrt(mse)), mse the mean over visible pixels.

    Forecasts are clipped to [0, 1]. An mse below 1e-10 counts as 1e-10, so that a perfect frame has 100 dB: the benchmark's
    code gives it an infinite ratio, and with it the mean over all frames. NaN where the frame is masked.
    """
    visible = np.sum(~np.isnan(truth), axis=(2, 3, 4))
    mse = frame_squared_error(truth, np.clip(forecast, 0, 1)) / np.maximum(visible, 1)
    return 20 * np.log10(1 / np.sqrt(np.maximum(mse, MSE_FLOOR)))


def frame_ssim(truth: np.ndarray, forecast: np.ndarray, data_range: float = 2.0) -> np.ndarray:
    """`(N, K)` structural similarity of each frame (Wang et al. 2004), mean over windows and channels.

    scikit-image's, with a 7 x 7 uniform window and sample covariance; forecasts are clipped to [0, 1]. Windows with a masked
    pixel are left out. Frames smaller than 7 px a side take the largest odd window that fits, 5 or 3.

    Args:
        truth, forecast: `(N, K, H, W, C)`.
        data_range: L in the constants (0.01 L)^2 and (0.03 L)^2. 2 is the common benchmark's (what scikit-image up to 0.19
            took for float pictures, whatever their values); 1 is the range of the values, and gives lower figures.

    Returns:
        NaN where no window is free of masked pixels, and for frames smaller than 3 px a side.
    """
    similarity = np.full(truth.shape[:2], np.nan)
    window = min(SSIM_WINDOW, *truth.shape[2:4])
    window -= 1 - window % 2
    if window >= 3:  # a window of 1 px has no variance
        for n, k in np.ndindex(similarity.shape):
            similarity[n, k] = _ssim(truth[n, k], forecast[n, k], window, data_range)
    return similarity


SCORES = {
    "mse": frame_squared_error,
    "mae": frame_absolute_error,
    "ssim": frame_ssim,
    "ssim_range_1": functools.partial(frame_ssim, data_range=1.0),
    "psnr": frame_psnr,
    "crossentropy": frame_crossentropy,
}
A_SEQUENCE = ("crossentropy",)  # summed over lead times; the others are means over frames


class ForecastScores:
    """The scores of `DEFINITIONS`, fed batch by batch: only sums are kept.

    Args:
        names: which scores. ssim and ssim_range_1 take by far the longest.

    Raises:
        UserError: an unknown name.
    """

    def __init__(self, names: tuple[str, ...] = tuple(DEFINITIONS)):
        for name in names:
            if name not in SCORES:
                raise UserError(f"Forecast scores: unknown {name!r}. {nearest(name, SCORES)}")
        self.definitions = {name: DEFINITIONS[name] for name in names}
        self.horizon, self._sequences = None, 0
        self._sums, self._frames = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0)  # each becomes (K,)

    def update(self, truth, forecast) -> None:
        """Adds a batch, both `(N, K, H, W, C)`; raises as `check` does, and then nothing is added."""
        truth, forecast = check(truth, forecast, self.horizon)
        self.horizon = truth.shape[1]
        self._sequences += int(np.any(~np.isnan(truth), axis=(1, 2, 3, 4)).sum())
        for name in self.definitions:
            values = SCORES[name](truth, forecast)  # (N, K)
            self._sums[name] = self._sums[name] + np.nansum(values, axis=0)
            self._frames[name] = self._frames[name] + np.sum(~np.isnan(values), axis=0)

    def result(self) -> dict[str, dict]:
        """`{name: {"value": float, "by_lead": [K floats]}}`; NaN where nothing could be scored.

        Raises:
            ValueError: before the first batch.
        """
        if self.horizon is None:
            raise ValueError("There is no score before the first update.")
        return {name: self._result(name) for name in self.definitions}

    def _result(self, name):
        sums, frames = self._sums[name], self._frames[name]
        if name in A_SEQUENCE:
            by_lead = ratio(sums, np.full(self.horizon, self._sequences))
            return {"value": float(by_lead.sum()), "by_lead": by_lead.tolist()}
        return {"value": float(ratio(sums.sum(), frames.sum())), "by_lead": ratio(sums, frames).tolist()}


def ratio(numerator, denominator) -> np.ndarray:
    """The quotient, NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0)


def _frame_sums(values, truth):
    visible = ~np.isnan(truth)
    sums = np.sum(values, axis=(2, 3, 4), dtype=np.float64, where=visible)
    return np.where(visible.any(axis=(2, 3, 4)), sums, np.nan)


def _ssim(truth, forecast, window, data_range):
    """SSIM of one frame `(H, W, C)`."""
    visible = ~np.isnan(truth)
    pictures = np.where(visible, truth, 0), np.where(visible, np.clip(forecast, 0, 1), 0)
    _, similarity = structural_similarity(*pictures, win_size=window, data_range=data_range, channel_axis=-1, full=True)
    margin = window // 2
    inside = (slice(margin, visible.shape[0] - margin), slice(margin, visible.shape[1] - margin))
    if visible.all():
        return similarity[inside].mean(dtype=np.float64)
    whole = minimum_filter(visible, size=(window, window, 1))[inside]
    return similarity[inside].mean(dtype=np.float64, where=whole) if whole.any() else np.nan
