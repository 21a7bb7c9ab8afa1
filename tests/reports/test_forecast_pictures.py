"""Rows, animations and curves of forecasts."""

import io

import numpy as np
import pytest
from PIL import Image

from videorec.reports import forecast_pictures
from videorec.reports.pictures import by_lead_figure

J, K = 3, 2
GREY = list(forecast_pictures.BACKGROUND)


def window(channels: int = 1, height: int = 16, width: int = 32) -> list[np.ndarray]:
    """Inputs, truth and forecast; frame k of each has one value all over."""
    levels = [0.0, 0.2, 0.4], [0.6, 0.8], [0.4, 1.5]
    return [np.ones((len(part), height, width, channels)) * np.reshape(part, (-1, 1, 1, 1)) for part in levels]


def test_rows():
    """16 x 32 px four times as large, with gaps of 2 px; forecasts are clipped before the difference."""
    rows = forecast_pictures.rows(*window())
    assert rows.shape == (4 * (64 + 2), J * (128 + 2), 3) and rows.dtype == np.uint8
    cells = rows.reshape(4, 66, J, 130, 3)
    inside, gaps = cells[:, :64, :, :128], (cells[:, 64:], cells[:, :, :, 128:])
    expected = np.array([[0, 51, 102], [153, 204, 64], [102, 255, 64], [51, 51, 64]])  # 64: nothing there
    np.testing.assert_array_equal(inside, np.broadcast_to(expected[:, None, :, None, None], inside.shape))
    assert all((gap == GREY).all() for gap in gaps)


def test_small_frames_are_enlarged_by_whole_factors():
    for side, shown in ((1, 64), (20, 60), (63, 63), (100, 100)):
        assert forecast_pictures.rows(*window(1, side, side)).shape == (4 * (shown + 2), J * (shown + 2), 3)
    inputs, truth, forecast = window(1, 2, 2)
    inputs[0, 0, 1] = 1
    np.testing.assert_array_equal(
        forecast_pictures.rows(inputs, truth, forecast)[:64, :64, 0], np.kron([[0, 255], [0, 0]], np.ones((32, 32)))
    )


def test_channels():
    inputs, truth, forecast = window(3, 64, 64)
    truth[0], forecast[0] = (1.0, 0.4, 0.0), (0.8, 0.4, 1.0)
    rows = forecast_pictures.rows(inputs, truth, forecast)
    firsts = [rows[top, 0].tolist() for top in (66, 132, 198)]
    assert firsts == [[255, 102, 0], [204, 102, 255], [51, 0, 255]]
    inputs, truth, forecast = window(2, 64, 64)
    truth[0], forecast[0] = (0.2, 0.6), (0.6, 0.2)  # alike in the mean, not in any channel
    rows = forecast_pictures.rows(inputs, truth, forecast)
    assert [rows[top, 0].tolist() for top in (66, 132, 198)] == [[102] * 3] * 3


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_masked_pixels(channels):
    inputs, truth, forecast = window(channels, 64, 64)
    truth[0, 5, 7, -1] = np.nan
    rows = forecast_pictures.rows(inputs, truth, forecast)
    masked = (rows == forecast_pictures.MASKED).all(axis=-1)
    assert np.argwhere(masked).tolist() == [[66 + 5, 7], [198 + 5, 7]]  # in the truth and in the difference


def test_animation():
    frames = forecast_pictures.animation(*window())
    assert len(frames) == J + K and {frame.shape for frame in frames} == {(64, 2 * 128 + 2, 3)}
    left, line, right = (np.array([frame[0, x] for frame in frames]) for x in (0, 128, 130))
    assert left[:, 0].tolist() == [0, 51, 102, 153, 204]
    assert right[:, 0].tolist() == [0, 51, 102, 102, 255]
    assert line.tolist() == [GREY] * J + [list(forecast_pictures.FORECAST)] * K


def test_files():
    frames = forecast_pictures.animation(*window(3))
    with Image.open(io.BytesIO(forecast_pictures.gif(frames))) as file:
        shown = (file.format, file.n_frames, file.info["loop"], file.info["duration"])
        assert shown == ("GIF", J + K, 0, forecast_pictures.FRAME_MS)
        file.seek(4)
        np.testing.assert_array_equal(np.asarray(file.convert("RGB")), frames[4])
    with Image.open(io.BytesIO(forecast_pictures.png(frames[0]))) as file:
        np.testing.assert_array_equal(np.asarray(file), frames[0])


def test_curves_by_lead_time():
    curves = {f"score {k}": {"model": [1.0, 2.0, 4.0], "last frame": [3.0, np.nan, 5.0]} for k in range(4)}
    figure = by_lead_figure(curves, "test: 3 windows")
    assert [axes.get_title() for axes in figure.axes] == list(curves)
    lines = figure.axes[3].get_lines()
    assert [line.get_label() for line in lines] == ["model", "last frame"]
    np.testing.assert_array_equal(lines[0].get_xydata(), [[1, 1], [2, 2], [3, 4]])
    np.testing.assert_array_equal(lines[1].get_ydata(), [3, np.nan, 5])


def test_a_forecast_without_truth_stands_below_or_beside_what_was_seen():
    seen, _, forecast = window(1, 64, 64)
    still = forecast_pictures.still(seen, forecast)
    assert still.shape == (2 * 66, J * 66, 3)
    assert still[[0, 66], ::66, 0].tolist() == [[0, 51, 102], [102, 255, 64]]
    frames = forecast_pictures.unrolled(seen, forecast)
    assert [frame.shape for frame in frames] == [(64, 130, 3)] * (J + K)
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 51, 102, 102, 102]
    assert [int(frame[0, -1, 0]) for frame in frames] == [64, 64, 64, 102, 255]
    assert [frame[0, 64].tolist() for frame in frames] == [GREY] * J + [list(forecast_pictures.FORECAST)] * K
