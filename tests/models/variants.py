"""The registered models, in every form that has a graph of its own, made small."""

from videorec import models

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
    "visual_attention": ("visual_attention", {"units": 8, **MAP}),
    "visual_attention-location": (
        "visual_attention",
        {"units": 6, "layers": 2, "score": "location", "coverage": 1.0, "initial_state": "zeros", **MAP},
    ),
    "visual_attention-dot": ("visual_attention", {"units": 6, "score": "dot", "initial_state": "first_frame", **MAP}),
}
assert {name for name, _ in VARIANTS.values()} == set(models.names()), "a model is missing in VARIANTS"


def settings(case: str):
    """The model's dataclass with the case's settings."""
    name, own = VARIANTS[case]
    return models.CLASSES[name](**TINY | own)


def build(case: str, time=None, classes: int = CLASSES, stream: str = "rgb", **changes):
    """The model of a case on frames of 32 x 32; with T open where it can be."""
    name, own = VARIANTS[case]
    time = time if time or settings(case).any_length else FRAMES
    return models.build(name, {stream: (time, 32, 32, 3)}, classes, **TINY | own | changes)
