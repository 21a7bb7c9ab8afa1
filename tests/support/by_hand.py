"""The model of a run on frames that are read and cropped by hand."""

from pathlib import Path

import cv2
import keras
import numpy as np


def frames_by_hand(folder: Path, crop: int = 16) -> np.ndarray:
    """`(T, crop, crop, 3)` uint8 RGB: the middle of the 24 x 24 pictures of a folder."""
    pictures = [cv2.imread(str(folder / f"{number}.png"))[..., ::-1] for number in range(len(list(folder.iterdir())))]
    edge = (24 - crop) // 2
    return np.stack(pictures)[:, edge : 24 - edge, edge : 24 - edge]


def outputs_by_hand(run: Path, **clips: np.ndarray) -> dict[str, np.ndarray]:
    """What a run's model says of one clip of each stream `(T, H, W, C)`, without the batch axis."""
    model = keras.saving.load_model(run / "model.keras", compile=False)
    return {name: np.asarray(x)[0] for name, x in model({name: clip[None] for name, clip in clips.items()}).items()}
