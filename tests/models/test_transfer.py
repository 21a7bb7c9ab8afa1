"""A run can start from another run's weights."""

import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import UserError
from videorec.models.attention_lstm import AttentionLSTM
from videorec.models.frame_average import FrameAverage
from videorec.models.lrcn import LRCN
from videorec.models.transfer import transfer, weights_by_place

TINY = {"backbone": "tiny", "tap": "map", "weights": None, "hidden": 8}


def pooling(frames, variant="conv", classes=3, stream="rgb", **settings):
    streams = {stream: (frames, 32, 32, 3)}
    return models.build("short_snippets_pooling", streams, classes, variant=variant, **TINY | settings)


def shift(model):
    model.set_weights([w + 1 for w in model.get_weights()])
    return model


@pytest.mark.parametrize("variant", ["conv", "late", "slow"])
def test_from_1_frame_to_30_to_120(variant):
    settings = {"window": 10, "stride": 5}
    one = shift(pooling(1, variant, **settings))
    thirty, more = pooling(30, variant, **settings), pooling(120, variant, **settings)
    assert transfer([(one, "runs/one")], thirty) == []
    assert transfer([(thirty, "runs/thirty")], more) == []
    for a, b in zip(one.get_weights(), more.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_fit_stays(caplog):
    caplog.set_level("INFO")
    local = {"variant": "local", "window": 10, "stride": 5}
    source, target = shift(pooling(30, **local)), pooling(120, **local)
    before = target.get_layer("steps").get_weights()
    assert transfer([(source, "runs/thirty")], target) == ["steps/kernel"]  # 5 windows there, 23 here
    assert "steps/kernel (184, 3) ((40, 3) there)" in caplog.text
    np.testing.assert_array_equal(target.get_layer("steps").get_weights()[0], before[0])
    np.testing.assert_array_equal(target.get_layer("fc1").get_weights()[0], source.get_layer("fc1").get_weights()[0])


def test_other_classes_keep_the_rest():
    source, target = shift(pooling(4)), pooling(4, classes=5)
    assert transfer([(source, "x")], target) == ["steps/kernel", "steps/bias"]


def test_flow_starts_from_rgb():
    source, target = shift(pooling(4)), pooling(4, stream="flow")
    assert transfer([(source, "x")], target) == []
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_places_are_unique():
    model = models.build("fc_lstm", {"rgb": (4, 32, 32, 3)}, 3, backbone="tiny", weights=None, layers=2, bidirectional=True)
    assert len(weights_by_place(model)) == len(model.weights)


# === Two streams ===

PART = {"backbone": "tiny", "tap": "fc", "weights": None}
SHAPE = (None, 32, 32, 3)


def one_stream(model, stream, value):
    """A model of one stream whose weights are all `value`."""
    return filled(models.from_config(model, {stream: SHAPE}, 3), value)


def two_streams(rgb, flow):
    return models.build("two_stream", {"rgb": SHAPE, "flow": SHAPE}, 3, rgb=rgb, flow=flow)


def filled(model, value):
    model.set_weights([np.full_like(w, value) for w in model.get_weights()])
    return model


def values(model, *names):
    """The values that the weights of the layers have: one where all are equal."""
    return {float(x) for name in names for w in model.get_layer(name).get_weights() for x in np.unique(w)}


def reloaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.saving.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_stream_from_its_own_run(order, tmp_path):
    lrcn = LRCN(**PART, units=4)
    sources = [(reloaded(one_stream(lrcn, "rgb", 2), tmp_path), "runs/rgb"), (one_stream(lrcn, "flow", 3), "runs/flow")]
    target = filled(two_streams(lrcn, lrcn), 0)
    assert transfer([sources[number] for number in order], target) == []
    assert values(target, "rgb_backbone", "rgb_stream") == {2}
    assert values(target, "flow_backbone", "flow_stream") == {3}


def test_both_streams_from_an_rgb_run(caplog):
    """Ng et al. 2015: flow networks start from the weights of raw frames; three channels each, so every weight fits."""
    caplog.set_level("INFO")
    lrcn = LRCN(**PART, units=4)
    source, target = one_stream(lrcn, "rgb", 2), filled(two_streams(lrcn, lrcn), 0)
    assert transfer([(source, "runs/rgb")], target) == []
    assert values(target, "rgb_backbone", "rgb_stream", "flow_backbone", "flow_stream") == {2}
    count = len(target.weights)
    assert count == 2 * len(source.weights) and f"runs/rgb: {count} of {count} weights taken" in caplog.text


def test_parts_of_two_streams_start_single_ones(tmp_path):
    source = two_streams(LRCN(**PART, units=4), LRCN(**PART, units=4))
    for stream, value in (("rgb", 2), ("flow", 3)):
        for layer in (f"{stream}_backbone", f"{stream}_stream"):
            filled(source.get_layer(layer), value)
    source = reloaded(source, tmp_path)
    for stream, value in (("rgb", 2), ("flow", 3)):
        target = one_stream(LRCN(**PART, units=4), stream, 0)
        assert transfer([(source, "runs/two")], target) == []
        assert values(target, f"{stream}_backbone", "lstm", "steps") == {value}
    target = filled(two_streams(LRCN(**PART, units=4), LRCN(**PART, units=4)), 0)
    assert transfer([(source, "runs/two")], target) == []
    assert [values(target, f"{s}_backbone", f"{s}_stream") for s in ("rgb", "flow")] == [{2}, {3}]


def test_a_weight_of_another_shape_is_not_taken_from_the_other_stream():
    """An RGB LSTM that happens to fit must not be mixed with the flow run's classifier."""
    sources = [(one_stream(LRCN(**PART, units=u), s, v), s) for u, s, v in ((4, "rgb", 2), (5, "flow", 3))]
    target = filled(two_streams(LRCN(**PART, units=4), LRCN(**PART, units=4)), 0)
    lstm = ["kernel", "recurrent_kernel", "bias"]
    assert transfer(sources, target) == [*(f"flow_stream/lstm/lstm_cell/{w}" for w in lstm), "flow_stream/steps/kernel"]
    assert values(target, "flow_backbone") == {3}
    assert values(target, "rgb_backbone", "rgb_stream") == {2}


def test_what_a_stream_lacks_comes_from_the_other():
    """A single-frame flow network, and an RGB LSTM network: its LSTM is the only one there is."""
    sources = [
        (one_stream(FrameAverage(**PART), "flow", 3), "runs/flow"),
        (one_stream(LRCN(**PART, units=4), "rgb", 2), "runs/rgb"),
    ]
    target = filled(one_part := models.from_config(LRCN(**PART, units=4), {"flow": SHAPE}, 3), 0)
    assert transfer(sources, target) == ["steps/kernel"]  # (64, 3) there
    assert (values(one_part, "flow_backbone"), values(one_part, "lstm")) == ({3}, {2})


def test_the_first_source_that_fits_counts():
    small, large = (one_stream(LRCN(**PART, units=units), "rgb", units) for units in (4, 5))
    target = one_stream(LRCN(**PART, units=4), "rgb", 0)
    assert transfer([(large, "runs/large"), (small, "runs/small")], target) == []
    assert (values(target, "rgb_backbone"), values(target, "lstm")) == ({5}, {4})


def test_a_source_without_use_is_an_error_and_copies_nothing():
    lrcn = LRCN(**PART, units=4)
    first, second = one_stream(lrcn, "rgb", 2), one_stream(lrcn, "rgb", 3)
    target = one_stream(lrcn, "rgb", 0)
    with pytest.raises(UserError, match=r"No weight of runs/b .*those before it have it.*--train\.init"):
        transfer([(first, "runs/a"), (second, "runs/b")], target)
    assert values(target, "rgb_backbone", "lstm", "steps") == {0}


def test_places_in_two_streams_are_unique():
    model = two_streams(AttentionLSTM(**PART, units=4), AttentionLSTM(**PART, units=4))
    places = weights_by_place(model)
    assert len(places) == len(model.weights)
    assert {place.split("/")[0] for place in places} == {"rgb_backbone", "flow_backbone", "rgb_stream", "flow_stream"}


def test_nothing_fits():
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="other")])
    with pytest.raises(UserError, match=r"No weight of x.*--train\.init"):
        transfer([(other, "x")], pooling(4))
