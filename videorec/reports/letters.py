"""Text in pictures, drawn in DejaVu Sans, which matplotlib brings along: OpenCV's own letters are ASCII alone."""

from functools import lru_cache
from pathlib import Path

import matplotlib
from PIL import ImageFont

from videorec.terminal import visible


@lru_cache(maxsize=64)
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Letters of `size` px."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"DejaVuSans{'-Bold' if bold else ''}.ttf"), size)


@lru_cache(maxsize=4096)
def shortened(text: str, size: int, width: int) -> str:
    """As much of a text as fits into `width` px, in one line, with … where it goes on."""
    text = visible(" ".join(text.split()))
    letters = font(size, True)  # the wider ones
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"
