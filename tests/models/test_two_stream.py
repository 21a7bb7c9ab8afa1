"""Two recognisers as one model: the same numbers as two models, their fusion, the cut for cached features, the rules."""

import dataclasses

import keras
import numpy as np
import pytest
from variants import weightless

from videorec import models
from videorec.config import Data, Experiment, Flow, Model, UserError
from videorec.models.attention_lstm import AttentionLSTM
from videorec.models.frame_average import FrameAverage
from videorec.models.gru_rcn import GRURCN
from videorec.models.lrcn import LRCN
from videorec.models.short_snippets_lstm import ShortSnippetsLSTM
from videorec.models.short_snippets_pooling import ShortSnippetsPooling
from videorec.models.split import cut, has_frozen_part, split
from videorec.models.two_stream import TwoStream
from videorec.models.visual_attention import VisualAttention

TINY = {"backbone": "tiny", "weights": None}
GRU = GRURCN(**TINY, tap="fc", levels=("conv2", "conv4"), filters=(3, 3, 4))
ATTENTION = AttentionLSTM(**TINY, units=5)
RGB, FLOW = (None, 32, 32, 3), (None, 40, 48, 3)


def build(rgb=GRU, flow=ATTENTION, **settings):
    return models.build("two_stream", {"rgb": RGB, "flow": FLOW}, 4, rgb=rgb, flow=flow, **settings)


def clips(batch=2, rgb=3, flow=5):
    rng = np.random.default_rng(0)
    shapes = {"rgb": (batch, rgb, *RGB[1:]), "flow": (batch, flow, *FLOW[1:])}
    return {stream: rng.integers(0, 256, shape).astype("uint8") for stream, shape in shapes.items()}


def predict(model, x):
    return {key: keras.ops.convert_to_numpy(value) for key, value in model(x, training=False).items()}


@pytest.mark.parametrize(
    ("fusion", "shares"), [((1, 1), (0.5, 0.5)), ((1.0, 2.0), (1 / 3, 2 / 3)), ((0, 5), (0, 1)), ((0.2, 0.6), (0.25, 0.75))]
)
def test_equals_two_models_and_their_weighted_mean(fusion, shares):
    """Streams of their own sizes and lengths."""
    model, x = build(fusion=fusion), clips()
    model.set_weights([5 * w for w in model.get_weights()])  # probabilities that differ
    got, alone = predict(model, x), {}
    for stream, settings, shape in (("rgb", GRU, RGB), ("flow", ATTENTION, FLOW)):
        single = models.from_config(settings, {stream: shape}, 4)
        weights = model.get_layer(f"{stream}_backbone").get_weights() + model.get_layer(f"{stream}_stream").get_weights()
        single.set_weights(weights)
        alone[stream] = predict(single, {stream: x[stream]})
        for key, expected in alone[stream].items():
            np.testing.assert_allclose(got[f"{stream}_{key}"], expected, atol=1e-6)
    assert got.keys() == {"steps", "probabilities", "flow_attention"} | {
        f"{stream}_{key}" for stream in ("rgb", "flow") for key in ("steps", "probabilities")
    }
    rgb, flow = alone["rgb"], alone["flow"]
    assert np.abs(rgb["probabilities"] - flow["probabilities"]).max() > 0.01
    fused = shares[0] * rgb["probabilities"].astype("float64") + shares[1] * flow["probabilities"].astype("float64")
    np.testing.assert_allclose(got["probabilities"], fused, atol=1e-6)
    np.testing.assert_allclose(got["steps"], np.concatenate([rgb["steps"], flow["steps"]], axis=1), atol=1e-6)


def test_parameters_are_the_sum_of_the_parts():
    """LRCN of the paper, figures of the released networks: 256 units for frames, 1024 for flow."""
    paper = LRCN(backbone="caffenet_hybrid", tap="fc", weights=None)
    streams = dict.fromkeys(("rgb", "flow"), (16, 227, 227, 3))
    flow = dataclasses.replace(paper, units=1024)
    with weightless():
        assert models.build("two_stream", streams, 101, rgb=paper, flow=flow).count_params() == 65_421_285 + 82_016_997


def test_the_streams_share_no_weight():
    model, x = build(rgb=LRCN(**TINY, units=3), flow=LRCN(**TINY, units=3)), clips()
    before = predict(model, x)
    flow = [layer for layer in model.layers if layer.name.startswith("flow_")]
    for layer in flow:
        layer.set_weights([w + 0.1 for w in layer.get_weights()])
    after = predict(model, x)
    np.testing.assert_array_equal(after["rgb_steps"], before["rgb_steps"])
    assert np.abs(after["flow_steps"] - before["flow_steps"]).max() > 1e-3


# === Cut for cached features ===


