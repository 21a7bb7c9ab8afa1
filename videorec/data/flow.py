"""Optical flow between neighbouring frames, and flow as pictures: pure functions on arrays.

Flow is `(u, v)` in px, u to the right and v down: what is at `(x, y)` in one frame is at `(x + u, y + v)` in the next.
A CNN sees it as a picture of three channels, in the encoding of the paper that the network comes from.
"""

import importlib.metadata
import itertools
from collections.abc import Callable

import cv2
import numpy as np

from videorec.config import UserError, nearest

METHODS = ("dis", "farneback", "tvl1")
ENCODINGS = ("lrcn", "short_snippets")

LRCN_SCALE, LRCN_ZERO = 16, 128  # levels a px, level of no motion
SHORT_SNIPPETS_LIMIT = 40  # px
SMALLEST = 8  # px a side: below, none of the methods finds a shift of 1 px
DIS_SMALLEST = 16  # px a side: below, cv2 raises, returns NaN or crashes, depending on the other side


def check_method(method: str) -> None:
    """Whether flow can be measured with `method` here.

    Raises:
        UserError: an unknown name, or tvl1 without OpenCV's contributed modules.
    """
    if method not in METHODS:
        raise UserError(f"Optical flow: unknown method {method!r}. {nearest(method, METHODS)}")
    if method == "tvl1" and not hasattr(cv2, "optflow"):
        try:
            version = importlib.metadata.version("opencv-python")
        except importlib.metadata.PackageNotFoundError:
            version = f"{cv2.__version__}.*"
        raise UserError(
            "Optical flow tvl1 is in opencv-contrib-python: "
            f"pip uninstall opencv-python && pip install opencv-contrib-python=={version} (or take dis, the default)."
        )


def estimate(first: np.ndarray, second: np.ndarray, method: str = "dis") -> np.ndarray:
    """The motion from one frame to the next, as `of_frames` measures it.

    Args:
        first, second: `(H, W, 3)` uint8 RGB.
        method: of `METHODS`.

    Returns:
        `(H, W, 2)` float32: u (to the right) and v (down), in px.

    Raises:
        UserError: as `check_method`; frames smaller than 8 px a side.
        ValueError: frames that are not of one shape `(H, W, 3)` and uint8.
    """
    if first.shape != second.shape:
        raise ValueError(f"Flow is between frames of one shape. Received: {first.shape} and {second.shape}.")
    return of_frames(np.stack([first, second]), method)[0]


def of_frames(frames: np.ndarray, method: str = "dis") -> np.ndarray:
    """The motion between the neighbours of a clip.

    * dis: Kroeger et al. 2016 (preset MEDIUM: 7 ms a 240 x 320 pair; shifts of 2 px come back as 2.00, of 0.5 px as 0.54).
    * farneback: Farnebäck 2003 (15 ms). Exact in fine texture, too small in coarse: 1.7 px of 2 in one blurred by 6 px.
    * tvl1: Zach et al. 2007 (about 1 s), what Beyond Short Snippets took. (LRCN took Brox et al. 2004, which OpenCV has only
      for CUDA.)

    Safe to call from several threads: OpenCV's flow objects are not (shared by threads, DIS crashes), so each call has its own.

    Args:
        frames: `(N, H, W, 3)` uint8 RGB, N at least 2.
        method: of `METHODS`.

    Returns:
        `(N - 1, H, W, 2)` float32: flow k is the motion from frame k to frame k + 1, u (to the right) and v (down), in px.

    Raises:
        UserError: as `check_method`; frames smaller than 8 px a side.
        ValueError: fewer than two frames; not `(N, H, W, 3)` uint8.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
        raise ValueError(f"Flow is of frames (N, H, W, 3) uint8. Received: {frames.shape} {frames.dtype}.")
    if len(frames) < 2:
        raise ValueError(f"Flow is between neighbouring frames: two at least. Received: {len(frames)}.")
    if min(frames.shape[1:3]) < SMALLEST:
        height, width = frames.shape[1:3]
        raise UserError(f"Optical flow needs frames of {SMALLEST} x {SMALLEST} px at least, not {height} x {width} (H x W).")
    calculate = _calculator(method)
    flows = np.empty((len(frames) - 1, *frames.shape[1:3], 2), np.float32)
    greys = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames)
    for k, (first, second) in enumerate(itertools.pairwise(greys)):
        flows[k] = calculate(first, second)
    return flows


def _calculator(method: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function of two grey frames `(H, W)` uint8, for one thread."""
    check_method(method)
    if method == "dis":
        return _dis()
    if method == "farneback":
        settings = {"pyr_scale": 0.5, "levels": 3, "winsize": 15, "iterations": 3, "poly_n": 5, "poly_sigma": 1.2, "flags": 0}
        return lambda first, second: cv2.calcOpticalFlowFarneback(first, second, None, **settings)
    # Its name differs between versions of OpenCV.
    create = getattr(cv2.optflow, "createOptFlow_DualTVL1", None) or cv2.optflow.DualTVL1OpticalFlow_create
    tvl1 = create()
    return lambda first, second: tvl1.calc(first, second, None)


