"""Several trained recognisers as one: what `videorec.tools.fuse` makes of runs."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import keras
import numpy as np
from keras import layers, tree

from videorec.config import Model, Recogniser, UserError
from videorec.config.bounds import Count, PositiveOrZero
from videorec.layers import TimeDistributed
from videorec.models import targets
from videorec.models.backbones.tiny import TINY
from videorec.models.fc_lstm import FCLSTM
from videorec.models.graph import divided
from videorec.models.gru_rcn import GRURCN
from videorec.models.lrcn import LRCN
from videorec.models.split import SUFFIX, backbone_layers, cut, has_frozen_part, taps
from videorec.models.streams import STREAMS
from videorec.models.two_stream import TwoStream


@dataclass(frozen=True)
class Member:
    """One of the recognisers."""

    model: Model = field(default_factory=LRCN)
    """What it is."""
    stream: Literal["rgb", "flow", "both"] = "rgb"
    """What it sees, as `data.stream` of its run."""
    weight: PositiveOrZero = 1.0
    """Of its probabilities; only the ratio to those of the others counts."""
    frozen_of: Count | None = None
    """The number, from 1 on, of an earlier member whose frozen layers of the CNN are its own too: they are there once, and run
    once. None: its CNN is its own."""
    run: str = ""
    """The run that it is of, for whoever reads this."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that it takes."""
        return STREAMS if self.stream == "both" else (self.stream,)


