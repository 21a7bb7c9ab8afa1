"""The outputs of every recogniser for several labels a clip, and of those with a step a frame for labels of every frame."""

import functools

import keras
import numpy as np
import pytest
from variants import CASES, CLASSES, FRAMES, RECOGNISERS, build, clips, parts, shared

from videorec import models
from videorec.config import UserError
from videorec.layers import MeanOfSigmoids
from videorec.models.backbones.tiny import TINY
from videorec.models.lrcn import LRCN
from videorec.models.split import split
from videorec.models.two_stream import TwoStream

DENSE = [case for case in RECOGNISERS if "dense" in CASES[case].targets]
MODES = {"short_snippets_lstm": "weighted", "short_snippets_lstm-max": "max"}  # of the other cases: mean
SHARES = {  # of the other models of several: half and half
    "two_stream-mixed": {"rgb": 1 / 3, "flow": 2 / 3},
    "ensemble": {"member1": 0.25, "member2": 0.75},
    "ensemble-frozen": {"member1": 0.4, "member2": 0.2, "member3": 0.4},
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype("float64")))


def aggregate(p, mode):
    """`(B, S, C)` to `(B, C)`, each class by itself."""
    if mode in ("last", "max"):
        return p[:, -1] if mode == "last" else p.max(axis=1)
    steps = p.shape[1]
    gains = np.linspace(0, 1, steps) if mode == "weighted" and steps > 1 else np.ones(steps)
    return np.tensordot(gains / gains.sum(), p, (0, 1))


@functools.cache
def learning(case, target):
    """The model of a case that learns another target, with the weights of the one that learns clips."""
    network = build(case, target=target)
    network.set_weights(shared(case).get_weights())
    return network


def predict(network, x):
    return {key: keras.ops.convert_to_numpy(value) for key, value in network(x, training=False).items()}


# === Several labels a clip ===


