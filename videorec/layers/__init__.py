"""Keras layers for video: one public layer a file, Keras ops only, so that they run on every Keras backend."""

from videorec.layers.attention_coverage import AttentionCoverage
from videorec.layers.attention_decoder import AttentionDecoder
from videorec.layers.background_subtraction import BackgroundSubtraction, RunningBackgroundSubtraction
from videorec.layers.caffe_scaling import CaffeScaling
from videorec.layers.conv_gru2d import ConvGRU2D
from videorec.layers.depth_to_space import DepthToSpace
from videorec.layers.dot_product_attention import DotProductAttention
from videorec.layers.frame_differences import FrameDifferences
from videorec.layers.local_response_normalization import LocalResponseNormalization
from videorec.layers.mean_of_sigmoids import MeanOfSigmoids
from videorec.layers.mean_of_softmaxes import MeanOfSoftmaxes
from videorec.layers.moved_frames import MovedFrames
from videorec.layers.multi_output import MultipleOutput
from videorec.layers.next_frame_conv_lstm2d import NextFrameConvLSTM2D
from videorec.layers.peephole_conv_lstm2d import PeepholeConvLSTM2D
from videorec.layers.peephole_lstm import PeepholeLSTM
from videorec.layers.space_to_depth import SpaceToDepth
from videorec.layers.spatial_attention_lstm import SpatialAttentionLSTM
from videorec.layers.stacked_conv_gru2d import StackedConvGRU2D
from videorec.layers.step_aggregation import StepAggregation
from videorec.layers.temporal_pooling import TemporalPooling
from videorec.layers.time_distributed import TimeDistributed
from videorec.layers.unconditional_conv_gru2d import UnconditionalConvGRU2D
from videorec.layers.window_attention_lstm import WindowAttentionLSTM

__all__ = [
    "AttentionCoverage",
    "AttentionDecoder",
    "BackgroundSubtraction",
    "CaffeScaling",
    "ConvGRU2D",
    "DepthToSpace",
    "DotProductAttention",
    "FrameDifferences",
    "LocalResponseNormalization",
    "MeanOfSigmoids",
    "MeanOfSoftmaxes",
    "MovedFrames",
    "MultipleOutput",
    "NextFrameConvLSTM2D",
    "PeepholeConvLSTM2D",
    "PeepholeLSTM",
    "RunningBackgroundSubtraction",
    "SpaceToDepth",
    "SpatialAttentionLSTM",
    "StackedConvGRU2D",
    "StepAggregation",
    "TemporalPooling",
    "TimeDistributed",
    "UnconditionalConvGRU2D",
    "WindowAttentionLSTM",
]
