"""What is drawn below frames, measured in the pictures: lengths of bars, places of segments and curves."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from videorec.reports import timelines
from videorec.reports.annotated import Answer, Box, Canvas, shown_size
from videorec.reports.letters import font, shortened
from videorec.reports.timelines import Curves, Tracks

SIZES = [(120, 160), (24, 24), (240, 320), (480, 640), (1080, 1920), (1920, 1080), (2160, 3840), (21, 301)]
RED, BLUE = (200, 0, 0), (0, 0, 200)


@pytest.mark.parametrize("size", SIZES)
def test_frames_keep_their_shape_and_are_large_enough_to_read(size):
    height, width = shown_size(*size)
    assert height / width == pytest.approx(size[0] / size[1], rel=0.05)
    assert max(height, width) <= 1920 and (height >= 240 or width >= 320)
    small = max(size) <= 640
    assert (height % size[0], width % size[1]) == (0, 0) if small else (height, width) <= size


@pytest.mark.parametrize("size", SIZES)
def test_pictures_have_even_sides_and_the_frame_on_top(size):
    canvas = Canvas(*size, rows=3)
    frame = np.full((*size, 3), (10, 200, 30), np.uint8)
    picture = canvas.draw(frame, Answer("größer 0.53", "x", [("a", 0.5)] * 9), None, 1.0)
    assert picture.shape == (*canvas.size, 3) and picture.dtype == np.uint8
    assert canvas.size[0] % 2 == canvas.size[1] % 2 == 0 and canvas.size[1] >= 640
    height, width = canvas.view
    left = (canvas.size[1] - width) // 2
    assert (picture[:height, left : left + width] == (10, 200, 30)).all()
    assert not (picture[height:] == (10, 200, 30)).all(axis=-1).any()


def lengths(canvas: Canvas, names, scores) -> list[int]:
    """Px of each class's colour in the middle of its bar."""
    picture = canvas.draw(np.zeros((48, 64, 3), np.uint8), Answer("x", "", list(zip(names, scores, strict=True))))
    return [int((picture == canvas.color(name)).all(axis=-1).sum(axis=1).max()) for name in names]


def test_bars_are_as_long_as_the_scores():
    full, half, none, least = lengths(Canvas(48, 64, 4), "abcd", [1.0, 0.5, 0.0, 1e-6])
    assert full > 300 and half == pytest.approx(full / 2, abs=2)
    assert none == 0 and 1 <= least <= 2


def test_a_class_keeps_its_color():
    canvas = Canvas(48, 64, 2)
    colors = [canvas.color(name) for name in "abcab"]
    assert colors[:2] == colors[3:] and len(set(colors)) == 3


def test_letters_beyond_ascii_are_drawn_and_long_names_cut():
    assert shortened("a  b\nc", 16, 1000) == "a b c"
    cut = shortened("a very long name of a class", 16, 100)
    assert cut.endswith("…") and font(16, True).getlength(cut) <= 100
    masks = [font(16).getmask(letter) for letter in ("ö", "o", "ж")]
    assert len({bytes(mask) for mask in masks}) == 3
    missing = bytes(font(16).getmask("\ue123"))
    assert all(bytes(mask) != missing for mask in masks)


# === Over time ===


def drawn(plot, classes, time) -> np.ndarray:
    """The plot on 100 x 200 px of black, its box 80 x 200."""
    image = Image.new("RGB", (200, 100))
    plot.draw(ImageDraw.Draw(image), Box(0, 0, 200, 80, 40), classes, time, 16)
    return np.asarray(image)


def test_tracks_show_when():
    tracks = Tracks([("a", 0.0, 2.5), ("b", 5.0, 10.0), ("a", 7.5, 10.0)], 10.0)
    picture = drawn(tracks, [("a", RED), ("b", BLUE)], 4.0)
    first, second = (picture[20] == RED).all(axis=-1), (picture[60] == BLUE).all(axis=-1)
    assert np.flatnonzero(first).tolist() == [*range(50), *range(150, 200)]
    assert np.flatnonzero(second).tolist() == list(range(100, 200))
    assert (picture[40, 79:82].max(axis=-1) > 200).any()  # the cursor, at 4 of 10 s


def test_curves_run_to_now():
    curves = Curves(["a", "b"], 10.0)
    for time in range(11):
        curves.add(time, [0.75, time / 10])
    picture = drawn(curves, [("a", RED), ("b", BLUE)], 5.0)
    red = np.flatnonzero((picture == RED).all(axis=-1).any(axis=0))
    assert red.min() == 0 and 97 <= red.max() <= 101
    assert (picture[20, 50] == RED).all()  # 0.75 of 80 px
    np.testing.assert_allclose(np.flatnonzero((picture[:, 60] == BLUE).all(axis=-1)), 80 - 24, atol=2)


def test_curves_of_a_stream_show_its_last_seconds():
    curves = Curves(["a"], window=10.0)
    for time in range(100):
        curves.add(time, [1.0 if time == 50 else 0.0])
    assert not (drawn(curves, [("a", RED)], 99.0)[:40] == RED).all(axis=-1).any()
    assert len(curves._times) == 11


def test_curves_do_not_grow():
    curves = Curves(["a"], 1.0)
    for time in range(20 * timelines.KEPT):
        curves.add(time, [time / (20 * timelines.KEPT)])
    assert timelines.KEPT / 4 <= len(curves._times) <= timelines.KEPT
    picture = drawn(curves, [("a", RED)], 20.0 * timelines.KEPT)
    height = 80 - np.argmax((picture[:, ::20] == RED).all(axis=-1), axis=0)[1:7]
    assert np.ptp(np.diff(height)) <= 2 and height[0] < height[-1]  # a straight line still
