"""What a figure means nothing without: how it was measured, and with which versions."""

import platform

import cv2
import keras
import tensorflow as tf

import videorec


def versions() -> dict[str, str]:
    """Of this package, and of those that figures hang on."""
    return {
        "videorec": videorec.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "opencv": cv2.__version__,
    }
