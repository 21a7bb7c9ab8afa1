"""`WindowAttentionLSTM` against the equations in NumPy, the parameter counts, and frame by frame."""

import numpy as np
import pytest
from equations import lstm
from layers import assert_close, built, by_steps, copied, numpy, random

from videorec.layers import WindowAttentionLSTM

BATCH, TIME, SIZE, UNITS, WINDOW, ATTENTION = 2, 6, 5, 4, 3, 7
FEATURES = random(BATCH, TIME, SIZE)
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1]], bool)
# name: (options, size of the features)
SCORES = {
    "product": ({"score": "product", "attention_units": ATTENTION}, SIZE),
    "dot": ({"score": "dot"}, UNITS),
    "dot-projected": ({"score": "dot"}, SIZE),
    "uniform": ({"score": "uniform"}, SIZE),
}
scores = pytest.mark.parametrize("score", SCORES)


def features(score):
    return FEATURES[..., : SCORES[score][1]]


def score_by_hand(cell, h, v):
    """Of one frame."""
    if cell.score == "uniform":
        return 0.0
    if cell.score == "dot":
        return h @ v if len(h) == len(v) else (numpy(cell.query_kernel).T @ h) @ v
    query, key = np.tanh(numpy(cell.query_kernel).T @ h), np.tanh(numpy(cell.key_kernel).T @ v)
    return numpy(cell.score_kernel) @ (query * key)


def by_hand(layer, x, mask=None, backwards=False):
    """Outputs `(B, T, units)`, coefficients `(B, T, N)`, last h and c, by a loop over clips, steps and frames."""
    cell = layer.cell
    kernel, recurrent, bias = numpy([cell.kernel, cell.recurrent_kernel, cell.bias])
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    outputs, coefficients = np.zeros((*x.shape[:2], cell.units)), np.zeros((*x.shape[:2], cell.window))
    last = []
    for b in range(len(x)):
        h, c, seen = np.zeros(cell.units), np.zeros(cell.units), []
        for position, t in enumerate(range(x.shape[1])[:: -1 if backwards else 1]):
            if mask[b, t]:
                seen.append(x[b, t].astype("float64"))
                frames = seen[-cell.window :]
                e = np.exp([score_by_hand(cell, h, v) for v in frames])
                alpha = e / e.sum()
                coefficients[b, position, cell.window - len(frames) :] = alpha
                y = sum(weight * v for weight, v in zip(alpha, frames, strict=True))
                h, c = lstm(y, h, c, kernel, recurrent, bias)
            outputs[b, position] = h
        last.append((h, c))
    return outputs, coefficients, [np.stack(s) for s in zip(*last, strict=True)]


def make(score="product", **options):
    """A built layer that returns all there is to return."""
    own, size = SCORES[score]
    options = {"return_sequences": True, "return_coefficients": True, "return_state": True, **own, **options}
    return built(WindowAttentionLSTM(UNITS, WINDOW, **options), (BATCH, TIME, size), scale=0.8)


def check(got, expected):
    outputs, coefficients, h, c, *_ = got
    assert_close([outputs, coefficients, [h, c]], list(expected))


@scores
def test_equals_numpy(score):
    layer = make(score)
    check(layer(features(score)), by_hand(layer, features(score)))


@scores
def test_coefficients_are_over_the_frames_there_are(score):
    coefficients = numpy(make(score)(features(score))[1])
    for t in range(TIME):
        there = min(WINDOW, t + 1)
        assert np.all(coefficients[:, t, : WINDOW - there] == 0)
        assert np.all(coefficients[:, t, WINDOW - there :] > 0)
    np.testing.assert_allclose(coefficients.sum(-1), 1, atol=1e-6)


def test_a_frame_counts_as_long_as_it_is_in_the_window():
    # All states forgotten (forget gate shut, no recurrent weights), no query: an output depends on its window alone.
    layer = make("uniform")
    layer.cell.recurrent_kernel.assign(np.zeros((UNITS, 4 * UNITS)))
    bias = np.zeros(4 * UNITS)
    bias[UNITS : 2 * UNITS] = -100
    layer.cell.bias.assign(bias)
    changed = FEATURES.copy()
    changed[:, 1] += 1
    differs = np.abs(numpy(layer(FEATURES)[0]) - numpy(layer(changed)[0])).max(axis=(0, 2)) > 1e-6
    assert differs.tolist() == [False, True, True, True, False, False]


@pytest.mark.parametrize("score, backwards", [("product", False), ("dot", True), ("uniform", True)])
def test_mask(score, backwards):
    layer = make(score, go_backwards=backwards)
    x = np.where(MASK[:, :, None], features(score), 1e3).astype("float32")  # masked steps hold anything
    expected = by_hand(layer, x, MASK, backwards)
    check(layer(x, mask=MASK), expected)
    last = copied(layer, x.shape, return_sequences=False)
    counts = [np.flatnonzero(m)[-1] for m in (MASK[:, ::-1] if backwards else MASK)]
    coefficients = np.stack([c[t] for c, t in zip(expected[1], counts, strict=True)])
    check(last(x, mask=MASK), (expected[0][:, -1], coefficients, expected[2]))


def test_nothing_left_by_the_mask():
    mask = np.array([[True] * TIME, [False] * TIME])
    outputs, coefficients, *states = numpy(make()(FEATURES, mask=mask))
    assert all(np.all(x[1] == 0) for x in (outputs, coefficients, *states)) and np.any(outputs[0] != 0)


# === Parameters ===


@pytest.mark.parametrize(
    ("options", "attention"),
    [
        ({"attention_units": 100}, 460_900),
        ({"attention_units": 512}, 2_359_808),
        ({"score": "dot"}, 512 * 4096),
        ({"score": "uniform"}, 0),
    ],
)
def test_parameters_on_4096_features(options, attention):
    layer = WindowAttentionLSTM(512, 15, kernel_initializer="zeros", recurrent_initializer="zeros", **options)
    layer.build((None, None, 4096))
    assert layer.count_params() == 9_439_232 + attention


def test_weights_have_the_documented_shapes():
    cell = make().cell
    assert cell.kernel.shape == (SIZE, 4 * UNITS) and cell.recurrent_kernel.shape == (UNITS, 4 * UNITS)
    assert cell.bias.shape == (4 * UNITS,) and cell.query_kernel.shape == (UNITS, ATTENTION)
    assert cell.key_kernel.shape == (SIZE, ATTENTION) and cell.score_kernel.shape == (ATTENTION,)
    assert make("dot").cell.query_kernel is None
    assert make("dot-projected").cell.query_kernel.shape == (UNITS, SIZE)


@scores
def test_frame_by_frame(score):
    layer, x = make(score), features(score)
    (outputs, coefficients), states = by_steps(layer.cell, x, layer.cell.get_initial_state(batch_size=BATCH))
    check([outputs, coefficients, *states], by_hand(layer, x))
    assert_close(states, layer(x)[2:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, "at least 1"),
        ({"window": 0}, "at least 1"),
        ({"attention_units": 0}, "at least 1"),
        ({"score": "additive"}, "score must be"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        WindowAttentionLSTM(**{"units": 4, **options})


def test_features_of_unknown_size():
    with pytest.raises(ValueError, match="known D"):
        WindowAttentionLSTM(4).build((2, 5, None))
