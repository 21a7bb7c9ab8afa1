"""videorec: recurrent video models in Keras, from a folder of videos to a deployed recogniser."""

import importlib
import os

__version__ = "0.1.0"

# Read by the libraries when they load: their notes on hardware and on repaired video blocks are not for our users.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# Read by OpenCV whenever it opens a video: FFmpeg opens files alone, whatever a damaged or crafted one names. Not set here,
# because whoever imports videorec may read cameras with OpenCV.
FILES_ALONE = {"OPENCV_FFMPEG_CAPTURE_OPTIONS": "protocol_whitelist;file"}


def __getattr__(name: str):
    """`videorec.Predictor`, imported when it is asked for: TensorFlow takes seconds to import."""
    if name == "Predictor":
        return importlib.import_module("videorec.inference.predictor").Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
