"""Two streams: a recogniser of the frames and one of the motion between them, fused in their probabilities."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import keras
from keras import layers

from videorec.config import Model, Recogniser, UserError
from videorec.config.bounds import PositiveOrZero
from videorec.models import targets
from videorec.models.attention_lstm import AttentionLSTM
from videorec.models.gru_rcn import GRURCN
from videorec.models.lrcn import LRCN
from videorec.models.short_snippets_pooling import ShortSnippetsPooling
from videorec.models.split import cut
from videorec.models.streams import STREAMS
from videorec.models.visual_attention import VisualAttention

PART = "_stream"  # a part's layers after its backbone are one model of this name: rgb_stream


@dataclass(frozen=True)
class TwoStream(Model):
    """Two recognisers side by side, one on `rgb`, one on `flow`; the answer is the weighted mean of their probabilities.

    Late fusion, as in LRCN (Donahue et al. 2015: weights 1, 1 and 1, 2; 82.34 % on UCF101 with the latter) and Beyond Short
    Snippets (Ng et al. 2015, arXiv 1503.08909): the streams share no weight, each has its own rate, length, backbone and
    temporal layers, and each is trained by the loss of its own steps.

    Inputs: `rgb` uint8 `(B, T_rgb, H, W, 3)` and `flow` uint8 `(B, T_flow, H', W', 3)`.

    Outputs, float32: `rgb_steps`, `flow_steps` (logits `(B, S, C)` of each part), `steps` (both, one after the other in time:
    `(B, S_rgb + S_flow, C)`), `rgb_probabilities`, `flow_probabilities`, `probabilities` (their weighted mean `(B, C)`), and
    what else a part gives, with its stream's name: `rgb_attention`.

    The layers are `rgb_backbone` and `flow_backbone`, and after each the rest of its part as one model, `rgb_stream` and
    `flow_stream`.
    """

    name: ClassVar[str] = "two_stream"
    tasks: ClassVar[dict[str, str]] = Recogniser.tasks
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel")
    default_streams: ClassVar[dict[str, tuple]] = dict.fromkeys(STREAMS, (16, 224, 224, 3))
    rgb: Model = field(default_factory=LRCN)
    """The recogniser of the frames."""
    flow: Model = field(default_factory=LRCN)
    """The recogniser of the motion between frames, as pictures."""
    fusion: tuple[PositiveOrZero, PositiveOrZero] = (1.0, 1.0)
    """Weights of the probabilities of rgb and of flow; only their ratio counts (LRCN: 1 1, and 1 2)."""
    target: Literal["clip", "multilabel", "dense"] = "clip"
    """What both parts learn: one class a clip, or any number of classes a clip (`a;b`); not dense: their steps differ."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {
            "plain": {"rgb": LRCN(**LRCN.forms()["plain"]), "flow": LRCN(**LRCN.forms()["bidirectional"])},
            "mixed": {
                "rgb": GRURCN(**GRURCN.forms()["plain"]),
                "flow": AttentionLSTM(**AttentionLSTM.forms()["plain"]),
                "fusion": (1.0, 2.0),
            },
            "fixed": {
                "rgb": VisualAttention(**VisualAttention.forms()["location"]),
                "flow": ShortSnippetsPooling(**ShortSnippetsPooling.forms()["local"]),
            },
        }

    def __post_init__(self):
        for stream in STREAMS:
            model = self.part(stream)
            if not isinstance(model, Recogniser):
                name = model.name if isinstance(model, Model) else repr(model)
                raise UserError(f"Each part of two_stream must be a recogniser of one stream. Received: {stream}={name}")
            if model.target not in ("clip", self.target):
                raise UserError(
                    "The parts of two_stream learn its own target: set --model.target, and leave that of the parts. "
                    f"Received: target={self.target}, {stream}.target={model.target}"
                )
        if len(self.fusion) != 2 or not all(math.isfinite(w) and w >= 0 for w in self.fusion) or not sum(self.fusion):
            raise UserError(
                "fusion must be two weights of 0 or more, one of them above 0: rgb's and flow's (--model.fusion 1 2). "
                f"Received: {self.fusion}"
            )

    @property
    def extra_outputs(self):
        """See `Model`; all outputs of each part, with its stream's name."""
        return tuple(
            f"{stream}_{key}" for stream in STREAMS for key in ("steps", "probabilities", *self.part(stream).extra_outputs)
        )

    def part(self, stream):
        """See `Model`."""
        return getattr(self, stream)

    @property
    def causal(self):
        """See `Model`; both parts must be."""
        return self.rgb.causal and self.flow.causal

    @property
    def any_length(self):
        """See `Model`; of both parts."""
        return self.rgb.any_length and self.flow.any_length

    @property
    def least_frames(self):
        """The least that one of the streams can have; the streams differ: `part(stream).least_frames`."""
        return min(self.rgb.least_frames, self.flow.least_frames)

    def build(self, streams, classes) -> keras.Model:
        """The model of two streams; shapes as in `videorec.models.build`."""
        if set(streams) != set(STREAMS):
            raise UserError(f"two_stream needs rgb and flow (--data.stream both). Received: {', '.join(streams)}")
        frames, parts = {}, {}
        for stream in STREAMS:
            features, head = cut(self._network(stream, streams[stream], classes))
            frames |= features.input  # (B, T, H, W, 3)
            parts[stream] = keras.Model(head.input, head.output, name=f"{stream}{PART}")(features.output)

        # === Fusion ===
        outputs = {
            f"{stream}_{key}": layers.Identity(dtype="float32", name=f"{stream}_{key}")(value)
            for stream, values in parts.items()
            for key, value in values.items()
        }
        steps = [outputs[f"{stream}_steps"] for stream in STREAMS]
        outputs["steps"] = layers.Concatenate(axis=1, dtype="float32", name="steps")(steps)  # (B, S_rgb + S_flow, C)
        shares = []
        for stream, weight in zip(STREAMS, self.fusion, strict=True):
            share = layers.Rescaling(weight / sum(self.fusion), dtype="float32", name=f"{stream}_share")
            shares.append(share(outputs[f"{stream}_probabilities"]))
        outputs["probabilities"] = layers.Add(dtype="float32", name="probabilities")(shares)  # (B, C)
        return keras.Model(frames, outputs, name=self.name)

    def _network(self, stream, shape, classes) -> keras.Model:
        """The part of a stream alone, with the outputs of the target of both."""
        model = dataclasses.replace(self.part(stream), target=self.target)
        return targets.on_steps(model.build({stream: shape}, classes), model)
