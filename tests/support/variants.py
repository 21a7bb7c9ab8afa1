"""The registered models, in every form that has a graph of its own, made small."""

import numpy as np

from videorec import models
from videorec.models.attention_lstm import AttentionLSTM
from videorec.models.gru_rcn import GRURCN
from videorec.models.lrcn import LRCN
from videorec.models.short_snippets_pooling import ShortSnippetsPooling
from videorec.models.two_stream import part
from videorec.models.visual_attention import VisualAttention

CLASSES = 3
TINY = {"backbone": "tiny", "tap": "fc", "weights": None, "trainable_from": "all"}
MAP = {"tap": "map"}
LEVELS = {"filters": (3, 3, 3, 4), "levels": ("conv1", "conv2", "conv4")}
FRAMES = 4  # of models that take one length only

# name of the case: (model, settings beside those of TINY)
VARIANTS = {
    "attention_lstm": ("attention_lstm", {"units": 8}),
    "attention_lstm-concat": ("attention_lstm", {"units": 6, "score": "concat", "bidirectional": True, "hidden": 5}),
    "attention_lstm-general": ("attention_lstm", {"units": 6, "score": "general"}),
    "conv_lstm": ("conv_lstm", {"filters": (4, 3), **MAP}),
    "conv_lstm-channel": ("conv_lstm", {"filters": (4,), "peephole": "channel", "reduce": 6, **MAP}),
    "conv_lstm-spatial": ("conv_lstm", {"filters": (4,), "peephole": "spatial", "bidirectional": True, **MAP}),
    "fc_lstm": ("fc_lstm", {"units": 8, "layers": 2}),
    "fc_lstm-full": ("fc_lstm", {"units": 6, "peephole": "full", "output_peephole": "old", "bidirectional": True}),
    "frame_average": ("frame_average", {"hidden": 8}),
    "gru_rcn": ("gru_rcn", LEVELS),
    "gru_rcn-stacked": ("gru_rcn", {**LEVELS, "form": "stacked", "use_bias": True}),
    "gru_rcn-mean": ("gru_rcn", {**LEVELS, "form": "stacked", "states": "mean", "reduce": 4, "percept_dropout": 0.5}),
    "gru_rcn-bidirectional": (
        "gru_rcn",
        {"levels": ("conv2",), "filters": (3, 4), "form": "bidirectional", "differences": ("mean", "previous")},
    ),
    "lrcn": ("lrcn", {"units": 8}),
    "lrcn-differences": ("lrcn", {"units": 6, "differences": ("previous",)}),
    "lrcn-bidirectional": ("lrcn", {"units": 6, "bidirectional": True, **MAP}),
    "short_snippets_lstm": ("short_snippets_lstm", {"units": 8, "layers": 2}),
    "short_snippets_lstm-max": ("short_snippets_lstm", {"units": 6, "layers": 1, "aggregation": "max", "peephole": None}),
    "short_snippets_pooling": ("short_snippets_pooling", {"hidden": 8, **MAP}),
    "short_snippets_pooling-late": ("short_snippets_pooling", {"hidden": 8, "variant": "late"}),
    "short_snippets_pooling-slow": (
        "short_snippets_pooling",
        {"hidden": 8, "variant": "slow", "window": 2, "stride": 1, **MAP},
    ),
    "short_snippets_pooling-local": ("short_snippets_pooling", {"hidden": 8, "variant": "local", "window": 2, "stride": 1}),
    "short_snippets_pooling-time": (
        "short_snippets_pooling",
        {"hidden": 8, "variant": "time_domain", "filters": 5, "kernel": (2, 3, 3), "stride": 1, **MAP},
    ),
    "two_stream": ("two_stream", {"rgb": LRCN(**TINY, units=8), "flow": LRCN(**TINY, units=6, bidirectional=True)}),
    "two_stream-mixed": (
        "two_stream",
        {"rgb": GRURCN(**TINY | LEVELS), "flow": AttentionLSTM(**TINY, units=6), "fusion": (1.0, 2.0)},
    ),
    "two_stream-fixed": (
        "two_stream",
        {
            "rgb": VisualAttention(**TINY | MAP, units=6, score="location", coverage=1.0, initial_state="zeros"),
            "flow": ShortSnippetsPooling(**TINY, hidden=8, variant="local", window=2, stride=1),
        },
    ),
    "visual_attention": ("visual_attention", {"units": 8, **MAP}),
    "visual_attention-location": (
        "visual_attention",
        {"units": 6, "layers": 2, "score": "location", "coverage": 1.0, "initial_state": "zeros", **MAP},
    ),
    "visual_attention-dot": ("visual_attention", {"units": 6, "score": "dot", "initial_state": "first_frame", **MAP}),
}
RECOGNISERS = {name for name in models.names() if models.CLASSES[name].task == "recognition"}
assert {name for name, _ in VARIANTS.values()} == RECOGNISERS, "a model is missing in VARIANTS"


def _hyperparameters(case: str) -> dict:
    name, own = VARIANTS[case]
    return own if name == "two_stream" else TINY | own  # the backbones of two_stream are its parts'


def settings(case: str):
    """The model's dataclass with the case's settings."""
    return models.CLASSES[VARIANTS[case][0]](**_hyperparameters(case))


def streams(case: str) -> tuple[str, ...]:
    """The streams that the model takes; a model of one stream is tested on rgb."""
    return ("rgb", "flow") if VARIANTS[case][0] == "two_stream" else ("rgb",)


def parts(case: str) -> list[tuple]:
    """`(stream, what its outputs' names begin with, dataclass)` of every recogniser in the model."""
    if len(streams(case)) == 1:
        return [("rgb", "", settings(case))]
    return [(stream, f"{stream}_", part(settings(case), stream)) for stream in streams(case)]


def clips(case: str, batch: int, *times: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Noise for each stream `(B, T, 32, 32, 3)`; `times`: of all streams, or of each."""
    rng = np.random.default_rng(seed)
    times = times if len(times) > 1 else times * len(streams(case))
    shapes = {stream: (batch, time, 32, 32, 3) for stream, time in zip(streams(case), times, strict=True)}
    return {stream: rng.integers(0, 256, shape).astype("uint8") for stream, shape in shapes.items()}


def build(case: str, time=None, classes: int = CLASSES, stream: str = "rgb", **changes):
    """The model of a case on frames of 32 x 32; with T open where it can be. `stream`: of a model of one stream."""
    names = (stream,) if len(streams(case)) == 1 else streams(case)
    lengths = [time if time or part(settings(case), name).any_length else FRAMES for name in names]
    shapes = {name: (length, 32, 32, 3) for name, length in zip(names, lengths, strict=True)}
    return models.build(VARIANTS[case][0], shapes, classes, **_hyperparameters(case) | changes)


def shaken(model):
    """Random weights behind the backbone, biases too."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        for weight in [] if layer.name.endswith("_backbone") else layer.weights:
            value = rng.normal(scale=0.4, size=weight.shape)
            weight.assign(np.abs(value) + 0.1 if "variance" in weight.path else value)
    return model
