"""`StackedConvGRU2D` against the paper's equations, its weights, dropout and arguments."""

import keras
import numpy as np
import pytest
from equations import conv_gru, convolve, sigmoid
from layers import assert_close, built, numpy, random

from videorec.layers import StackedConvGRU2D
from videorec.layers.stacked_conv_gru2d_cell import pooling

SIZES, CHANNELS, FILTERS, KERNELS = (8, 4, 1), (3, 5, 6), (4, 2, 3), (3, 3, 1)


def percepts(batch=2, time=5):
    return [random(batch, time, n, n, c, seed=c) for n, c in zip(SIZES, CHANNELS, strict=True)]


def stacked(**options):
    layer = StackedConvGRU2D(FILTERS, KERNELS, return_sequences=True, **options)
    return built(layer, [(None, None, n, n, c) for n, c in zip(SIZES, CHANNELS, strict=True)])


def max_pool(x, n):
    return np.stack([np.stack([w.max((1, 2)) for w in np.split(rows, n, 2)], 1) for rows in np.split(x, n, 1)], 1)


def by_hand(xs, layer, reset_after=False):
    """The paper's equations, all levels at each time step; the list of the levels' sequences of states."""
    states = [np.zeros((len(x), *x.shape[2:4], f)) for x, f in zip(xs, FILTERS, strict=True)]
    sequences = [[] for _ in xs]
    for t in range(xs[0].shape[1]):
        for level, cell in enumerate(layer.cells):
            kernel, recurrent = numpy([cell.kernel, cell.recurrent_kernel])
            bias = 0.0 if cell.bias is None else numpy(cell.bias)
            lower = 0.0
            if level:  # this step's: the level below has just been computed
                lower = convolve(max_pool(states[level - 1], SIZES[level]), numpy(cell.lower_kernel))
            states[level] = conv_gru(xs[level][:, t], states[level], kernel, recurrent, bias, reset_after, lower)
            sequences[level].append(states[level])
    return [np.stack(sequence, 1) for sequence in sequences]


@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equals_the_equations(use_bias, reset_after):
    layer, xs = stacked(use_bias=use_bias, reset_after=reset_after), percepts()
    assert [cell.kernel.shape for cell in layer.cells] == [(3, 3, 3, 12), (3, 3, 5, 6), (1, 1, 6, 9)]
    assert [cell.recurrent_kernel.shape for cell in layer.cells] == [(3, 3, 4, 12), (3, 3, 2, 6), (1, 1, 3, 9)]
    assert layer.cells[0].lower_kernel is None
    assert [cell.lower_kernel.shape for cell in layer.cells[1:]] == [(3, 3, 4, 4), (1, 1, 2, 6)]
    assert_close(layer(xs), by_hand(xs, layer, reset_after))


def test_numbers_of_weights_of_the_paper():
    shapes = [(None, None, n, n, c) for n, c in zip((16, 8, 4, 2, 1), (128, 256, 512, 512, 4096), strict=True)]
    options = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    layer = StackedConvGRU2D((64, 128, 256, 256, 512), (3, 3, 3, 3, 1), **options)
    layer.build(shapes)
    plain = [sum(int(np.prod(w.shape)) for w in (cell.kernel, cell.recurrent_kernel)) for cell in layer.cells]
    lower = [int(np.prod(cell.lower_kernel.shape)) for cell in layer.cells[1:]]
    assert plain == [331_776, 1_327_104, 5_308_416, 5_308_416, 7_077_888] and sum(plain) == 19_353_600
    assert lower == [147_456, 589_824, 1_179_648, 262_144] and sum(lower) == 2_179_072
    assert layer.count_params() == 21_532_672
    layer = StackedConvGRU2D((64, 128, 256, 256, 512), (3, 3, 3, 3, 1), use_bias=True, **options)
    layer.build(shapes)
    assert layer.count_params() == 21_532_672 + 3_648


