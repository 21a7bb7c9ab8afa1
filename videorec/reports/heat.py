"""Heat over frames: where a model looked, with the frame still to be seen below."""

import cv2
import matplotlib
import numpy as np

from videorec.reports.palette import HEAT

MOST = 0.65  # opacity of the most heat
UNSEEN = 0.45  # brightness of what the model does not see
_MAP = matplotlib.colormaps[HEAT](np.arange(256), bytes=True)[:, None, :3]  # (256, 1, 3), as OpenCV takes it


def heated(frame: np.ndarray, heat: np.ndarray | None) -> np.ndarray:
    """A frame with heat over it, darker where the model does not see; where there is none it stays as it is.

    Args:
        frame: `(H, W, 3)` uint8, RGB.
        heat: `(H, W)` in [0, 1], or NaN where the model does not see.
    """
    if heat is None:
        return frame
    unseen = np.isnan(heat)
    level = np.where(unseen, np.float32(0), heat).astype(np.float32)
    color = cv2.applyColorMap(cv2.convertScaleAbs(level, alpha=255), np.ascontiguousarray(_MAP))
    opacity = np.float32(MOST) * level
    mixed = cv2.blendLinear(np.ascontiguousarray(frame), color, 1 - opacity, opacity)
    if unseen.any():
        mixed = np.where(unseen[..., None], cv2.convertScaleAbs(mixed, alpha=UNSEEN), mixed)
    return mixed
