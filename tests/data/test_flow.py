"""Optical flow: known motion comes back; the encodings are the papers'; mirrored pictures show mirrored motion."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import tensorflow as tf

from videorec.config import UserError
from videorec.data import flow

SIDE = 128
MARGIN = 16  # px at the border, where what moves in was not to be seen before


def scene(dx=0.0, dy=0.0, sigma=2.0, seed=0):
    """A texture `(128, 128, 3)` uint8 moved by `(dx, dy)` px: exactly, since it is moved as a Fourier series."""
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE, 3))
    k = np.fft.fftfreq(SIDE)
    right, down = k[None, :, None], k[:, None, None]
    blur = np.exp(-2 * (np.pi * sigma) ** 2 * (right**2 + down**2))
    phase = np.exp(-2j * np.pi * (right * dx + down * dy))
    texture = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) * blur * phase, axes=(0, 1)).real
    return np.clip(127 + 40 * texture / texture.std(), 0, 255).round().astype(np.uint8)


def mean_inside(motion):
    return motion[MARGIN:-MARGIN, MARGIN:-MARGIN].mean(axis=(0, 1))


SHIFTS = [(2, 0), (-2, 0), (0, 2), (0, -2), (0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5), (1.5, -2.5)]


@pytest.mark.parametrize("method", ["dis", "farneback"])
@pytest.mark.parametrize("shift", SHIFTS)
def test_known_motion(method, shift):
    motion = flow.estimate(scene(), scene(*shift), method)
    assert motion.shape == (SIDE, SIDE, 2) and motion.dtype == np.float32
    np.testing.assert_allclose(mean_inside(motion), shift, atol=0.1)


@pytest.mark.parametrize(("method", "least", "most"), [("dis", 1.95, 2.05), ("farneback", 1.5, 1.9)])
def test_motion_of_coarse_texture(method, least, most):
    """Farneback, as documented, finds less than what is there."""
    u, v = mean_inside(flow.estimate(scene(sigma=6), scene(2, 0, sigma=6), method))
    assert least < u < most and abs(v) < 0.1


def test_tvl1():
    if not hasattr(cv2, "optflow"):
        pytest.skip("opencv-contrib-python is not installed")
    for shift in SHIFTS[:4]:
        np.testing.assert_allclose(mean_inside(flow.estimate(scene(), scene(*shift), "tvl1")), shift, atol=0.1)


def test_tvl1_without_contrib_names_the_package(monkeypatch):
    monkeypatch.delattr(cv2, "optflow", raising=False)
    with pytest.raises(UserError, match=r"opencv-contrib-python==\d") as error:
        flow.check_method("tvl1")
    assert "\n" not in str(error.value)


def test_flow_k_is_from_frame_k_to_the_next():
    steps = [(2, 0), (0, 3), (-1, -1), (0, 0)]
    places = np.cumsum([(0, 0), *steps], axis=0)
    frames = np.stack([scene(*place) for place in places])
    motion = flow.of_frames(frames)
    assert motion.shape == (4, SIDE, SIDE, 2)
    np.testing.assert_allclose([mean_inside(m) for m in motion], steps, atol=0.1)
    np.testing.assert_array_equal(motion[1], flow.estimate(frames[1], frames[2]))


def test_colour_is_rgb():
    """Red moves and blue stays, with equal contrast: as grey, red weighs 0.299 and blue 0.114, so red wins."""
    still, moved = scene(sigma=3), scene(2, 0, sigma=3)
    first, second = still.copy(), still.copy()
    first[..., 1] = second[..., 1] = 127
    second[..., 0] = moved[..., 0]
    red, _ = mean_inside(flow.estimate(first, second))
    blue, _ = mean_inside(flow.estimate(first[..., ::-1], second[..., ::-1]))
    assert red > 1.0 > blue


@pytest.mark.parametrize("size", [(8, 8), (8, 64), (64, 8), (12, 320), (16, 16), (13, 15)])
def test_small_frames(size):
    """The sizes include ones that make OpenCV's DIS raise, return NaN, or crash."""
    height, width = size
    first, second = scene()[:height], scene(1, 0)[:height]
    first, second = (np.tile(x, (1, 3, 1))[:, :width] for x in (first, second))
    motion = flow.estimate(first, second)
    assert motion.shape == (*size, 2) and np.isfinite(motion).all()
    np.testing.assert_allclose(np.median(motion, axis=(0, 1)), (1, 0), atol=0.35)


@pytest.mark.parametrize("method", ["dis", "farneback"])
@pytest.mark.parametrize("size", [(7, 64), (64, 1)])
def test_too_small_frames(method, size):
    with pytest.raises(UserError, match=rf"8 x 8 px at least, not {size[0]} x {size[1]}"):
        flow.of_frames(np.zeros((2, *size, 3), np.uint8), method)


def test_bad_frames():
    frame = scene()
    with pytest.raises(ValueError, match="two at least. Received: 1"):
        flow.of_frames(frame[None])
    with pytest.raises(ValueError, match="one shape"):
        flow.estimate(frame, frame[:-1])
    with pytest.raises(ValueError, match="uint8"):
        flow.estimate(frame / 255, frame / 255)
    with pytest.raises(ValueError, match=r"\(N, H, W, 3\)"):
        flow.estimate(frame[..., 0], frame[..., 0])


