"""A run can start from another run's weights."""

import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import UserError
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
    assert transfer(one, thirty, "runs/one") == []
    assert transfer(thirty, more, "runs/thirty") == []
    for a, b in zip(one.get_weights(), more.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_fit_stays(caplog):
    caplog.set_level("INFO")
    local = {"variant": "local", "window": 10, "stride": 5}
    source, target = shift(pooling(30, **local)), pooling(120, **local)
    before = target.get_layer("steps").get_weights()
    assert transfer(source, target, "runs/thirty") == ["steps/kernel"]  # 5 windows there, 23 here
    assert "steps/kernel (184, 3) ((40, 3) there)" in caplog.text
    np.testing.assert_array_equal(target.get_layer("steps").get_weights()[0], before[0])
    np.testing.assert_array_equal(target.get_layer("fc1").get_weights()[0], source.get_layer("fc1").get_weights()[0])


def test_other_classes_keep_the_rest():
    source, target = shift(pooling(4)), pooling(4, classes=5)
    assert transfer(source, target, "x") == ["steps/kernel", "steps/bias"]


def test_flow_starts_from_rgb():
    source, target = shift(pooling(4)), pooling(4, stream="flow")
    assert transfer(source, target, "x") == []
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_places_are_unique():
    model = models.build("fc_lstm", {"rgb": (4, 32, 32, 3)}, 3, backbone="tiny", weights=None, layers=2, bidirectional=True)
    assert len(weights_by_place(model)) == len(model.weights)


def test_nothing_fits():
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="other")])
    with pytest.raises(UserError, match=r"No weight of x.*--train\.init"):
        transfer(other, pooling(4), "x")
