"""Each paper's parameter counts, and what sets its model apart from the others."""

import keras
import numpy as np
import pytest
from equations import sigmoid
from variants import build, shared, weightless

from videorec import models
from videorec.models.backbones.tiny import TINY
from videorec.models.lrcn import LRCN

FRAMES = {"rgb": (30, 224, 224, 3)}
PLACES_7X7X1024 = {"backbone": "mobilenet", "weights": None}  # the shape of GoogLeNet's last map


def head_parameters(name, streams, classes, **settings) -> int:
    with weightless():
        model = models.build(name, streams, classes, **settings)
        return model.count_params() - model.get_layer("rgb_backbone").count_params()


def submodel(model, *names):
    """Outputs of layers, by name, in a call on the model's inputs."""
    return keras.Model(model.input, {name: model.get_layer(name).output for name in names})


def run(model, x):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(x, training=False))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def clips(batch=2, time=5):
    return {"rgb": np.random.default_rng(0).integers(0, 256, (batch, time, 32, 32, 3)).astype("uint8")}


def scaled(model, factor):
    """With larger weights: steps that differ."""
    model.set_weights([factor * w for w in model.get_weights()])
    return model


# === Frame average ===


def test_frame_average_classifies_the_mean_feature_and_is_blind_to_order():
    model, x = shared("frame_average"), clips()["rgb"]
    got, cnn = run(model, {"rgb": x}), model.get_layer("rgb_backbone").layer
    feature = np.mean([np.asarray(cnn(x[:, t])) for t in range(5)], axis=0)
    (a, b), (c, d) = (model.get_layer(name).get_weights() for name in ("hidden", "steps"))
    logits = np.maximum(feature @ a + b, 0) @ c + d
    np.testing.assert_allclose(got["steps"][:, 0], logits, atol=1e-5)
    np.testing.assert_allclose(got["probabilities"], softmax(logits), atol=1e-5)
    np.testing.assert_allclose(run(model, {"rgb": x[:, ::-1]})["steps"], got["steps"], atol=1e-5)


# === LRCN ===


@pytest.mark.parametrize(
    "stream, units, total, lstm", [("rgb", 256, 65_421_285, 4_457_472), ("flow", 1024, 82_016_997, 20_975_616)]
)
def test_lrcn_counts(stream, units, total, lstm):
    paper = LRCN(backbone="caffenet_hybrid", tap="fc", weights=None, units=units)
    with weightless():
        model = paper.build({stream: (16, 227, 227, 3)}, 101)
    assert model.count_params() == total
    assert model.get_layer("lstm").count_params() == lstm
    assert model.get_layer(f"{stream}_backbone").count_params() == 60_937_856


def test_lrcn_starts_as_in_the_paper():
    kernel, recurrent, bias = build("lrcn", uniform_init=0.01, units=64).get_layer("lstm").get_weights()
    for weight in (kernel, recurrent):
        assert 0.009 < np.abs(weight).max() <= 0.01
    assert not np.array_equal(kernel, recurrent) and np.all(bias == 0)


def test_lrcn_equals_numpy():
    model, x = shared("lrcn"), clips(2, 3)["rgb"]
    got = run(model, {"rgb": x})
    kernel, recurrent, bias = model.get_layer("lstm").get_weights()
    weight, offset = model.get_layer("steps").get_weights()
    cnn = model.get_layer("rgb_backbone").layer
    h = c = np.zeros((2, 8))
    steps = []
    for t in range(3):
        i, f, g, o = np.split(np.asarray(cnn(x[:, t])) @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h @ weight + offset)
    steps = np.stack(steps, axis=1)
    np.testing.assert_allclose(got["steps"], steps, atol=1e-5)
    np.testing.assert_allclose(got["probabilities"], softmax(steps).mean(axis=1), atol=1e-5)


def test_a_map_is_flattened_for_lrcn():
    model = models.build("lrcn", {"rgb": (None, 32, 48, 3)}, classes=4, **TINY | {"tap": "map"})
    assert model.get_layer("lstm").input.shape == (None, None, 4 * 6 * 64)


def test_a_backbone_from_the_file_of_a_trained_model(tmp_path):
    # The paper's LSTM network starts from the single-frame network.
    start = shared("frame_average")
    start.save(tmp_path / "model.keras")
    model = build("lrcn", weights=str(tmp_path / "model.keras"))
    ours, theirs = (m.get_layer("rgb_backbone").get_weights() for m in (model, start))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


# === Beyond Short Snippets: LSTM ===


@pytest.mark.parametrize(
    "classes, settings, parameters",
    [
        (487, {"tap": "pooled", "peephole": "diagonal"}, 11_802_087),
        (101, {"tap": "pooled", "peephole": "diagonal"}, 11_604_069),
        (487, {"tap": "pooled", "peephole": None}, 11_794_407),
        (101, {"tap": "pooled", "peephole": None}, 11_596_389),
        (101, {"backbone": "caffenet", "tap": "fc"}, 17_895_525),  # on 4096 features
    ],
)
def test_short_snippets_lstm_counts(classes, settings, parameters):
    assert head_parameters("short_snippets_lstm", FRAMES, classes, **PLACES_7X7X1024 | settings) == parameters


@pytest.mark.parametrize("aggregation", ["last", "max", "sum", "weighted"])
def test_short_snippets_lstm_aggregates(aggregation):
    out = run(scaled(build("short_snippets_lstm", aggregation=aggregation), 20), clips(2, 4))
    p = softmax(out["steps"])  # (B, T, C)
    gains = np.array([0, 1 / 3, 2 / 3, 1])[:, None]
    by_hand = {"last": p[:, -1], "max": p.max(1), "sum": p.sum(1), "weighted": (gains * p).sum(1)}[aggregation]
    np.testing.assert_allclose(out["probabilities"], by_hand / by_hand.sum(-1, keepdims=True), atol=1e-5)


