"""`SpatialAttentionLSTM` against the equations in NumPy, the published parameter counts, and frame by frame."""

import exports
import keras
import numpy as np
import pytest
from equations import lstm
from layers import assert_close, built, by_steps, copied, numpy, random

from videorec.layers import SpatialAttentionLSTM
from videorec.layers.spatial_attention_cell import FirstFrameStateCell, SpatialAttentionLSTMCell

BATCH, TIME, SIZE, UNITS = 2, 5, 6, 4
MAPS = random(BATCH, TIME, 2, 3, SIZE)  # (B, T, H, W, D)
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1]], bool)
SCORES = [
    {"score": "location"},
    {"score": "dot"},
    {"score": "additive"},
    {"score": "additive", "attention_units": 5, "attention_layers": 3},
]
scores = pytest.mark.parametrize("score", SCORES, ids=["location", "dot", "additive", "additive-3"])
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and files")


def weights_of(layer):
    return numpy(layer.weights)


def scores_by_hand(cell, regions, h):
    """The score of each of the K regions of one clip."""
    if cell.score == "location":
        return np.array([row @ h for row in numpy(cell.location_kernel).T])
    (w,) = weights_of(cell.query_projection)
    if cell.score == "dot":
        return np.array([x @ (w.T @ h) for x in regions])
    (u, c), affine = weights_of(cell.score_projection), [weights_of(p) for p in cell.feature_projections]
    scores = []
    for x in regions:
        p = x @ affine[0][0] + affine[0][1]
        for i, (kernel, bias) in enumerate(affine[1:], start=1):
            p = p @ kernel + bias
            if i < len(affine) - 1:
                p = np.tanh(p)
        scores.append(np.tanh(p + h @ w) @ u[:, 0] + c[0])
    return np.array(scores)


def initial_by_hand(cell, clip, mask, backwards=False):
    """h and c of every layer; `clip` `(T, K, D)`."""
    if cell.initial_state_from == "zeros":
        return [[np.zeros(cell.units), np.zeros(cell.units)] for _ in range(cell.layers)]
    seen = clip[mask][:: -1 if backwards else 1]
    mean = seen.mean(axis=(0, 1)) if cell.initial_state_from == "mean" else seen[0].mean(axis=0)
    pairs = [weights_of(p) for p in cell.state_projections]
    states = [np.tanh(mean @ kernel + bias) for kernel, bias in pairs]
    states = states * cell.layers if cell.shared_initial_state else states
    return [[states[2 * i], states[2 * i + 1]] for i in range(cell.layers)]


def by_hand(layer, x, mask=None, backwards=False, initial=None):
    """Outputs `(B, T, units)`, coefficients `(B, T, K)`, states, by a loop over clips, steps and layers."""
    cell = layer.cell
    x = x.reshape(*x.shape[:2], -1, x.shape[-1]).astype("float64")
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    outputs, coefficients, last = np.zeros((*x.shape[:2], cell.units)), np.zeros(x.shape[:3]), []
    for b in range(len(x)):
        states = initial_by_hand(cell, x[b], mask[b], backwards) if initial is None else list(initial[b])
        y = np.zeros(cell.units)
        for position, t in enumerate(range(x.shape[1])[:: -1 if backwards else 1]):
            if mask[b, t]:
                e = np.exp(scores_by_hand(cell, x[b, t], states[cell.query_layer][0]))
                coefficients[b, position] = e / e.sum()
                y = sum(weight * region for weight, region in zip(coefficients[b, position], x[b, t], strict=True))
                for k, layer in enumerate(cell.cells):
                    states[k] = lstm(y, *states[k], *weights_of(layer))
                    y = states[k][0]
            outputs[b, position] = y
        last.append([s for pair in states for s in pair])
    return outputs, coefficients, [np.stack(s) for s in zip(*last, strict=True)]


def all_outputs(**options):
    layer = SpatialAttentionLSTM(UNITS, **options, return_sequences=True, return_coefficients=True, return_state=True)
    return built(layer, MAPS.shape, scale=0.7)


def check(got, expected, tolerance=1e-5):
    outputs, coefficients, *states = got
    assert_close([outputs, coefficients, states], list(expected), atol=tolerance)


@pytest.mark.parametrize("layers, start", [(2, "mean"), (1, "first_frame")])
@scores
def test_equals_numpy(score, layers, start):
    layer = all_outputs(**score, layers=layers, initial_state_from=start)
    check(layer(MAPS), by_hand(layer, MAPS))