@pytest.mark.parametrize("changed", [0, 3])
def test_sees_the_level_below_of_the_same_step(changed):
    layer, xs = stacked(), percepts()
    before = numpy(layer(xs))
    xs[0][:, changed] += 1
    for old, new in zip(before, numpy(layer(xs)), strict=True):  # all levels, though only the bottom percept changed
        difference = np.abs(new - old).max((0, 2, 3, 4))
        assert np.all(difference[:changed] == 0)
        assert difference[changed] > 1e-4


def test_candidate_does_not_see_the_level_below():
    layer, xs = stacked(use_bias=True), percepts()
    other = [xs[0] + 1, *xs[1:]]
    free = np.abs(numpy(layer(xs))[1] - numpy(layer(other))[1]).max()
    for cell in layer.cells[1:]:
        # z = r = 1 to float32's precision, whatever the other terms: h is the candidate.
        bias = np.zeros(cell.bias.shape)
        bias[..., : 2 * cell.filters] = 100
        cell.bias.assign(bias)
    below, *forced = numpy(layer(xs))
    below_other, *forced_other = numpy(layer(other))
    assert free > 1e-3 and np.abs(below - below_other).max() > 1e-3
    for one, two in zip(forced, forced_other, strict=True):
        np.testing.assert_array_equal(one, two)
    assert np.abs(forced[0][:, 1:] - forced[0][:, :1]).max() > 0.1


def test_functional_model_with_mask_and_states(tmp_path):
    layer, xs = stacked(name="stacked", return_state=True), percepts(batch=3)
    h = [random(3, n, n, f) for n, f in zip(SIZES, FILTERS, strict=True)]
    mask = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 1, 1, 0]], bool)
    inputs = [[keras.Input((None, *x.shape[2:])) for x in xs], [keras.Input(x.shape[1:]) for x in h]]
    inputs.append(keras.Input((None,), dtype="bool"))
    model = keras.Model(inputs, layer(inputs[0], initial_state=inputs[1], mask=inputs[2]))
    expected = layer(xs, initial_state=h, mask=mask)
    assert np.abs(numpy(expected[1][2]) - numpy(layer(xs)[1][2])).max() > 0.01
    model.save(tmp_path / "model.keras")
    assert_close(keras.saving.load_model(tmp_path / "model.keras")([xs, h, mask]), expected, atol=1e-6)


BIAS = 50.0  # a gate with this bias is 1 to float32's precision


def gated(xs, filters, r, **kwargs):
    """A layer of 1 x 1 kernels with z = 1 and r fixed, and h~ = tanh(x + r o h) at all levels."""
    layer = StackedConvGRU2D([filters] * len(xs), 1, use_bias=True, return_sequences=True, **kwargs)
    layer.build([x.shape for x in xs])
    eye = np.concatenate([np.zeros((filters, 2 * filters)), np.eye(filters)], 1)[None, None]
    for cell in layer.cells:
        cell.kernel.assign(eye)
        cell.recurrent_kernel.assign(eye)
        cell.bias.assign(np.repeat([BIAS, BIAS if r else -BIAS, 0], filters))
    return layer


def test_dropout_drops_the_same_percepts_at_all_steps():
    xs = [np.ones((2, 5, 4, 4, 6), "float32")] * 2
    layer = gated(xs, 6, r=False, dropout=0.5, seed=1)
    assert_close(layer(xs), [np.tanh(x) for x in xs])
    levels = numpy(layer(xs, training=True))
    for y in levels:
        assert 0.3 < np.mean(y == 0) < 0.7
        np.testing.assert_allclose(y[y != 0], np.tanh(2), atol=1e-6)
        np.testing.assert_array_equal(y, np.repeat(y[:, :1], 5, axis=1))
    assert np.any(levels[0] != levels[1])  # each level has its own


def test_dropout_leaves_the_level_below():
    # z sees the level below alone, h~ is 1: what the level below says must arrive whole.
    xs = [np.ones((2, 1, 4, 4, 6), "float32"), np.zeros((2, 1, 4, 4, 6), "float32")]
    layer = gated(xs, 6, r=False, dropout=0.5)
    bottom, top = layer.cells
    bottom.kernel.assign(np.zeros(bottom.kernel.shape))
    bottom.bias.assign(np.repeat([BIAS, 0, 1], 6))  # h = tanh(1)
    top.bias.assign(np.repeat([0, 0, BIAS], 6))
    top.lower_kernel.assign(np.concatenate([np.eye(6), np.zeros((6, 6))], 1)[None, None])
    np.testing.assert_allclose(numpy(layer(xs, training=True))[1], sigmoid(np.tanh(1)), atol=1e-6)