def test_training_the_head_trains_the_model(tmp_path):
    model, x = build(), clips(4)
    assert has_frozen_part(model)
    features, head = split(model)
    cached, before = predict(features, x), predict(model, x)
    assert {name: values.shape for name, values in cached.items()} == {
        "rgb_0": (4, 3, 8, 8, 32),
        "rgb_1": (4, 3, 4, 4, 64),
        "rgb_2": (4, 3, 64),
        "flow": (4, 5, 64),
    }
    assert head.output_names == model.output_names and list(head.output) == list(model.output)
    for key, values in predict(head, cached).items():
        np.testing.assert_allclose(values, before[key], atol=1e-6)

    loss = dict.fromkeys(["rgb_steps", "flow_steps"], keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    head.compile("adam", loss=loss, run_eagerly=True)
    head.fit(cached, {"rgb_steps": np.ones((4, 1)), "flow_steps": np.ones((4, 1))}, epochs=2, verbose=0)
    after = predict(head, cached)
    for key in ("rgb_steps", "flow_steps"):
        assert np.abs(after[key] - before[key]).max() > 1e-4
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert has_frozen_part(loaded)
    features, head = split(loaded)
    for whole in (model, loaded):
        for key, values in predict(whole, x).items():
            np.testing.assert_allclose(values, after[key], atol=1e-6)
    for key, values in predict(head, predict(features, x)).items():
        np.testing.assert_allclose(values, after[key], atol=1e-6)


def test_one_backbone_trained_whole_is_enough_to_keep_features_from_being_stored():
    model = build(rgb=LRCN(**TINY), flow=LRCN(**TINY, trainable_from="all"))
    assert not has_frozen_part(model)
    with pytest.raises(UserError, match="trainable_from"):
        split(model)
    features, head = cut(model)
    expected = predict(model, clips())
    for key, values in predict(head, predict(features, clips())).items():
        np.testing.assert_allclose(values, expected[key], atol=1e-6)


def test_coverage_penalty_of_a_part_counts_once():
    places = VisualAttention(**TINY, units=4, coverage=3.0)
    single = models.from_config(places, {"rgb": RGB}, 4)
    double = build(rgb=places, flow=FrameAverage(**TINY))
    single.set_weights(double.get_layer("rgb_backbone").get_weights() + double.get_layer("rgb_stream").get_weights())
    x, penalties = clips(), []
    for model in (single, double):
        model({stream: x[stream] for stream in model.input})
        penalties.append([float(value) for value in model.losses])
    np.testing.assert_allclose(penalties[1], penalties[0], rtol=1e-5)
    assert len(penalties[0]) == 1 and penalties[0][0] > 0


# === Settings ===


def test_parts_by_name_and_default():
    model = models.build("two_stream", dict.fromkeys(("rgb", "flow"), RGB), 3, rgb=FrameAverage(**TINY), flow=LRCN(**TINY))
    assert model.get_layer("flow_stream").get_layer("lstm")
    assert TwoStream().rgb == TwoStream().flow == LRCN()
    with pytest.raises(UserError, match="No model is called 'lrcm'. Did you mean lrcn"):
        models.build("two_stream", rgb="lrcm")
    with pytest.raises(UserError, match="mobilenet_v2 needs frames of at least 32 x 32"):
        # The name stands for the model's defaults, MobileNetV2 with ImageNet weights, which needs 32 x 32.
        models.build("two_stream", dict.fromkeys(("rgb", "flow"), (4, 16, 16, 3)), 3, rgb="lrcn", flow="lrcn")


def test_properties_come_from_the_parts():
    fixed = ShortSnippetsPooling(**TINY, variant="local")
    time = ShortSnippetsPooling(**TINY, variant="time_domain", tap="map")
    bidirectional = LRCN(**TINY, bidirectional=True)
    assert TwoStream(LRCN(), LRCN()).causal and TwoStream(LRCN(), LRCN()).any_length
    assert not TwoStream(LRCN(), bidirectional).causal and not TwoStream(bidirectional, LRCN()).causal
    assert not TwoStream(fixed, LRCN()).any_length and not TwoStream(LRCN(), fixed).any_length
    assert TwoStream(LRCN(), time).least_frames == 1 and TwoStream(time, time).least_frames == time.least_frames == 10


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ({"rgb": RGB}, "needs rgb and flow .--data.stream both.. Received: rgb"),
        ({"rgb": RGB, "flow": (9, 32, 32, 3)}, "at least 10 frames. Received: 9 frames of flow"),
        ({"rgb": RGB, "flow": (10, None, 32, 3)}, "frames or None, height, width"),
    ],
)
def test_streams_are_checked_each(streams, message):
    model = TwoStream(LRCN(**TINY), ShortSnippetsPooling(**TINY, variant="time_domain", tap="map"))
    with pytest.raises(UserError, match=message):
        models.from_config(model, streams, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fusion": (-1.0, 2.0)}, "--model.fusion 1 2.*Received: .-1.0, 2.0"),
        ({"fusion": (0.0, 0.0)}, "one of them above 0"),
        ({"fusion": (float("nan"), 1.0)}, "two weights"),
        ({"fusion": (1.0,)}, "two weights"),
        ({"rgb": TwoStream()}, "recogniser of one stream. Received: rgb=two_stream"),
        ({"flow": Model()}, "recogniser of one stream. Received: flow="),
        ({"flow": LRCN}, "recogniser of one stream. Received: flow="),
    ],
)
def test_errors(settings, message):
    with pytest.raises(UserError, match=message):
        TwoStream(**settings)


def test_a_model_of_one_stream_points_here():
    with pytest.raises(UserError, match="lrcn takes one stream, rgb or flow. Received: rgb, flow. two_stream takes both"):
        models.build("lrcn", {"rgb": RGB, "flow": FLOW}, **TINY)


def test_an_experiment_gives_each_stream_its_length():
    local = ShortSnippetsPooling(**TINY, variant="local", window=2, stride=1)
    data = Data(stream="both", frames=4, flow=Flow(frames=7), resize=(32, 32), crop=(32, 32))

    def shapes(rgb, flow):
        model = models.for_experiment(Experiment("x", data, TwoStream(rgb, flow)), 3)
        return {stream: tensor.shape[1] for stream, tensor in model.input.items()}

    assert shapes(local, local) == {"rgb": 4, "flow": 7}
    assert shapes(LRCN(**TINY), local) == {"rgb": None, "flow": 7}


def test_untrained_reaches_the_parts():
    model = TwoStream(LRCN(units=3), ShortSnippetsLSTM(weights="file.keras"), (1.0, 2.0))
    assert models.untrained(model) == TwoStream(LRCN(units=3, weights=None), ShortSnippetsLSTM(weights=None), (1.0, 2.0))