def _dis() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """DIS, with the border of small frames repeated up to the size that it takes."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def padded(grey):
        height, width = grey.shape
        below, right = max(DIS_SMALLEST - height, 0), max(DIS_SMALLEST - width, 0)
        return cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE) if below or right else grey

    def calculate(first, second):
        height, width = first.shape
        return dis.calc(padded(first), padded(second), None)[:height, :width]

    return calculate


def encode(flow: np.ndarray, encoding: str = "lrcn") -> np.ndarray:
    """Flow as pictures, rounded to the nearest level, halves up.

    * lrcn: 16 u + 128, 16 v + 128, 16 |(u, v)| + 128, each clipped to 0..255: -8 to 7.9 px in steps of 1/16 px
      (Donahue et al. 2015, released script).
    * short_snippets: u and v clipped to -40..40 px, then linear to 0..255; third channel 0 (Ng et al. 2015). No motion
      is 127.5 there, which becomes 128 here (and `decode` makes 0.16 px of it).

    Args:
        flow: `(..., H, W, 2)` in px.
        encoding: of `ENCODINGS`.

    Returns:
        `(..., H, W, 3)` uint8.

    Raises:
        UserError: an unknown encoding.
    """
    _check_encoding(encoding)
    flow = np.asarray(flow, np.float32)
    levels = np.zeros((*flow.shape[:-1], 3), np.float32)
    if encoding == "lrcn":
        levels[..., :2] = flow
        levels[..., 2] = np.sqrt(flow[..., 0] ** 2 + flow[..., 1] ** 2)
        levels *= LRCN_SCALE
        levels += LRCN_ZERO
    else:
        levels[..., :2] = (flow + SHORT_SNIPPETS_LIMIT) * (255 / (2 * SHORT_SNIPPETS_LIMIT))
    return (np.clip(levels, 0, 255, out=levels) + 0.5).astype(np.uint8)  # the cast rounds down, as nothing is negative


def decode(pictures: np.ndarray, encoding: str = "lrcn") -> np.ndarray:
    """The inverse of `encode` from the first two channels, within half a level where nothing was clipped: 1/32 px for lrcn,
    20/127.5 px for short_snippets.

    Args:
        pictures: `(..., H, W, 3)` uint8.

    Returns:
        `(..., H, W, 2)` float32, in px.

    Raises:
        UserError: an unknown encoding.
    """
    _check_encoding(encoding)
    levels = np.asarray(pictures)[..., :2].astype(np.float32)
    if encoding == "lrcn":
        return (levels - LRCN_ZERO) / LRCN_SCALE
    return levels * np.float32(2 * SHORT_SNIPPETS_LIMIT / 255) - SHORT_SNIPPETS_LIMIT


def negated(channel, encoding: str = "lrcn"):
    """A channel of flow pictures with the opposite motion; a NumPy array or a TensorFlow tensor, uint8 both.

    lrcn: 256 - x, and 255 for 0. (The released code's 1 - x on [0, 1] is 255 - x: off by one level, 1/16 px.)
    short_snippets: 255 - x (so that no motion, 128, becomes 127: rounding, as in `encode`).

    Raises:
        UserError: an unknown encoding.
    """
    _check_encoding(encoding)
    opposite = 255 - channel
    if encoding == "lrcn":
        return opposite - opposite // 255 + 1  # + 1 except for 255, and never outside uint8
    return opposite


def mirror(pictures: np.ndarray, encoding: str = "lrcn") -> np.ndarray:
    """The flow pictures `(..., H, W, 3)` uint8 of the mirrored clip: columns reversed, u negated."""
    return _flipped(pictures, encoding, axis=-2, channel=0)


def upside_down(pictures: np.ndarray, encoding: str = "lrcn") -> np.ndarray:
    """The flow pictures `(..., H, W, 3)` uint8 of the clip upside down: rows reversed, v negated."""
    return _flipped(pictures, encoding, axis=-3, channel=1)


def _flipped(pictures, encoding, axis, channel):
    flipped = np.flip(pictures, axis).copy()
    flipped[..., channel] = negated(flipped[..., channel], encoding)
    return flipped


def _check_encoding(encoding):
    if encoding not in ENCODINGS:
        raise UserError(f"Optical flow: unknown encoding {encoding!r}. {nearest(encoding, ENCODINGS)}")
