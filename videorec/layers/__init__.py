"""Keras layers for video: one public layer a file, Keras ops only, so that they run on every Keras backend."""

from videorec.layers.attention_coverage import AttentionCoverage
from videorec.layers.caffe_scaling import CaffeScaling
from videorec.layers.conv_gru2d import ConvGRU2D
from videorec.layers.dot_product_attention import DotProductAttention
from videorec.layers.frame_differences import FrameDifferences
from videorec.layers.local_response_normalization import LocalResponseNormalization
from videorec.layers.mean_of_softmaxes import MeanOfSoftmaxes
from videorec.layers.peephole_conv_lstm2d import PeepholeConvLSTM2D
from videorec.layers.peephole_lstm import PeepholeLSTM
from videorec.layers.spatial_attention_lstm import SpatialAttentionLSTM
from videorec.layers.stacked_conv_gru2d import StackedConvGRU2D
from videorec.layers.step_aggregation import StepAggregation
from videorec.layers.temporal_pooling import TemporalPooling
from videorec.layers.time_distributed import TimeDistributed

__all__ = [
    "AttentionCoverage",
    "CaffeScaling",
    "ConvGRU2D",
    "DotProductAttention",
    "FrameDifferences",
    "LocalResponseNormalization",
    "MeanOfSoftmaxes",
    "PeepholeConvLSTM2D",
    "PeepholeLSTM",
    "SpatialAttentionLSTM",
    "StackedConvGRU2D",
    "StepAggregation",
    "TemporalPooling",
    "TimeDistributed",
]
