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


def cells(picture: np.ndarray, height: int = 64, width: int = 64) -> list[list[list[int]]]:
    """The color in the middle of each frame of the four rows."""
    tall, middles = forecast_pictures.LINE, range(width // 2, J * (width + 2), width + 2)
    tops = [row * (tall + height + 2) + tall for row in range(4)]
    return [[picture[top + height // 2, x].tolist() for x in middles] for top in tops]


def test_rows():
    """16 x 32 px four times as large, with gaps of 2 px; forecasts are clipped before the difference."""
    rows = forecast_pictures.rows(*window())
    assert rows.shape == (4 * (forecast_pictures.LINE + 64 + 2), forecast_pictures.WIDTH, 3) and rows.dtype == np.uint8
    seen, truth, forecast, difference = cells(rows, 64, 128)
    assert seen == [[0] * 3, [51] * 3, [102] * 3]
    assert truth == [[153] * 3, [204] * 3, [255] * 3] and forecast == [[102] * 3, [255] * 3, [255] * 3]  # the last: nothing
    (red, green, blue), (red2, green2, blue2), nothing = difference  # 0.2 too low, 0.2 too high
    assert blue > red > green and red2 > green2 > blue2 and nothing == [255] * 3
    names = rows[: forecast_pictures.LINE]
    assert (names.min(axis=-1) < 100).any() and not (names[:, -4:] < 200).any()  # whole, with an edge


def test_small_frames_are_enlarged_by_whole_factors():
    for side, shown in ((1, 64), (20, 60), (63, 63), (100, 100)):
        assert forecast_pictures.rows(*window(1, side, side)).shape[0] == 4 * (forecast_pictures.LINE + shown + 2)
    inputs, truth, forecast = window(1, 2, 2)
    inputs[0, 0, 1] = 1
    top = forecast_pictures.LINE
    np.testing.assert_array_equal(
        forecast_pictures.rows(inputs, truth, forecast)[top : top + 64, :64, 0], np.kron([[0, 255], [0, 0]], np.ones((32, 32)))
    )


def test_channels():
    inputs, truth, forecast = window(3, 64, 64)
    truth[0], forecast[0] = (1.0, 0.4, 0.0), (0.8, 0.4, 0.2)  # the mean is right
    _, first, second, third = (row[0] for row in cells(forecast_pictures.rows(inputs, truth, forecast)))
    assert (first, second) == ([255, 102, 0], [204, 102, 51]) and min(third) >= 240
    inputs, truth, forecast = window(2, 64, 64)
    truth[0], forecast[0] = (0.2, 0.6), (0.6, 0.2)
    assert [row[0] for row in cells(forecast_pictures.rows(inputs, truth, forecast))[1:3]] == [[102] * 3] * 2


def test_dark_frames_are_stretched():
    inputs, truth, forecast = (part / 10 for part in window(1, 64, 64))
    forecast[1] = 0.04
    assert cells(forecast_pictures.rows(inputs, truth, forecast))[0] == [[0] * 3, [64] * 3, [128] * 3]  # of 0 to 0.08


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_masked_pixels(channels):
    inputs, truth, forecast = window(channels, 64, 64)
    truth[0, 5, 7, -1] = np.nan
    rows = forecast_pictures.rows(inputs, truth, forecast)
    masked = (rows == forecast_pictures.MASKED).all(axis=-1)
    line = forecast_pictures.LINE + 66
    assert np.argwhere(masked).tolist() == [[k * line + forecast_pictures.LINE + 5, 7] for k in (1, 3)]  # truth, difference


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
    assert still[[0, 66], ::66, 0].tolist() == [[0, 51, 102], [102, 255, 255]]
    frames = forecast_pictures.unrolled(seen, forecast)
    assert [frame.shape for frame in frames] == [(64, 130, 3)] * (J + K)
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 51, 102, 102, 102]
    assert [int(frame[0, -1, 0]) for frame in frames] == [64, 64, 64, 102, 255]
    assert [frame[0, 64].tolist() for frame in frames] == [GREY] * J + [list(forecast_pictures.FORECAST)] * K
