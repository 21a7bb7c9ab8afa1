"""A window that shows pictures as they come, where there is a screen."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import cv2
import numpy as np

log = logging.getLogger(__name__)

TRY = "import cv2; cv2.namedWindow('videorec'); cv2.waitKey(1)"
CLOSING = (ord("q"), 27)  # q and Esc


class Window:
    """A window. Where there is no screen, the log says so once, and nothing is shown.

    Args:
        title: of the window.

    Attributes:
        closed: by the user (q, Esc, or its button), or because there is no screen.
    """

    def __init__(self, title: str):
        self._title, self.closed = title, False
        reason = why_no_window()
        if reason is not None:
            self.closed = True
            log.warning("--show: %s. Everything else goes on", reason)

    def show(self, picture: np.ndarray, wait: float = 0.0) -> None:
        """Show a picture `(H, W, 3)` uint8 RGB for `wait` seconds at least."""
        if self.closed:
            return
        cv2.imshow(self._title, np.ascontiguousarray(picture[..., ::-1]))
        key = cv2.waitKey(max(round(wait * 1000), 1)) & 0xFF
        if key in CLOSING or cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self.close()

    def shown(self, pictures: Iterator[tuple[float, np.ndarray]]) -> Iterator[tuple[float, np.ndarray]]:
        """The same `(seconds, picture)`, each shown at its time, or as soon as it is there."""
        began = time.monotonic()
        for seconds, picture in pictures:
            self.show(picture, max(began + seconds - time.monotonic(), 0.0))
            yield seconds, picture

    def close(self) -> None:
        """Close the window."""
        if not self.closed:
            cv2.destroyWindow(self._title)
        self.closed = True


def why_no_window() -> str | None:
    """The reason why no window can be opened here; None where one can.

    Tried in another process: without a screen OpenCV does not fail, it ends the process.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    try:
        tried = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, encoding="utf-8", timeout=20)
    except subprocess.TimeoutExpired:
        return "the screen does not answer"
    if tried.returncode == 0:
        return None
    if "not implemented" in tried.stderr:
        return "this OpenCV opens no windows (opencv-python-headless); opencv-python does"
    return "no window can be opened on this screen"
