"""Each paper's parameter counts and what sets its model apart from the others."""

import keras
import numpy as np
import pytest
from variants import build

from videorec import models

FRAMES = {"rgb": (30, 224, 224, 3)}
PLACES_7X7X1024 = {"backbone": "mobilenet", "weights": None}  # the shape of GoogLeNet's last map


def head_parameters(model) -> int:
    return model.count_params() - model.get_layer("rgb_backbone").count_params()


def submodel(model, *names):
    """Outputs of layers, by name, in a call on the model's inputs."""
    return keras.Model(model.input, {name: model.get_layer(name).output for name in names})


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def clips(batch=2, time=5):
    return {"rgb": np.random.default_rng(0).integers(0, 256, (batch, time, 32, 32, 3)).astype("uint8")}


# === Beyond Short Snippets: LSTM ===


@pytest.mark.parametrize(
    "classes, peephole, parameters",
    [
        (487, "diagonal", 11_802_087),
        (101, "diagonal", 11_604_069),
        (487, None, 11_794_407),
        (101, None, 11_596_389),
    ],
)
def test_short_snippets_lstm_on_1024_features(classes, peephole, parameters):
    settings = {**PLACES_7X7X1024, "tap": "pooled", "peephole": peephole}
    assert head_parameters(models.build("short_snippets_lstm", FRAMES, classes, **settings)) == parameters


def test_short_snippets_lstm_on_4096_features():
    settings = {"backbone": "caffenet", "tap": "fc", "weights": None}
    assert head_parameters(models.build("short_snippets_lstm", FRAMES, 101, **settings)) == 17_895_525


@pytest.mark.parametrize("aggregation", ["last", "max", "sum", "weighted"])
def test_short_snippets_lstm_aggregates(aggregation):
    model = build("short_snippets_lstm", aggregation=aggregation)
    model.set_weights([20 * w for w in model.get_weights()])  # steps that differ
    out = model.predict(clips(2, 4), verbose=0)
    p = softmax(out["steps"])  # (B, T, C)
    gains = np.array([0, 1 / 3, 2 / 3, 1])[:, None]
    by_hand = {"last": p[:, -1], "max": p.max(1), "sum": p.sum(1), "weighted": (gains * p).sum(1)}[aggregation]
    np.testing.assert_allclose(out["probabilities"], by_hand / by_hand.sum(-1, keepdims=True), atol=1e-5)


# === Beyond Short Snippets: pooling ===


@pytest.mark.parametrize("frames, windows, parameters", [(30, 5, 9_974_247), (120, 23, 45_879_783)])
def test_local_pooling_has_a_softmax_over_all_windows(frames, windows, parameters):
    settings = {**PLACES_7X7X1024, "tap": "pooled", "variant": "local"}
    model = models.build("short_snippets_pooling", {"rgb": (frames, 32, 32, 3)}, 487, **settings)
    assert model.get_layer("pool_windows").output.shape == (None, windows, 1024)
    assert model.get_layer("steps").count_params() == parameters


def test_time_domain_convolution():
    settings = {**PLACES_7X7X1024, "variant": "time_domain", "hidden": 8}
    model = models.build("short_snippets_pooling", FRAMES, 101, **settings)
    convolution = model.get_layer("time_convolution")
    assert convolution.count_params() == 23_593_216  # 256 kernels of 10 x 3 x 3 x 1024, and biases
    assert convolution.output.shape == (None, 5, 7, 7, 256)


def test_lecture_form_of_the_time_domain_convolution_reduces_channels_only():
    model = build("short_snippets_pooling-time", kernel=(1, 1, 1))
    parts = submodel(model, "rgb_backbone", "time_convolution", "pool")
    out = parts.predict(clips(), verbose=0)
    kernel, bias = model.get_layer("time_convolution").get_weights()
    by_hand = np.maximum(out["rgb_backbone"] @ kernel[0, 0, 0] + bias, 0)
    np.testing.assert_allclose(out["time_convolution"], by_hand, atol=1e-4)
    np.testing.assert_allclose(out["pool"], by_hand.max(1), atol=1e-4)


def test_pooling_is_blind_to_order_and_takes_the_maximum():
    model, x = build("short_snippets_pooling"), clips()
    out = submodel(model, "rgb_backbone", "pool").predict(x, verbose=0)
    np.testing.assert_array_equal(out["pool"], out["rgb_backbone"].max(1))
    shuffled = model.predict({"rgb": x["rgb"][:, ::-1]}, verbose=0)["probabilities"]
    np.testing.assert_allclose(model.predict(x, verbose=0)["probabilities"], shuffled, atol=1e-6)


