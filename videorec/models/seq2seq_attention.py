"""Sequence to sequence with attention: frames in, the embeddings of the coming frames out, as pictures or as labels."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import UserError
from videorec.config.bounds import Count, Part
from videorec.config.forecasting import Forecaster
from videorec.layers import AttentionDecoder, TimeDistributed
from videorec.models import forecast, heads
from videorec.models import streams as inputs

CHANGE = 0.05  # with `residual`, the unit of what is read and forecast: as small as they are, changes would hardly be learnt


@dataclass(frozen=True)
class Seq2SeqAttention(Forecaster):
    """LSTM encoder over frame embeddings, LSTM decoder that attends to all its states (Luong et al. 2015, arXiv 1508.04025).

    A CNN embeds each frame. The decoder starts from the encoder's last state. At each of K steps it reads its own last forecast
    of an embedding (first: the embedding of the last frame seen); its state queries all J encoder states by their dot
    product, and tanh(W_c [context; state]) gives the next embedding. So early frames are not lost in one last state, and no
    future is read.

    - target `frames`: a CNN turns the embeddings into frames. Input: `rgb` `(B, J, H, W, C)`; output `frames` `(B, K, H, W, C)`
      from 0 to 1; with `residual` not bounded.
    - target `labels` (action anticipation): the labels of the coming steps. Outputs `steps` `(B, K, classes)` logits, and
      `probabilities` `(B, classes)`, the mean of their softmaxes.

    Both also give the coefficients `attention` `(B, K, J)`. Any J.
    """

    name: ClassVar[str] = "seq2seq_attention"
    tasks: ClassVar[dict[str, str]] = {"frames": "forecasting", "labels": "anticipation"}
    targets: ClassVar[tuple[str, ...]] = ("frames", "labels")
    target: Literal["frames", "labels"] = "frames"
    """What is forecast: frames, or the labels of the coming steps."""
    units: Count = 256
    """Units of the LSTMs, of encoder and decoder."""
    embedding: Count = 128
    """Size of a frame's embedding."""
    filters: tuple[Count, ...] = (32, 64, 64)
    """Channels of the CNN's convolutions, each halving height and width; of the decoder's CNN in reverse."""
    score: Literal["dot", "general", "concat"] = "dot"
    """How alike decoder state and encoder state are: dot product, with a matrix between them, or a small network on both."""
    backbone: str | None = None
    """labels: the CNN over each frame (videorec.models.backbones.names()). Default: the small one of `filters`."""
    tap: Literal["map", "pooled", "fc"] = "pooled"
    """Where features leave the backbone: the last spatial map, its average over space, or a fully connected layer."""
    weights: str | None = None
    """Backbone weights at the start: imagenet (downloaded by keras.applications), a weights file, or None."""
    trainable_from: str = "all"
    """none: the backbone is frozen; all: it is trained whole; a layer's name: trained from that layer on."""
    differences: tuple[Literal["previous", "mean"], ...] = ()
    """With a backbone: feed with each frame's features their differences from the frame before (previous), from the mean of the
    frames seen (mean). A frozen backbone's features show the scene more than what moves in it."""
    dropout: Part = 0.0
    """Share of each frame's features dropped in training."""
    output_dropout: Part = 0.0
    """labels: share of the forecast embeddings dropped in training, before the labels are told from them."""
    residual: Literal["last", "mean"] | None = None
    """frames: read and forecast the difference from the last frame seen, or from the mean of all seen: for slow sequences
    whose level differs from one to the next (temperatures); the mean where frames are noisy. The output is linear then;
    choose --train.loss mse or mae. Such a model cannot run frame by frame."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {"horizon": 3, "units": 6, "embedding": 5, "filters": (4, 3)},
            "general": {"horizon": 3, "units": 6, "embedding": 5, "filters": (4, 3, 5), "score": "general"},
            "residual": {"horizon": 3, "units": 6, "embedding": 5, "filters": (4, 3), "residual": "mean"},
            "labels": {"horizon": 3, "target": "labels", "units": 6, "embedding": 5, "filters": (4, 3), "score": "concat"},
            "backbone": {"horizon": 3, "target": "labels", "units": 6, "embedding": 5, "backbone": "tiny", "tap": "map"},
            "differences": {
                "horizon": 3,
                "target": "labels",
                "units": 6,
                "embedding": 5,
                "backbone": "tiny",
                "differences": ("previous",),
                "dropout": 0.3,
                "output_dropout": 0.3,
            },
        }

    @property
    def extra_outputs(self):
        """See `Model`."""
        return ("attention",)

    def build(self, streams, classes=None) -> keras.Model:
        shape = forecast.shape_of(streams, self)
        self._check(classes)

        # === Functional Model ===
        frames, x, start = self._features(shape)  # (B, J, H, W, C) -> (B, J, F)
        x = layers.Dropout(self.dropout, name="feature_dropout")(x)
        x = layers.Dense(self.embedding, name="embed")(x)  # (B, J, D)
        states, *last = layers.LSTM(self.units, return_sequences=True, return_state=True, name="encoder")(x)
        decoder = AttentionDecoder(self.units, self.horizon, self.score, name="decoder")
        x, coefficients = decoder(x[:, -1], states, last)  # (B, K, D), (B, K, J)
        outputs = self._labels(x, classes) if self.target == "labels" else {"frames": self._pictures(x, shape, start)}
        outputs["attention"] = layers.Activation("linear", dtype="float32", name="attention")(coefficients)
        return keras.Model({"rgb": frames}, outputs, name=self.name)

    def _check(self, classes):
        if not self.filters:
            raise UserError("filters must name the channels of at least one convolution. Received: none")
        if self.target == "frames" and self.backbone is not None:
            raise UserError(f"A backbone is for target labels; frames come from the CNN of filters. Received: {self.backbone}")
        if self.backbone is None and self.differences:
            raise UserError(f"differences are those of a backbone's features: name a backbone. Received: {self.differences}")
        if self.target == "frames" and self.output_dropout:
            raise UserError(f"output_dropout is for target labels. Received: {self.output_dropout}")
        if self.target == "labels" and self.residual is not None:
            raise UserError(f"residual is for target frames. Received: {self.residual}")
        if self.backbone is not None and self.pixels != "uint8":
            raise UserError(f"A backbone takes frames with pixels uint8. Received: pixels {self.pixels}")
        if self.target == "labels" and (classes is None or classes < 1):
            raise UserError(f"target labels needs at least one class. Received: classes={classes}")

    def _features(self, shape):
        """The input, a vector a frame `(B, J, F)`, and what `residual` adds forecasts to."""
        if self.backbone is None:
            frames, x = forecast.frames_input(shape, self)
            x, start = forecast.relative(x, self.residual)
            x = x / CHANGE if self.residual else x
            return frames, TimeDistributed(self._cnn(shape[1:]), name="cnn")(x), start
        frames, x = inputs.frame_features("rgb", shape, self)
        return frames, inputs.vectors(x), None

    def _labels(self, x, classes):
        """Embeddings `(B, K, D)` to a class at each."""
        return heads.per_step(layers.Dropout(self.output_dropout, name="output_dropout")(x), classes)

    def _cnn(self, shape) -> keras.Model:
        """A frame `(B, H, W, C)` to a vector that keeps where things are."""
        frame = x = keras.Input(shape, name="frame")
        for number, filters in enumerate(self.filters, start=1):
            x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu", name=f"conv{number}")(x)
        return keras.Model(frame, layers.Flatten(name="flatten")(x), name="cnn")

    def _pictures(self, x, shape, start):
        """Embeddings `(B, K, D)` to frames `(B, K, H, W, C)`."""
        height, width, channels = shape[1:]
        scale = 2 ** len(self.filters)
        places = (math.ceil(height / scale), math.ceil(width / scale))

        embedding = keras.Input((self.embedding,), name="embedding")
        y = layers.Dense(math.prod(places) * self.filters[-1], activation="relu", name="places")(embedding)
        y = layers.Reshape((*places, self.filters[-1]), name="maps")(y)
        for number, filters in enumerate(reversed(self.filters[:-1]), start=1):
            y = layers.Conv2DTranspose(filters, 4, 2, padding="same", activation="relu", name=f"up{number}")(y)
        options = {"activation": None if self.residual else "sigmoid", "dtype": "float32"}
        y = layers.Conv2DTranspose(channels, 4, 2, padding="same", **options, name="picture")(y)
        surplus = ((0, places[0] * scale - height), (0, places[1] * scale - width))
        y = layers.Cropping2D(surplus, dtype="float32", name="crop")(y)
        name = "changes" if self.residual else "frames"
        y = TimeDistributed(keras.Model(embedding, y, name="pictures"), dtype="float32", name=name)(x)
        return layers.Add(name="frames", dtype="float32")([CHANGE * y, start]) if self.residual else y