@pytest.mark.parametrize("case", RECOGNISERS)
def test_multilabel_outputs(case):
    plain, network = shared(case), learning(case, "multilabel")
    assert network.count_params() == plain.count_params()
    assert sorted(network.output_names) == sorted(network.output) == sorted(plain.output)
    x = clips(case, 2, FRAMES)
    before, after = predict(plain, x), predict(network, x)
    for stream, prefix, model in parts(case):
        steps, probabilities = after[f"{prefix}steps"], after[f"{prefix}probabilities"]
        if model.name != "gru_rcn":  # which averages its classifiers
            np.testing.assert_allclose(steps, before[f"{prefix}steps"], atol=1e-6)
        mode = MODES.get(case, "mean")
        np.testing.assert_allclose(probabilities, aggregate(sigmoid(steps), mode), atol=1e-6)
        assert np.abs(probabilities.sum(-1) - 1).max() > 1e-3
        inside = network if not prefix else network.get_layer(f"{stream}_stream" if prefix == f"{stream}_" else prefix[:-1])
        assert not [layer for layer in inside.layers if isinstance(layer, keras.layers.Softmax)]
        if f"{prefix}attention" in before:
            np.testing.assert_allclose(after[f"{prefix}attention"], before[f"{prefix}attention"], atol=1e-6)
    if len(parts(case)) > 1:
        shares = SHARES.get(case, {"rgb": 0.5, "flow": 0.5})
        expected = sum(share * after[f"{name}_probabilities"] for name, share in shares.items())
        np.testing.assert_allclose(after["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["mean", "last", "max", "weighted"])
def test_the_aggregation_is_the_models_own(mode):
    network = build("fc_lstm", target="multilabel", aggregation=mode)
    got = predict(network, clips("fc_lstm", 2, 5))
    np.testing.assert_allclose(got["probabilities"], aggregate(sigmoid(got["steps"]), mode), atol=1e-6)


def test_gru_rcn_averages_the_sigmoids_of_its_levels():
    network = learning("gru_rcn", "multilabel")
    levels = {f"level{level}_logits": network.get_layer(f"level{level}_logits").output for level in (1, 2, 3, 4)}
    x = clips("gru_rcn", 2, FRAMES)
    mean = np.mean([sigmoid(logits) for logits in predict(keras.Model(network.input, levels), x).values()], axis=0)
    got = predict(network, x)
    np.testing.assert_allclose(got["probabilities"], mean, atol=1e-6)
    np.testing.assert_allclose(got["steps"][:, 0], np.log(mean / (1 - mean)), atol=1e-5)


def test_mean_of_sigmoids_of_extreme_logits():
    """One classifier is sure, the other is not: log(0.5 (1 + 0.5)) and so on, where sigmoids themselves are 0 or 1."""
    logits = [np.array([[200.0, -200.0, 0.0, -200.0]]), np.array([[0.0, 0.0, 0.0, -190.0]])]
    got = MeanOfSigmoids()(logits)
    assert got.shape == (1, 1, 4)
    np.testing.assert_allclose(got[0, 0], [np.log(3), -np.log(3), 0, -190 - np.log(2)], rtol=1e-4, atol=1e-6)
    layer = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(MeanOfSigmoids(name="steps")))
    assert isinstance(layer, MeanOfSigmoids) and layer.name == "steps"


# === Labels of every frame ===


@pytest.mark.parametrize("case", DENSE)
def test_dense_outputs(case):
    plain, network = shared(case), learning(case, "dense")
    assert network.count_params() == plain.count_params()
    assert "step_probabilities" not in [layer.name for layer in network.layers]
    assert sorted(network.output) == sorted(plain.output)
    for batch, time in ((1, 1), (2, 5)):
        x = clips(case, batch, time)
        got = predict(network, x)
        assert got["steps"].shape == got["probabilities"].shape == (batch, time, CLASSES)
        np.testing.assert_allclose(got["probabilities"], sigmoid(got["steps"]), atol=1e-6)
        before = predict(plain, x)
        if case == "frame_average":  # blind to the other frames
            alone = [predict(plain, {"rgb": x["rgb"][:, t : t + 1]})["steps"] for t in range(time)]
            np.testing.assert_allclose(got["steps"], np.concatenate(alone, axis=1), atol=1e-5)
        else:
            np.testing.assert_allclose(got["steps"], before["steps"], atol=1e-6)
        if "attention" in before:
            np.testing.assert_allclose(got["attention"], before["attention"], atol=1e-6)


@pytest.mark.parametrize("case", DENSE)
def test_labels_of_a_frame_do_not_depend_on_later_ones(case):
    """Where the model says so; in both directions they do."""
    network = learning(case, "dense")
    x = clips(case, 2, 6)["rgb"]
    before = predict(network, {"rgb": x})
    after = predict(network, {"rgb": np.concatenate([x[:, :3], 255 - x[:, 3:]], axis=1)})
    for key in ("steps", "probabilities"):
        assert np.abs(after[key][:, 3:] - before[key][:, 3:]).max() > 1e-6
        if CASES[case].causal:
            np.testing.assert_array_equal(after[key][:, :3], before[key][:, :3])
        else:
            assert np.abs(after[key][:, :3] - before[key][:, :3]).max() > 1e-8


@pytest.mark.parametrize("case", ["lrcn", "multi_lstm", "frame_average"])
def test_one_class_at_every_frame(case):
    """`exclusive`: a softmax over the classes of each frame; the logits stay."""
    network, x = build(case, target="dense", exclusive=True), clips(case, 2, 5)
    network.set_weights(shared(case).get_weights())
    got, before = predict(network, x), predict(learning(case, "dense"), x)
    np.testing.assert_allclose(got["steps"], before["steps"], atol=1e-6)
    e = np.exp(got["steps"].astype(np.float64))
    np.testing.assert_allclose(got["probabilities"], e / e.sum(axis=-1, keepdims=True), atol=1e-6)


def test_multi_lstm_is_dense_as_built():
    got = predict(shared("multi_lstm"), clips("multi_lstm", 2, 5))
    assert got.keys() == {"steps", "partial_steps", "probabilities", "attention"}
    np.testing.assert_allclose(got["probabilities"], sigmoid(got["steps"]), atol=1e-6)


# === Use ===

TARGETS = [
    ("conv_lstm", "dense"),
    ("frame_average", "dense"),
    ("visual_attention-location", "dense"),
    ("gru_rcn", "multilabel"),
    ("short_snippets_lstm", "multilabel"),
    ("two_stream-mixed", "multilabel"),
]


@pytest.mark.parametrize(("case", "target"), TARGETS)
def test_saved_and_loaded(case, target, tmp_path):
    network, x = learning(case, target), clips(case, 2, FRAMES)
    network.save(tmp_path / "model.keras")
    loaded, expected = predict(keras.saving.load_model(tmp_path / "model.keras"), x), predict(network, x)
    assert loaded.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(loaded[key], value)


@pytest.mark.parametrize(("case", "target"), TARGETS)
def test_outputs_are_float32_under_mixed_precision(case, target):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = build(case, target=target)
    finally:
        keras.config.set_dtype_policy("float32")
    outputs = network(clips(case, 2, FRAMES))
    for key, value in outputs.items():
        assert network.output[key].dtype == keras.backend.standardize_dtype(value.dtype) == "float32", key
    for _, prefix, model in parts(case):
        got = {key: keras.ops.convert_to_numpy(outputs[f"{prefix}{key}"]) for key in ("steps", "probabilities")}
        p = sigmoid(got["steps"])
        expected = p if target == "dense" else aggregate(p, "weighted" if model.name == "short_snippets_lstm" else "mean")
        np.testing.assert_allclose(got["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize(("case", "target"), [("lrcn", "dense"), ("visual_attention", "multilabel")])
def test_the_head_alone_gives_the_same(case, target):
    network, x = build(case, target=target, trainable_from="none"), clips(case, 2, FRAMES)
    features, head = split(network)
    got, expected = predict(head, predict(features, x)), predict(network, x)
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, atol=1e-6)


# === Refusals ===

ABLE = "change_grid, conv_lstm, fc_lstm, frame_average, lrcn, multi_lstm, short_snippets_lstm, visual_attention can learn it"


@pytest.mark.parametrize("case", ["attention_lstm", "gru_rcn", "short_snippets_pooling", "two_stream"])
def test_dense_labels_need_a_step_a_frame(case):
    with pytest.raises(UserError, match=f"target dense needs an answer at every frame: {ABLE}. Received: {case.split('-')[0]}"):
        build(case, target="dense")


def test_a_target_that_is_not_the_models():
    streams = {"rgb": (4, 32, 32, 3)}
    with pytest.raises(UserError, match="multilabel is not what multi_lstm learns: attention_lstm, .*targets are dense"):
        models.build("multi_lstm", streams, **TINY, target="multilabel")
    with pytest.raises(UserError, match="target labels is not what lrcn learns: seq2seq_attention can"):
        models.build("lrcn", streams, **TINY, target="labels")


@pytest.mark.parametrize("target", ["clip", "multilabel"])
def test_the_parts_of_two_stream_have_its_target(target):
    with pytest.raises(UserError, match=f"learn its own target.* target={target}, flow.target=dense"):
        TwoStream(rgb=LRCN(**TINY), flow=LRCN(**TINY, target="dense"), target=target)
    same = TwoStream(rgb=LRCN(**TINY, units=4, target="multilabel"), flow=LRCN(**TINY, units=4), target="multilabel")
    network = models.from_config(same, dict.fromkeys(("rgb", "flow"), (2, 32, 32, 3)), CLASSES)
    got = predict(network, clips("two_stream", 1, 2))
    for stream in ("rgb", "flow"):
        mean = sigmoid(got[f"{stream}_steps"]).mean(axis=1)
        np.testing.assert_allclose(got[f"{stream}_probabilities"], mean, atol=1e-6)