# === GRU-RCN ===


def test_gru_rcn_on_vgg16():
    model = models.build("gru_rcn", {"rgb": (10, 224, 224, 3)}, 101, backbone="vgg16", tap="fc", weights=None)
    assert [x.shape[2:] for x in model.get_layer("rgb_backbone").output] == [
        (56, 56, 128),
        (28, 28, 256),
        (14, 14, 512),
        (7, 7, 512),
        (4096,),
    ]
    assert head_parameters(model) == 19_476_921


@pytest.mark.parametrize("case", ["gru_rcn", "gru_rcn-stacked"])
def test_gru_rcn_averages_the_softmaxes(case):
    model = build(case)
    model.set_weights([2 * w for w in model.get_weights()])
    logits = submodel(model, *(f"level{k}_logits" for k in range(1, 5))).predict(clips(), verbose=0)
    mean = np.mean([softmax(x) for x in logits.values()], axis=0)
    out = model.predict(clips(), verbose=0)
    np.testing.assert_allclose(out["probabilities"], mean, atol=1e-5)
    np.testing.assert_allclose(out["steps"][:, 0], np.log(mean), atol=1e-4)


# === Attention ===


def test_attention_lstm_looks_up_by_dot_product():
    model = build("attention_lstm")
    parts = submodel(model, "lstm", "context_and_state", "attention")
    out = keras.tree.map_structure(keras.ops.convert_to_numpy, parts(clips()))
    states, last, _ = out["lstm"]
    np.testing.assert_array_equal(states[:, -1], last)
    alpha = softmax((states * last[:, None]).sum(-1))
    np.testing.assert_allclose(out["attention"], alpha, atol=1e-5)
    np.testing.assert_allclose(out["context_and_state"][:, :8], (alpha[..., None] * states).sum(1), atol=1e-5)


@pytest.mark.parametrize(
    "classes, settings, parameters",
    [
        (11, {}, 6_040_588),
        (12, {}, 6_041_101),
        (51, {"units": 1024, "attention_layers": 3}, 15_792_180),
        (51, {"units": 1024}, 13_692_980),
        (11, {"score": "location", "layers": 3}, 10_788_363),
        (11, {"score": "location", "layers": 3, "shared_initial_state": True}, 8_689_163),
    ],
    ids=["code UCF-11", "code Hollywood2", "code HMDB-51", "one attention layer", "paper UCF-11", "paper, shared state"],
)
def test_visual_attention_counts(classes, settings, parameters):
    model = models.build("visual_attention", FRAMES, classes, **PLACES_7X7X1024, **settings)
    assert model.output["attention"].shape == (None, 30, 49)
    assert head_parameters(model) == parameters


def test_visual_attention_pays_for_what_it_never_looks_at():
    model = build("visual_attention-location", coverage=2.5)
    attention = keras.ops.convert_to_numpy(model(clips())["attention"])  # (B, T, 16)
    by_hand = 2.5 * np.mean(((1 - attention.sum(1)) ** 2).sum(-1))
    assert float(sum(model.losses)) == pytest.approx(by_hand, rel=1e-5)
    assert not build("visual_attention-location", coverage=0.0).losses


# === Peepholes and Keras's layer ===


def test_conv_lstm_without_peepholes_is_keras_layer():
    assert isinstance(build("conv_lstm").get_layer("conv_lstm1"), keras.layers.ConvLSTM2D)


@pytest.mark.parametrize("peephole, parameters", [(None, 0), ("channel", 3 * 4), ("spatial", 3 * 4 * 4 * 4)])
def test_conv_lstm_peepholes(peephole, parameters):
    own = {"filters": (4,), "reduce": None, "bidirectional": False}
    model = build("conv_lstm-channel", **{**own, "peephole": peephole})
    assert model.get_layer("conv_lstm1").count_params() == 4 * 4 * (64 + 4) * 9 + 4 * 4 + parameters


def test_fc_lstm_counts():
    own = {"units": 512, "layers": 1, **PLACES_7X7X1024, "tap": "pooled"}
    counts = [
        head_parameters(models.build("fc_lstm", FRAMES, 101, peephole=form, **own)) for form in (None, "diagonal", "full")
    ]
    plain = 4 * 512 * (1024 + 512) + 4 * 512 + 512 * 101 + 101
    assert counts == [plain, plain + 3 * 512, plain + 3 * 512 * 512]