# === Beyond Short Snippets: pooling ===


@pytest.mark.parametrize("frames, windows, parameters", [(30, 5, 9_974_247), (120, 23, 45_879_783)])
def test_local_pooling_has_a_softmax_over_all_windows(frames, windows, parameters):
    settings = {**PLACES_7X7X1024, "tap": "pooled", "variant": "local"}
    with weightless():
        model = models.build("short_snippets_pooling", {"rgb": (frames, 32, 32, 3)}, 487, **settings)
    assert model.get_layer("pool_windows").output.shape == (None, windows, 1024)
    assert model.get_layer("steps").count_params() == parameters


def test_time_domain_convolution():
    settings = {**PLACES_7X7X1024, "variant": "time_domain", "hidden": 8}
    with weightless():
        model = models.build("short_snippets_pooling", FRAMES, 101, **settings)
    convolution = model.get_layer("time_convolution")
    assert convolution.count_params() == 23_593_216  # 256 kernels of 10 x 3 x 3 x 1024, and biases
    assert convolution.output.shape == (None, 5, 7, 7, 256)


def test_lecture_form_of_the_time_domain_convolution_reduces_channels_only():
    model = build("short_snippets_pooling-time", kernel=(1, 1, 1))
    out = run(submodel(model, "rgb_backbone", "time_convolution", "pool"), clips())
    kernel, bias = model.get_layer("time_convolution").get_weights()
    by_hand = np.maximum(out["rgb_backbone"] @ kernel[0, 0, 0] + bias, 0)
    np.testing.assert_allclose(out["time_convolution"], by_hand, atol=1e-4)
    np.testing.assert_allclose(out["pool"], by_hand.max(1), atol=1e-4)


def test_pooling_is_blind_to_order_and_takes_the_maximum():
    model, x = shared("short_snippets_pooling"), clips()
    out = run(submodel(model, "rgb_backbone", "pool"), x)
    np.testing.assert_array_equal(out["pool"], out["rgb_backbone"].max(1))
    shuffled = run(model, {"rgb": x["rgb"][:, ::-1]})["probabilities"]
    np.testing.assert_allclose(run(model, x)["probabilities"], shuffled, atol=1e-6)


# === GRU-RCN ===


def test_gru_rcn_on_vgg16():
    settings = {"backbone": "vgg16", "tap": "fc", "weights": None}
    with weightless():
        model = models.build("gru_rcn", {"rgb": (10, 224, 224, 3)}, 101, **settings)
    taps = [x.shape[2:] for x in model.get_layer("rgb_backbone").output]
    assert taps == [(56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512), (4096,)]
    assert model.count_params() - model.get_layer("rgb_backbone").count_params() == 19_476_921


@pytest.mark.parametrize("case", ["gru_rcn", "gru_rcn-stacked"])
def test_gru_rcn_averages_the_softmaxes(case):
    model = scaled(build(case), 2)
    logits = run(submodel(model, *(f"level{k}_logits" for k in range(1, 5))), clips())
    mean = np.mean([softmax(x) for x in logits.values()], axis=0)
    out = run(model, clips())
    np.testing.assert_allclose(out["probabilities"], mean, atol=1e-5)
    np.testing.assert_allclose(out["steps"][:, 0], np.log(mean), atol=1e-4)


# === Attention ===


def test_attention_lstm_looks_up_by_dot_product():
    out = run(submodel(shared("attention_lstm"), "lstm", "context_and_state", "attention"), clips())
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
    with weightless():
        model = models.build("visual_attention", FRAMES, classes, **PLACES_7X7X1024, **settings)
    assert model.output["attention"].shape == (None, 30, 49)
    assert model.count_params() - model.get_layer("rgb_backbone").count_params() == parameters


def test_visual_attention_pays_for_what_it_never_looks_at():
    model = build("visual_attention-location", coverage=2.5)
    attention = run(model, clips())["attention"]  # (B, T, 16)
    by_hand = 2.5 * np.mean(((1 - attention.sum(1)) ** 2).sum(-1))
    assert float(sum(model.losses)) == pytest.approx(by_hand, rel=1e-5)
    assert not build("visual_attention-location", coverage=0.0).losses


# === Peepholes and Keras's layer ===


def test_conv_lstm_without_peepholes_is_keras_layer():
    assert isinstance(shared("conv_lstm").get_layer("conv_lstm1"), keras.layers.ConvLSTM2D)


@pytest.mark.parametrize("peephole, parameters", [(None, 0), ("channel", 3 * 4), ("spatial", 3 * 4 * 4 * 4)])
def test_conv_lstm_peepholes(peephole, parameters):
    model = build("conv_lstm-channel", reduce=None, peephole=peephole)
    assert model.get_layer("conv_lstm1").count_params() == 4 * 4 * (64 + 4) * 9 + 4 * 4 + parameters


def test_fc_lstm_counts():
    own = {"units": 512, "layers": 1, **PLACES_7X7X1024, "tap": "pooled"}
    counts = [head_parameters("fc_lstm", FRAMES, 101, peephole=form, **own) for form in (None, "diagonal", "full")]
    plain = 4 * 512 * (1024 + 512) + 4 * 512 + 512 * 101 + 101
    assert counts == [plain, plain + 3 * 512, plain + 3 * 512 * 512]