def test_unknown_names():
    with pytest.raises(UserError, match="Did you mean farneback"):
        flow.of_frames(np.stack([scene()] * 2), "farnback")
    for function, argument in [(flow.encode, np.zeros((2, 2, 2))), (flow.mirror, np.zeros((2, 2, 3), np.uint8))]:
        with pytest.raises(UserError, match="Did you mean short_snippets"):
            function(argument, "short_snipets")


def test_threads_get_what_one_gets():
    shifts = [(dx, dy) for dx in (-2, 0, 1) for dy in (-1, 0, 2)]
    clips = [np.stack([scene(), scene(*shift), scene()]) for shift in shifts]
    for method in ("dis", "farneback"):
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda clip, method=method: flow.of_frames(clip, method), clips))
        np.testing.assert_array_equal(together, [flow.of_frames(clip, method) for clip in clips])


# === Encodings ===


def pixel(u, v):
    return np.float32([[[u, v]]])


@pytest.mark.parametrize(
    ("encoding", "motion", "levels"),
    [
        ("lrcn", (0, 0), [128, 128, 128]),
        ("lrcn", (1, -1), [144, 112, 151]),  # 16 sqrt(2) + 128 = 150.6
        ("lrcn", (3, 4), [176, 192, 208]),
        ("lrcn", (7.9375, 0), [255, 128, 255]),
        ("lrcn", (50, -50), [255, 0, 255]),
        ("lrcn", (1 / 32, -1 / 32), [129, 128, 129]),  # 128.5 and 127.5: halves up; the magnitude is 128.7
        ("short_snippets", (0, 0), [128, 128, 0]),
        ("short_snippets", (40, -40), [255, 0, 0]),
        ("short_snippets", (1000, -1000), [255, 0, 0]),
        ("short_snippets", (20, -10), [191, 96, 0]),  # 191.25 and 95.625
    ],
)
def test_encodings(encoding, motion, levels):
    picture = flow.encode(pixel(*motion), encoding)
    assert picture.dtype == np.uint8 and picture.tolist() == [[levels]]


@pytest.mark.parametrize(("encoding", "limit", "bound"), [("lrcn", 7.9, 1 / 32), ("short_snippets", 40, 20 / 127.5)])
def test_decoding_is_off_by_half_a_level_at_most(encoding, limit, bound):
    motion = np.random.default_rng(0).uniform(-limit, limit, (3, 50, 40, 2)).astype(np.float32)
    pictures = flow.encode(motion, encoding)
    assert pictures.shape == (3, 50, 40, 3)
    got = flow.decode(pictures, encoding)
    assert got.dtype == np.float32 and got.shape == motion.shape
    error = np.abs(got - motion).max()
    assert 0.9 * bound < error <= bound + 1e-4
    np.testing.assert_array_equal(flow.encode(got, encoding)[..., :2], pictures[..., :2])


# === Mirrored clips ===


def test_negated():
    levels = np.arange(256, dtype=np.uint8)
    opposite = {"lrcn": [255, *range(255, 0, -1)], "short_snippets": list(range(255, -1, -1))}
    for encoding, expected in opposite.items():
        for got in (flow.negated(levels, encoding), flow.negated(tf.constant(levels), encoding).numpy()):
            assert got.dtype == np.uint8 and got.tolist() == expected
    for motion in (0, 1, -1, 0.0625, 7.5, -7.5):  # exact but for clipping
        one, other = (flow.encode(pixel(u, u))[..., 0] for u in (motion, -motion))
        assert flow.negated(one) == other


@pytest.mark.parametrize("encoding", flow.ENCODINGS)
def test_mirrored_frames_have_mirrored_flow(encoding):
    first, second = scene(), scene(3, -2)
    pictures = flow.encode(np.stack([flow.estimate(first, second)] * 2), encoding)  # (2, H, W, 3)
    before = pictures.copy()
    for turned, axis in [(flow.mirror(pictures, encoding), 1), (flow.upside_down(pictures, encoding), 0)]:
        assert turned.shape == pictures.shape and turned.dtype == np.uint8
        real = flow.encode(flow.estimate(np.flip(first, axis).copy(), np.flip(second, axis).copy()), encoding)
        inside = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
        expected = real[inside].astype(int)
        for picture in turned:
            difference = np.abs(picture[inside] - expected)
            assert difference.mean() < 1 and np.quantile(difference, 0.99) <= 4  # 1/4 px in lrcn's levels
    np.testing.assert_array_equal(pictures, before)  # not changed in place


def test_mirror_moves_columns_and_upside_down_rows():
    pictures = np.zeros((2, 3, 3), np.uint8)
    pictures[0, 0] = [144, 100, 30]
    mirrored, turned = flow.mirror(pictures), flow.upside_down(pictures)
    assert mirrored[0, 2].tolist() == [112, 100, 30] and turned[1, 0].tolist() == [144, 156, 30]