@pytest.mark.parametrize("query_layer", [0, 1, -1])
def test_query_layer_and_shared_initial_state(query_layer):
    layer = all_outputs(layers=3, query_layer=query_layer, shared_initial_state=True)
    check(layer(MAPS), by_hand(layer, MAPS))


@pytest.mark.parametrize("start, backwards", [("mean", False), ("mean", True), ("first_frame", False), ("first_frame", True)])
def test_mask(start, backwards):
    layer = all_outputs(score="additive", layers=2, initial_state_from=start, go_backwards=backwards, unroll=start == "mean")
    expected = by_hand(layer, MAPS, MASK, backwards)
    check(layer(MAPS, mask=MASK), expected)
    last = copied(layer, MAPS.shape, return_sequences=False)
    counts = [np.flatnonzero(m)[-1] for m in (MASK[:, ::-1] if backwards else MASK)]
    coefficients = np.stack([c[t] for c, t in zip(expected[1], counts, strict=True)])
    check(last(MAPS, mask=MASK), (expected[0][:, -1], coefficients, expected[2]))


def test_nothing_left_by_the_mask():
    layer = all_outputs(layers=2)
    mask = np.array([[True] * TIME, [False] * TIME])
    outputs, coefficients, *states = numpy(layer(MAPS, mask=mask))
    assert np.all(outputs[1] == 0) and np.all(coefficients[1] == 0)
    biases = [weights_of(p)[1] for p in layer.cell.state_projections]
    assert_close([s[1] for s in states], [np.tanh(bias) for bias in biases], atol=1e-6)


def test_initial_state_is_taken_instead_of_the_computed_one():
    layer, states = all_outputs(layers=2), [random(BATCH, UNITS, seed=seed) for seed in range(4)]
    pairs = [[(states[0][b], states[1][b]), (states[2][b], states[3][b])] for b in range(BATCH)]
    check(layer(MAPS, initial_state=states), by_hand(layer, MAPS, initial=pairs))


def test_regions_without_rows_are_the_same():
    layer, regions = all_outputs(score="additive"), MAPS.reshape(BATCH, TIME, 6, SIZE)
    assert_close(copied(layer, regions.shape)(regions), layer(MAPS), atol=1e-6)


@pytest.mark.parametrize(("score", "at_once"), [("location", False), ("additive", True), ("dot", True)])
def test_what_the_coefficients_depend_on(score, at_once):
    layer = all_outputs(score=score, initial_state_from="zeros")
    changed = MAPS.copy()
    changed[:, 2] += random(*changed[:, 2].shape, seed=1)
    before, after = (numpy(layer(x)[1]) for x in (MAPS, changed))
    differs = [not np.allclose(before[:, t], after[:, t], atol=1e-5) for t in range(TIME)]
    assert differs == [False, False, at_once, True, True]


@tensorflow_only
def test_saved_model_with_open_axes_and_mask():
    layer = built(SpatialAttentionLSTM(UNITS, layers=2, score="additive", return_sequences=True), MAPS.shape)
    symbols = {"maps": keras.Input((None, 2, 3, SIZE)), "mask": keras.Input((None,), dtype="bool")}
    served = exports.saved_model(lambda inputs: layer(inputs["maps"], mask=inputs["mask"]), symbols)
    for batch, time in ((2, 5), (1, 3)):
        x, mask = MAPS[:batch, :time], MASK[:batch, :time]
        assert_close(served({"maps": x, "mask": mask}), by_hand(layer, x, mask)[0])


# === Parameters: D = 1024, K = 49 ===


def count(**options):
    layer = SpatialAttentionLSTM(**options, kernel_initializer="zeros", recurrent_initializer="zeros")
    layer.build((None, None, 7, 7, 1024))
    cell = layer.cell
    lstm = sum(c.count_params() for c in cell.cells)
    start = sum(p.count_params() for p in cell.state_projections)
    return lstm, layer.count_params() - lstm - start, start


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"units": 512, "score": "additive"}, (3_147_776, 1_574_913, 1_049_600)),
        ({"units": 512, "score": "location", "layers": 3}, (7_346_176, 25_088, 3_148_800)),
        ({"units": 512, "layers": 3, "shared_initial_state": True}, (7_346_176, 25_088, 1_049_600)),
        ({"units": 512, "score": "dot", "initial_state_from": "zeros"}, (3_147_776, 512 * 1024, 0)),
        ({"units": 1024, "layers": 3, "initial_state_from": "zeros"}, (25_178_112, 50_176, 0)),
    ],
    ids=["code", "paper", "paper-shared", "dot", "paper-hmdb51"],
)
def test_parameters(options, expected):
    assert count(**options) == expected


