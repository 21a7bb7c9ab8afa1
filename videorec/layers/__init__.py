"""Keras layers for video: one public layer a file, Keras ops only, so that they run on every Keras backend."""

from videorec.layers.caffe_scaling import CaffeScaling
from videorec.layers.local_response_normalization import LocalResponseNormalization
from videorec.layers.time_distributed import TimeDistributed

__all__ = ["CaffeScaling", "LocalResponseNormalization", "TimeDistributed"]
