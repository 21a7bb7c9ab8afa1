"""Frames side by side, in cells that are large enough to be looked at, with text between them."""

import cv2
import numpy as np

BACKGROUND, TEXT, FAINT = (255, 255, 255), (20, 20, 20), (95, 95, 95)
GAP = 4  # px between frames
CELL = 128  # px: about the longer side of a frame


def cell_size(height: int, width: int) -> tuple[int, int]:
    """Height and width that a frame is shown with: its longer side `CELL` px, its aspect ratio kept."""
    factor = CELL / max(height, width)
    return max(round(height * factor), 1), max(round(width * factor), 1)


def fitted(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """A frame, or heat with NaN, in another size: pixels are repeated where it grows by a lot, so that they can be seen."""
    if frame.shape[:2] == (height, width):
        return frame
    if height < frame.shape[0]:
        how = cv2.INTER_AREA
    else:
        how = cv2.INTER_NEAREST if height >= 3 * frame.shape[0] or np.isnan(frame).any() else cv2.INTER_LINEAR
    return cv2.resize(frame, (width, height), interpolation=how)