@pytest.mark.parametrize(
    ("units", "classes", "attention_layers", "published"),
    [(512, 11, 1, 6_040_588), (512, 12, 1, 6_041_101), (1024, 51, 1, 13_692_980), (1024, 51, 3, 15_792_180)],
    ids=["ucf11", "hollywood2", "hmdb51-1", "hmdb51"],
)
def test_totals_of_the_released_code(units, classes, attention_layers, published):
    head = units * units + units + units * classes + classes  # a tanh layer and the softmax
    layer = sum(count(units=units, score="additive", attention_layers=attention_layers))
    assert layer + head == published


def test_weights_have_the_documented_shapes_and_start_differently():
    layer = SpatialAttentionLSTM(UNITS, layers=3, kernel_initializer=keras.initializers.RandomUniform(-1, 1))
    layer.build((None, None, 2, 3, SIZE))
    assert layer.cell.location_kernel.shape == (UNITS, 6)
    shapes = [[tuple(w.shape) for w in cell.weights] for cell in layer.cell.cells]
    assert shapes == [[(n, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)] for n in (SIZE, UNITS, UNITS)]
    second, third = (numpy(cell.kernel) for cell in layer.cell.cells[1:])
    assert not np.allclose(second, third)
    first = [numpy(p.kernel) for p in layer.cell.state_projections[:2]]
    assert not np.allclose(*first)


# === Streams ===


@scores
def test_frame_by_frame(score):
    layer = all_outputs(**score, layers=2, initial_state_from="first_frame")
    assert layer.causal
    (outputs, coefficients), states = by_steps(layer.cell, MAPS, layer.cell.get_initial_state(frame=MAPS[:, 0]))
    check([outputs, coefficients, *states], by_hand(layer, MAPS))


def test_frame_by_frame_without_knowing_the_first():
    layer = all_outputs(layers=2, initial_state_from="first_frame")
    cell = FirstFrameStateCell(layer.cell)
    (outputs, coefficients), [*states, seen] = by_steps(cell, MAPS, cell.get_initial_state(BATCH))
    check([outputs, coefficients, *states], by_hand(layer, MAPS))
    assert_close(seen, np.ones((BATCH, 1)))


@pytest.mark.parametrize(
    ("options", "causal"),
    [({}, False), ({"initial_state_from": "zeros"}, True), ({"initial_state_from": "zeros", "go_backwards": True}, False)],
)
def test_causal(options, causal):
    assert SpatialAttentionLSTM(UNITS, **options).causal is causal


@pytest.mark.parametrize("start", ["mean", "first_frame"])
def test_a_computed_initial_state_is_not_made_up(start):
    with pytest.raises(ValueError, match="computed from the clip"):
        SpatialAttentionLSTMCell(UNITS, initial_state_from=start).get_initial_state(2)


def test_dropout_is_between_the_layers_only():
    keras.utils.set_random_seed(0)
    one, two = (built(SpatialAttentionLSTM(UNITS, layers=layers, dropout=0.5), MAPS.shape) for layers in (1, 2))
    assert_close(one(MAPS, training=True), one(MAPS), atol=1e-6)
    assert np.abs(numpy(two(MAPS, training=True)) - numpy(two(MAPS))).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, "at least 1"),
        ({"layers": 0}, "at least 1"),
        ({"score": "product"}, "score must be"),
        ({"score": "dot", "attention_units": 3}, "belong to score='additive'"),
        ({"score": "location", "attention_layers": 2}, "belong to score='additive'"),
        ({"initial_state_from": "last_frame"}, "initial_state_from must be"),
        ({"layers": 2, "query_layer": 2}, "query_layer must be"),
        ({"stateful": True}, "needs initial_state_from='zeros'"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        SpatialAttentionLSTM(**{"units": 4, **options})


@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 5, None, 3, 6), (2, 5, 2, 3, 4, 6)])
def test_shapes_are_checked(shape):
    with pytest.raises(ValueError, match="needs maps"):
        SpatialAttentionLSTM(4).build(shape)
