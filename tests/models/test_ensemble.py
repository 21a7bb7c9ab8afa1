"""Settings of several recognisers as one: JSON, bounds, rules, and which frozen layers are equal."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import Data, Experiment, Model, UserError, bounds
from videorec.config import file as config_file
from videorec.models.backbones.tiny import TINY
from videorec.models.ensemble import Ensemble, Member, same_frozen
from videorec.models.lrcn import LRCN
from videorec.models.short_snippets_pooling import ShortSnippetsPooling
from videorec.models.two_stream import TwoStream

FROZEN = LRCN(**TINY | {"trainable_from": "conv3"}, units=4)
LOCAL = ShortSnippetsPooling(**TINY, variant="local", window=2, stride=1)
BOTH = Ensemble((Member(LRCN(units=3), weight=2.0, run="runs/a"), Member(LOCAL, "flow"), Member(TwoStream(), "both")))
SHAPES = {"rgb": (None, 32, 32, 3)}


def network(model=FROZEN, seed=0, **changes) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return models.from_config(dataclasses.replace(model, **changes), SHAPES, 3)


def test_json_round_trip():
    experiment = Experiment("x", Data(stream="both"), BOTH)
    tree = json.loads(json.dumps(config_file.to_dict(experiment)))
    first, second, _ = tree["model"]["members"]
    assert (first["run"], first["weight"], first["model"]["units"], second["stream"]) == ("runs/a", 2.0, 3, "flow")
    assert config_file.from_dict(tree, models.CLASSES) == experiment
    first["model"]["unit"] = 3
    with pytest.raises(UserError, match="model.members.0.model has no setting 'unit'. Did you mean units"):
        config_file.from_dict(tree, models.CLASSES)
    for members in (3, {"0": first}, [3]):
        tree["model"]["members"] = members
        with pytest.raises(UserError, match=r"model.members(.0)? must be (a list of )?settings"):
            config_file.from_dict(tree, models.CLASSES)


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (Member(LRCN(units=0)), "members.1.model.units must be 1 or more. Received: 0"),
        (Member(weight=-1.0), "with a weight of 0 or more"),
        (Member(TwoStream(rgb=LRCN(dropout=1.0)), "both"), "members.1.model.rgb.dropout must be"),
    ],
)
def test_bounds_reach_the_members(member, message):
    with pytest.raises(UserError, match=message):
        bounds.check(Ensemble((Member(), member)))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ((Member(),), "two members or more"),
        ((Member(weight=0.0), Member(weight=0.0)), "one of them above 0"),
        ((Member(), Member(Model())), "must be a recogniser. Received: member 2"),
        ((Member(), Member(LRCN(target="dense"))), "learn its own target. Received: target=clip, member 2 dense"),
        ((Member(frozen_of=1), Member()), "number of an earlier member.*Received: member 1 1"),
        ((Member(), Member(frozen_of=1), Member(frozen_of=2)), "whose CNN is its own.*Received: member 3 2"),
        ((Member(), Member(frozen_of=0)), "from 1 on"),
    ],
)
def test_errors(members, message):
    with pytest.raises(UserError, match=message):
        Ensemble(members)


def test_streams_are_those_of_the_members():
    with pytest.raises(UserError, match="These members see flow and rgb. Received: rgb"):
        models.from_config(BOTH, SHAPES, 3)


def test_properties_come_from_the_members():
    assert (BOTH.part("rgb").any_length, BOTH.part("flow").any_length, BOTH.any_length) == (True, False, False)
    time = ShortSnippetsPooling(**TINY | {"variant": "time_domain", "tap": "map"})
    both = Ensemble((Member(LRCN()), Member(time), Member(LRCN(), "flow")))
    assert (both.part("rgb").least_frames, both.part("flow").least_frames, both.least_frames) == (time.least_frames, 1, 1)
    assert Ensemble().causal and not Ensemble((Member(), Member(LRCN(bidirectional=True)))).causal
    plain = models.untrained(BOTH)
    assert [member.model.weights for member in plain.members[:2]] == [None, None]
    assert plain.members[2].model.flow.weights is None and plain.members[0].run == "runs/a"
    assert models.export_tolerance(Ensemble((Member(), Member(LRCN(backbone="caffenet"))))) == models.export_tolerance(
        LRCN(backbone="caffenet")
    )


def test_which_frozen_layers_are_the_same():
    """Whatever Keras called the operations in between, and however the trained part differs."""
    one, other, third = network(), network(units=7), network(seed=1)
    assert same_frozen(one, other) and not same_frozen(one, third)
    assert not same_frozen(one, network(trainable_from="conv4")) and not same_frozen(one, network(trainable_from="all"))
    whole = network(trainable_from="none")
    assert same_frozen(whole, network(trainable_from="none", units=5)) and not same_frozen(one, whole)
    weight = other.get_layer("rgb_backbone").layer.get_layer("conv2").bias
    weight.assign(weight + 1e-6)
    assert not same_frozen(one, other)


def test_members_on_a_frozen_cnn_share_its_features():
    whole = dataclasses.replace(FROZEN, trainable_from="none")
    settings = Ensemble((Member(whole), Member(whole, frozen_of=1)))
    networks = [network(trainable_from="none"), network(trainable_from="none", units=4)]
    joined = settings.join(networks)
    assert len(joined.get_layer("rgb_backbone").layer.outputs) == 1
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32, 3)).astype("uint8")
    rows = [keras.ops.convert_to_numpy(each({"rgb": x})["probabilities"]) for each in (*networks, joined)]
    np.testing.assert_allclose(rows[2], (rows[0] + rows[1]) / 2, atol=1e-6)
