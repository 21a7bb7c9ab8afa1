"""MultiLSTM: the paper's systems, parameters, equations, causality and training."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
from equations import sigmoid
from variants import weightless

from videorec import models
from videorec.config import UserError
from videorec.models.multi_lstm import MultiLSTM

UNITS, WINDOW, CLASSES, TIME = 5, 3, 4, 7
TINY = MultiLSTM(backbone="tiny", tap="fc", weights=None, units=UNITS, window=WINDOW, attention_units=6)
SYSTEMS = {
    "LSTM": {"inputs": "single", "outputs": "single"},
    "LSTM+i": {"inputs": "window", "outputs": "single"},
    "LSTM+i+a": {"inputs": "attention", "outputs": "single"},
    "MultiLSTM": {},
    "dot": {"score": "dot", "output_weights": "distance"},
    "LSTM+o": {"inputs": "single"},
}
systems = pytest.mark.parametrize("system", SYSTEMS)
CLIPS = np.random.default_rng(0).integers(0, 256, (2, TIME, 32, 32, 3)).astype("uint8")


def build(system, **changes):
    settings = dataclasses.replace(TINY, **SYSTEMS[system] | changes)
    return settings.build({"rgb": (None, 32, 32, 3)}, CLASSES)


shared = functools.cache(build)  # for tests that leave the weights as they are


def predict(model, clips=CLIPS):
    return {name: np.asarray(x) for name, x in model({"rgb": clips}).items()}


# === Parameters after 4,096 features, 65 classes ===


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("LSTM", 9_439_232 + 33_345),
        ("LSTM+i", 9_439_232 + 33_345),
        ("LSTM+i+a", 9_439_232 + 460_900 + 33_345),
        ("MultiLSTM", 10_400_307),
    ],
)
def test_parameters_of_the_paper(system, expected):
    # As many features as VGG-16's fc7: the map of 8 x 8 x 64 of a small network.
    settings = MultiLSTM(backbone="tiny", tap="map", weights=None, **SYSTEMS[system])
    with weightless():
        model = settings.build({"rgb": (None, 64, 64, 3)}, 65)
    assert model.get_layer("flatten_map").output.shape == (None, None, 4096)
    assert model.count_params() - model.get_layer("rgb_backbone").count_params() == expected
    if system == "MultiLSTM":
        assert model.get_layer("predictions").count_params() == 500_175


# === Equations ===


def by_hand(model, settings, clips):
    """Logits of every frame, and the coefficients, by loops over the steps of each clip."""
    cnn, lstm = model.get_layer("rgb_backbone").layer, model.get_layer("lstm")
    kernel, recurrent, bias = (np.asarray(getattr(lstm.cell, n)) for n in ("kernel", "recurrent_kernel", "bias"))
    multiple = settings.outputs == "multiple"
    weight, offset = model.get_layer("predictions" if multiple else "steps").get_weights()
    logits, alphas = [], []
    for clip in clips:
        features = np.asarray(cnn(clip))
        h, c = np.zeros(UNITS), np.zeros(UNITS)
        total, share, partial = np.zeros((len(clip), CLASSES)), np.zeros((len(clip), 1)), []
        for t in range(len(clip)):
            seen = features[max(t - WINDOW + 1, 0) : t + 1] if settings.inputs != "single" else features[t : t + 1]
            scores = np.zeros(len(seen))
            if settings.inputs == "attention" and settings.score == "product":
                query = np.tanh(h @ np.asarray(lstm.cell.query_kernel))
                scores = (query * np.tanh(seen @ np.asarray(lstm.cell.key_kernel))) @ np.asarray(lstm.cell.score_kernel)
            elif settings.inputs == "attention":
                scores = seen @ (np.asarray(lstm.cell.query_kernel).T @ h)
            alpha = np.exp(scores) / np.exp(scores).sum()
            alphas.append(np.pad(alpha, (WINDOW - len(alpha), 0)))
            i, f, g, o = np.split(alpha @ seen @ kernel + h @ recurrent + bias, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            predictions = (h @ weight + offset).reshape(-1, CLASSES)
            for distance, prediction in enumerate(predictions[::-1]):
                if t - distance >= 0:
                    w = (WINDOW - distance) / WINDOW if settings.output_weights == "distance" else 1.0
                    total[t - distance] += w * prediction
                    share[t - distance] += w
            partial.append(predictions[-1])
        logits.append((total / share, np.stack(partial)))
    steps, partials = (np.stack(x) for x in zip(*logits, strict=True))
    return steps, partials, np.reshape(alphas, (*clips.shape[:2], WINDOW))


@systems
def test_equals_numpy(system):
    settings = dataclasses.replace(TINY, **SYSTEMS[system])
    model = build(system)
    for name in ("lstm", "predictions" if settings.outputs == "multiple" else "steps"):
        layer = model.get_layer(name)
        rng = np.random.default_rng(1)
        layer.set_weights([rng.normal(scale=0.7, size=w.shape) for w in layer.get_weights()])
    steps, partial, attention = by_hand(model, settings, CLIPS)
    got = predict(model)
    expected = {"steps": steps, "probabilities": sigmoid(steps)}
    if settings.outputs == "multiple":
        expected["partial_steps"] = partial
        assert not np.allclose(partial[:, :-1], steps[:, :-1], atol=1e-3)
    if settings.inputs == "attention":
        expected["attention"] = attention
    assert set(got) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, atol=2e-5, err_msg=name)


@systems
def test_causality_is_as_stated(system):
    settings, model = dataclasses.replace(TINY, **SYSTEMS[system]), shared(system)
    changed = CLIPS.copy()
    changed[:, 4] = 255 - changed[:, 4]
    before, after = predict(model), predict(model, changed)
    first = {name: np.flatnonzero(np.abs(before[name] - after[name]).max(axis=(0, 2)) > 1e-7)[0] for name in before}
    assert first["steps"] == first["probabilities"] == 4 - settings.delay
    assert settings.causal == (settings.delay == 0)
    if settings.outputs == "multiple":
        assert settings.delay == WINDOW - 1 and first["partial_steps"] == 4
    if settings.inputs == "attention":
        assert first["attention"] >= 4


def test_differences_from_the_mean_are_not_causal():
    assert not dataclasses.replace(TINY, outputs="single", differences=("mean",)).causal


@pytest.mark.parametrize("system", ["LSTM+i", "LSTM+i+a", "MultiLSTM", "dot"])
def test_frame_by_frame(system):
    """A stream through the cells: what is known at once, and the complete logits N - 1 frames later."""
    settings, model = dataclasses.replace(TINY, **SYSTEMS[system]), shared(system)
    whole, cnn, lstm = predict(model), model.get_layer("rgb_backbone").layer, model.get_layer("lstm").cell
    states = lstm.get_initial_state(2)
    if settings.outputs == "multiple":
        average = model.get_layer("steps").cell
        sums = average.get_initial_state(2)
    for t in range(TIME):
        h, states = lstm(cnn(CLIPS[:, t]), states)
        if settings.inputs == "attention":
            h, coefficients = h
            np.testing.assert_allclose(coefficients, whole["attention"][:, t], atol=1e-6)
        if settings.outputs == "single":
            np.testing.assert_allclose(model.get_layer("steps")(h), whole["steps"][:, t], atol=1e-5)
            continue
        predictions = keras.ops.reshape(model.get_layer("predictions")(h), (2, WINDOW, CLASSES))
        np.testing.assert_allclose(predictions[:, -1], whole["partial_steps"][:, t], atol=1e-5)
        logits, sums = average(predictions, sums)
        if t >= settings.delay:
            np.testing.assert_allclose(logits, whole["steps"][:, t - settings.delay], atol=1e-5)


# === Training, and what is refused ===


def test_learns_which_frames_are_bright():
    # Two classes of their own: a bright top half, a bright left half; none, one or both in a frame.
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 2, (16, 4, 2)), 3, axis=1)  # (B, T, 2), runs of 3 frames
    clips = rng.integers(0, 50, (16, 12, 16, 16, 3))
    clips[:, :, :8] += 100 * labels[:, :, 0, None, None, None]
    clips[:, :, :, :8] += 100 * labels[:, :, 1, None, None, None]
    keras.utils.set_random_seed(0)
    settings = dataclasses.replace(TINY, units=16, trainable_from="all", dropout=0.0)
    model = settings.build({"rgb": (None, 16, 16, 3)}, 2)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, 20 * 2)
    model.compile(keras.optimizers.Adam(rate), {"steps": keras.losses.BinaryCrossentropy(from_logits=True)})
    x, y = {"rgb": clips.astype("uint8")}, {"steps": labels.astype("float32")}
    history = model.fit(x, y, epochs=20, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]  # of ten seeds: 0.37 to 0.56
    assert ((predict(model, x["rgb"])["probabilities"] > 0.5) == labels).mean() > 0.8  # 0.94 to 1


@pytest.mark.parametrize("change", [{"units": 0}, {"window": 0}, {"attention_units": -1}])
def test_settings_are_checked(change):
    with pytest.raises(UserError, match=rf"{next(iter(change))} must be 1 or more"):
        models.build("multi_lstm", backbone="tiny", tap="fc", weights=None, **change)


def test_one_stream_only():
    with pytest.raises(UserError, match="one stream"):
        TINY.build({"rgb": (4, 32, 32, 3), "flow": (4, 32, 32, 3)}, CLASSES)
