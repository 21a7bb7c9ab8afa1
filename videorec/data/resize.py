"""Resize frames with OpenCV. What a graph does in its place: `videorec.data.graph_resize`."""

import cv2
import numpy as np


def resize_frame(frame: np.ndarray, height: int, width: int, fit: str = "stretch") -> np.ndarray:
    """Resize one frame `(h, w, C)` to `(height, width, C)`.

    Area averaging where both sides shrink, bilinear otherwise; `fit="crop"` first crops the centre to the aspect ratio.
    """
    h, w = frame.shape[:2]
    if fit == "crop":
        keep_h, keep_w = min(h, round(w * height / width)), min(w, round(h * width / height))
        top, left = (h - keep_h) // 2, (w - keep_w) // 2
        frame = frame[top : top + keep_h, left : left + keep_w]
        h, w = keep_h, keep_w
    if (h, w) == (height, width):
        return frame
    method = cv2.INTER_AREA if h >= height and w >= width else cv2.INTER_LINEAR
    return cv2.resize(frame, (width, height), interpolation=method)


def scale_to_short_side(frame: np.ndarray, side: int) -> np.ndarray:
    """Resize one frame `(h, w, 3)` uint8 so that its short side has `side` px; the other keeps the aspect ratio, rounded."""
    h, w = frame.shape[:2]
    scale = side / min(h, w)
    return resize_frame(frame, max(round(h * scale), 1), max(round(w * scale), 1))


def resize_frames(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """`(T, h, w, C)` -> `(T, height, width, C)`, each as `resize_frame` does."""
    if frames.shape[1:3] == (height, width):
        return frames
    resized = np.stack([resize_frame(frame, height, width) for frame in frames])
    return resized.reshape(len(frames), height, width, -1)  # OpenCV drops a single channel