@dataclass(frozen=True)
class Ensemble(Model):
    """Recognisers side by side, each trained by itself; the answer is the weighted mean of their probabilities (late fusion).

    Inputs: `rgb` uint8 `(B, T, H, W, 3)`, `flow` uint8 `(B, T', H, W, 3)`, or both: what the members see. Members of one stream
    share its input.

    Outputs, float32: `member1_steps`, `member2_steps`, ... (logits `(B, S, C)` of each member), `steps` (all of them, one after
    the other in time), `member1_probabilities`, ..., `probabilities` (their weighted mean `(B, C)`). The attention of a member
    is to be had from its own run.

    The layers are `rgb_backbone` and `flow_backbone`, each with the CNNs of all members that see the stream, and after them the
    rest of each member as one model, `member1`, `member2`, ...
    """

    name: ClassVar[str] = "ensemble"
    tasks: ClassVar[dict[str, str]] = Recogniser.tasks
    targets: ClassVar[tuple[str, ...]] = ("clip", "multilabel")
    trained: ClassVar[bool] = False
    members: tuple[Member, ...] = (Member(), Member())
    """The recognisers."""
    target: Literal["clip", "multilabel", "dense"] = "clip"
    """What all members learn: one class a clip, or any number of classes a clip (`a;b`); not dense: their steps differ."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        frozen = TINY | {"trainable_from": "conv3"}
        return {
            "plain": {"members": (Member(LRCN(**TINY, units=4)), Member(FCLSTM(**FCLSTM.forms()["plain"]), weight=3.0))},
            "frozen": {
                "members": (
                    Member(LRCN(**frozen, units=4, bidirectional=True)),
                    Member(GRURCN(**GRURCN.forms()["plain"]), weight=0.5),
                    Member(LRCN(**frozen, units=3), frozen_of=1),
                )
            },
        }

    def __post_init__(self):
        weights = [member.weight for member in self.members]
        if len(weights) < 2 or not all(math.isfinite(w) and w >= 0 for w in weights) or not sum(weights):
            raise UserError(
                "An ensemble has two members or more, each with a weight of 0 or more, one of them above 0. "
                f"Received: weights {weights}"
            )
        for number, member in enumerate(self.members, start=1):
            self._check(number, member)

    def _check(self, number: int, member: Member) -> None:
        model, owner = member.model, member.frozen_of
        if not isinstance(model, Recogniser | TwoStream | Ensemble):
            name = model.name if isinstance(model, Model) else repr(model)
            raise UserError(f"Each member of an ensemble must be a recogniser. Received: member {number} {name}")
        if model.target not in ("clip", self.target):
            raise UserError(
                "The members of an ensemble learn its own target. "
                f"Received: target={self.target}, member {number} {model.target}"
            )
        if owner is not None and not (1 <= owner < number and self.members[owner - 1].frozen_of is None):
            raise UserError(
                "frozen_of must be the number of an earlier member whose CNN is its own, from 1 on. "
                f"Received: member {number} {owner}"
            )

    @property
    def extra_outputs(self):
        """See `Model`."""
        return tuple(f"{name}_{key}" for name, _ in self.named() for key in ("steps", "probabilities"))

    def part(self, stream):
        """See `Model`; of several members that see the stream, an ensemble of what they are in it."""
        inside = tuple(Member(m.model.part(stream), stream) for m in self.members if stream in m.streams)
        return inside[0].model if len(inside) == 1 else Ensemble(inside, self.target)

    @property
    def causal(self):
        """See `Model`; all members must be."""
        return all(member.model.causal for member in self.members)

    @property
    def any_length(self):
        """See `Model`; of all members."""
        return all(member.model.any_length for member in self.members)

    @property
    def least_frames(self):
        """The least that one of the streams can have, for all that see it; the streams differ: `part(stream).least_frames`."""
        seen = {stream for member in self.members for stream in member.streams}
        return min(max(m.model.part(s).least_frames for m in self.members if s in m.streams) for s in seen)

    def build(self, streams, classes) -> keras.Model:
        """The model of all members, new; shapes as in `videorec.models.build`."""
        seen = {stream for member in self.members for stream in member.streams}
        if set(streams) != seen:
            raise UserError(f"These members see {' and '.join(sorted(seen))}. Received: {', '.join(streams)}")
        networks = []
        for member in self.members:
            model = dataclasses.replace(member.model, target=self.target)
            network = model.build({stream: streams[stream] for stream in member.streams}, classes)
            networks.append(targets.on_steps(network, model) if isinstance(model, Recogniser) else network)
        return self.join(networks)

    def join(self, networks: Sequence[keras.Model]) -> keras.Model:
        """The model of all members, of networks that are there: it shares their layers and weights.

        Args:
            networks: of the members, in their order; of those with `frozen_of` the frozen layers are left out.
        """
        # === Backbones ===
        frames, features = {}, {name: {} for name, _ in self.named()}
        for stream in STREAMS:
            cnns = {n: network for n, network in enumerate(networks, start=1) if stream in network.input}
            if not cnns:
                continue
            given = [network.input[stream] for network in cnns.values()]
            shape = next((x.shape for x in given if x.shape[1] is not None), given[0].shape)
            frames[stream] = keras.Input(batch_shape=shape, dtype="uint8", name=stream)  # (B, T, H, W, 3)
            cnn, places = self._together({n: backbone_layers(network)[stream].layer for n, network in cnns.items()})
            outputs = tree.flatten(TimeDistributed(cnn, name=f"{stream}{SUFFIX}")(frames[stream]))
            for number, chosen in places.items():
                features[f"member{number}"] |= taps(stream, [outputs[place] for place in chosen])

        # === Members ===
        outputs, shares, total = {}, [], sum(member.weight for member in self.members)
        for (name, member), network in zip(self.named(), networks, strict=True):
            _, head = cut(network)
            kept = {key: head.output[key] for key in ("steps", "probabilities")}
            values = keras.Model(head.input, kept, name=name)(features[name])
            for key, value in values.items():
                outputs[f"{name}_{key}"] = layers.Identity(dtype="float32", name=f"{name}_{key}")(value)
            share = layers.Rescaling(member.weight / total, dtype="float32", name=f"{name}_share")
            shares.append(share(outputs[f"{name}_probabilities"]))

        # === Fusion ===
        steps = [outputs[f"{name}_steps"] for name, _ in self.named()]
        outputs["steps"] = layers.Concatenate(axis=1, dtype="float32", name="steps")(steps)  # (B, S_1 + S_2 + ..., C)
        outputs["probabilities"] = layers.Add(dtype="float32", name="probabilities")(shares)  # (B, C)
        return keras.Model(frames, outputs, name=self.name)

    def named(self) -> Iterator[tuple[str, Member]]:
        """The members by their names: `member1`, `member2`, ..."""
        return ((f"member{number}", member) for number, member in enumerate(self.members, start=1))

    def _together(self, cnns: Mapping[int, keras.Model]) -> tuple[keras.Model, dict[int, list[int]]]:
        """The CNNs of one stream, by the number of their member, as one: a frame in, the features of all out; and which of its
        outputs are whose."""
        first = next(iter(cnns.values())).input
        frame = keras.Input(batch_shape=first.shape, dtype=first.dtype, name="frame")  # (B, H, W, 3)
        owners = {number: self.members[number - 1].frozen_of or number for number in cnns}
        below, ends, places = {}, {}, {}
        for number, cnn in cnns.items():
            owner, upper = owners[number], cnn
            if list(owners.values()).count(owner) > 1:
                lower, upper = halves(cnn)
                if owner not in below:
                    below[owner] = _named_so(lower, f"frozen{owner}")(frame)
            features = below.get(owner, frame)
            features = features if upper is None else _named_so(upper, f"member{number}")(features)
            places[number] = [ends.setdefault(id(x), (len(ends), x))[0] for x in tree.flatten(features)]
        return keras.Model(frame, [x for _, x in ends.values()], name="cnns"), places


def _named_so(network: keras.Model, name: str) -> keras.Model:
    return keras.Model(network.input, network.output, name=name)


def halves(cnn: keras.Model) -> tuple[keras.Model, keras.Model | None]:
    """A CNN up to its first trained layer, and the rest of it; None where it is frozen whole."""
    return divided(cnn) if cnn.trainable_weights else (cnn, None)


def same_frozen(one: keras.Model, other: keras.Model) -> bool:
    """Whether two networks have, on the same streams, the same frozen layers of their CNNs: equal bit for bit."""
    if one.input.keys() != other.input.keys() or not (has_frozen_part(one) and has_frozen_part(other)):
        return False
    pairs = zip(backbone_layers(one).values(), backbone_layers(other).values(), strict=True)
    for mine, theirs in ((halves(a.layer)[0], halves(b.layer)[0]) for a, b in pairs):
        if _nameless(mine) != _nameless(theirs) or not all(map(np.array_equal, mine.get_weights(), theirs.get_weights())):
            return False
    return True


def _nameless(network: keras.Model) -> dict:
    """Its configuration with numbers for the names of layers: Keras makes some up, which count on through a process."""
    config = network.get_config()
    numbers = {layer["name"]: number for number, layer in enumerate(config["layers"])}
    return tree.map_structure(lambda x: numbers.get(x, x) if isinstance(x, str) else x, config)