def test_recurrent_dropout_drops_the_same_states_at_all_steps():
    xs, h = [np.zeros((2, 5, 4, 4, 6), "float32")] * 2, [np.ones((2, 4, 4, 6), "float32")] * 2
    layer = gated(xs, 6, r=True, recurrent_dropout=0.5)
    for y in numpy(layer(xs, initial_state=h, training=True)):
        assert 0.3 < np.mean(y[:, 0] == 0) < 0.7
        np.testing.assert_array_equal(y == 0, np.repeat(y[:, :1] == 0, 5, axis=1))


def test_kernels_start_from_different_numbers():
    initializer = keras.initializers.RandomNormal()
    layer = StackedConvGRU2D((4, 4, 4), 3, kernel_initializer=initializer)
    layer.build([(None, None, 4, 4, 4)] * 3)
    starts = {float(numpy(w).flat[0]) for w in layer.weights if w.name in ("kernel", "lower_kernel")}
    assert len(starts) == 5


def same_pool(x, stride):
    """Max over windows of `stride` with the padding split evenly, the larger half after it; x: (H,)."""
    padding = -len(x) % stride
    padded = np.pad(x, (padding // 2, padding - padding // 2), constant_values=-np.inf)
    return padded.reshape(-1, stride).max(1)


@pytest.mark.parametrize(
    "below, size, expected",
    [(8, 8, (8, 1)), (8, 4, (8, 2)), (7, 1, (7, 7)), (7, 3, (7, 3)), (15, 8, (15, 2)), (15, 7, (14, 2))],
)
def test_pooling_between_sizes(below, size, expected):
    assert pooling(below, size) == expected
    # The level below has z = 1 and h = tanh(x); at the top h~ = 1, h_{-1} = 0, so that h = z = sigmoid(pooled state below).
    xs = [random(1, 1, below, 6, 1), np.zeros((1, 1, size, 6, 1), "float32")]
    layer = gated(xs, 1, r=False)
    layer.cells[1].bias.assign([0, 0, BIAS])
    layer.cells[1].lower_kernel.assign([[[[1, 0]]]])
    rows, stride = expected
    columns = np.tanh(xs[0][0, 0, :rows, :, 0]).T
    np.testing.assert_allclose(
        numpy(layer(xs))[1][0, 0, :, :, 0].T, sigmoid(np.stack([same_pool(x, stride) for x in columns])), atol=1e-5
    )


@pytest.mark.parametrize(
    "shapes, match",
    [
        ([(4, 8, 8, 3)], "a list of 2 tensors, one a level"),
        ([(4, 8, 8, 3), (4, 4, 4, 3), (4, 2, 2, 3)], "a list of 2 tensors, one a level"),
        ([(4, 8, 8, 3), (5, 4, 4, 3)], "with the same time"),
        ([(4, 8, 8, 3), (4, 3)], "shape \\(batch, time, height, width, channels\\)"),
        ([(4, 8, 8, 3), (4, None, 4, 3)], "fixed height and width"),
        ([(4, 4, 4, 3), (4, 8, 8, 3)], "Received: 4 rows or columns below 8"),
        ([(4, 14, 14, 3), (4, 14, 9, 3)], "Received: 14 rows or columns below 9"),
    ],
)
def test_unusable_inputs(shapes, match):
    with pytest.raises(ValueError, match=match):
        StackedConvGRU2D((2, 3), 3)([keras.Input(shape) for shape in shapes])


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="filters must hold one number a level"):
        StackedConvGRU2D(4, 3)
    with pytest.raises(ValueError, match="one of them for each of the 2 levels"):
        StackedConvGRU2D((4, 4), (3, 3, 3))
    with pytest.raises(ValueError, match="a list of 2 tensors"):
        StackedConvGRU2D((4, 4), 3)(keras.Input((4, 8, 8, 3)))
