"""What every recurrent layer must do: states, masks, directions, dropout, steps one by one, its options."""

import keras
import numpy as np
import pytest
from layers import FORMS, RECURRENT, assert_close, by_steps, copied, make, make_built, numpy, part, randomized, run

BATCH = 2
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0]], bool)  # as many clips as rows of the maps
every_form = pytest.mark.parametrize("name", RECURRENT)
# Unrolled, Keras runs other code: tested with one layer of each kind.
UNROLLED = ["ConvGRU2D", "PeepholeLSTM", "WindowAttentionLSTM"]
loops = pytest.mark.parametrize("name, unroll", [(n, False) for n in RECURRENT] + [(n, True) for n in UNROLLED])
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs")
ATTENTION = [name for name in RECURRENT if "Attention" in name]


def whole(name, /, **changes):
    """The layer of a form, with random weights, that returns all there is to return."""
    return make_built(name, return_sequences=True, return_state=True, **changes)


def sequences(name, batch=BATCH):
    (x,) = FORMS[name].arrays(batch)
    return x


@every_form
def test_outputs_and_their_shapes(name):
    layer, x, [symbols] = whole(name), sequences(name), FORMS[name].symbols()
    outputs, states = run(name, layer, x)
    last = [y[:, -1] for y in outputs]
    for changes, expected in (
        ({"return_sequences": False, "return_state": False}, last),
        ({"return_sequences": False}, last + states),
        ({"return_state": False}, outputs),
        ({}, outputs + states),
    ):
        same = copied(layer, FORMS[name].shapes()[0], **changes)
        if "return_sequences" in changes:
            assert_close(same(x), expected)
        times = 0 if "return_sequences" in changes else len(outputs)  # how many have a time axis
        open_axes = [2] * times + [1] * (len(expected) - times)
        shapes = [tuple(y.shape) for y in keras.tree.flatten(same(symbols))]
        assert shapes == [(*[None] * n, *y.shape[n:]) for n, y in zip(open_axes, expected, strict=True)]


@loops
def test_a_clip_in_two_parts(name, unroll):
    layer, x = whole(name, unroll=unroll), sequences(name)
    outputs, states = run(name, layer, x)
    first, between = run(name, layer, part(x, slice(2)))
    second, last = run(name, layer, part(x, slice(2, None)), initial_state=between)
    assert_close([np.concatenate(parts, axis=1) for parts in zip(first, second, strict=True)], outputs)
    assert_close(last, states)


@loops
def test_masked_steps_change_nothing(name, unroll):
    layer, x = whole(name, unroll=unroll), sequences(name, len(MASK))
    hidden = keras.tree.map_structure(lambda y: np.where(MASK[(..., *[None] * (y.ndim - 2))], y, 1e3).astype("float32"), x)
    outputs, states = run(name, layer, hidden, mask=MASK)
    end = copied(layer, FORMS[name].shapes()[0], return_sequences=False)
    ends, _ = run(name, end, hidden, mask=MASK)
    for row, counts in enumerate(MASK):
        seen = keras.tree.map_structure(lambda y, row=row, counts=counts: y[row : row + 1, counts], x)
        expected, last = run(name, layer, seen)
        assert_close([state[row : row + 1] for state in states], last)
        assert_close([y[row] for y in ends], [y[0, -1] for y in expected])
        position = np.cumsum(counts) - 1
        for index, (got, want) in enumerate(zip(outputs, expected, strict=True)):
            for t in np.flatnonzero(position >= 0):
                coefficients_of_none = name in ATTENTION and index == 1 and not counts[t]
                assert_close(got[row, t], want[0, position[t]] * (not coefficients_of_none))


@pytest.mark.parametrize("name", [name for name in RECURRENT if "Stacked" not in name])
def test_output_of_masked_steps_may_be_zero(name):
    layer, x = whole(name), sequences(name, len(MASK))
    outputs, states = run(name, layer, x, mask=MASK)
    zeroed, same_states = run(name, copied(layer, FORMS[name].shapes()[0], zero_output_for_mask=True), x, mask=MASK)
    assert_close(zeroed, [y * MASK[(..., *[None] * (y.ndim - 2))] for y in outputs])
    assert_close(same_states, states)


@every_form
def test_go_backwards_reads_the_reversed_sequence(name):
    layer, x = whole(name), sequences(name, len(MASK))
    backward = copied(layer, FORMS[name].shapes()[0], go_backwards=True)
    assert layer.causal and not backward.causal
    for mask, reversed_mask in ((None, None), (MASK, MASK[:, ::-1])):
        expected = run(name, layer, part(x, slice(None, None, -1)), mask=reversed_mask)
        assert_close(run(name, backward, x, mask=mask), expected)


@pytest.mark.parametrize("name", [name for name in RECURRENT if "Stacked" not in name])
def test_stateful_goes_on_where_it_stopped(name):
    layer, x = make_built(name, stateful=True), sequences(name)
    expected = copied(layer, FORMS[name].shapes()[0], stateful=False)(x)
    first = layer(x[:, :2])
    assert_close(layer(x[:, 2:]), expected)
    layer.reset_state()
    assert_close(layer(x[:, :2]), first)


@every_form
def test_cell_as_a_step_model(name):
    layer, x = whole(name), sequences(name)
    frames = keras.tree.map_structure(lambda y: keras.Input(y.shape[2:]), x)
    states = layer.cell.get_initial_state(BATCH)
    assert_close(states, [np.zeros(state.shape) for state in states], atol=0)
    symbols = [keras.Input(state.shape[1:]) for state in states]
    step = keras.Model([frames, symbols], layer.cell(frames, symbols))
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    outputs, last = by_steps(lambda frame, before: step([frame, before]), x, states)
    assert_close([outputs, last], run(name, layer, x))


@pytest.mark.parametrize("name, kind", [(n, k) for n in RECURRENT for k in FORMS[n].options if "dropout" in k])
def test_dropout_acts_in_training_alone(name, kind):
    keras.utils.set_random_seed(0)
    layer = make_built(name, **{"dropout": 0.0, "recurrent_dropout": 0.0, kind: 0.5})
    plain, x = copied(layer, FORMS[name].shapes()[0], **{kind: 0.0}), sequences(name, batch=30)
    expected = numpy(keras.tree.flatten(layer(x)))
    assert_close(plain(x), expected)
    for one, other in zip(numpy(keras.tree.flatten(layer(x, training=True))), expected, strict=True):
        assert np.abs(one - other).max() > 1e-3


@tensorflow_only
@every_form
def test_dropout_is_drawn_once_a_sequence(name):
    """Outside of the loop of a graph for any batch and length, and so the same for all steps."""
    import tensorflow as tf

    kinds = [option for option in FORMS[name].options if "dropout" in option]
    layer = make_built(name, **dict.fromkeys(kinds, 0.5))
    signature = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), FORMS[name].symbols())
    function = tf.function(lambda x: layer(x, training=True), input_signature=signature)
    graph = function.get_concrete_function().graph
    loops = [function for function in graph.as_graph_def().library.function if "while" in function.signature.name]
    assert loops and not [node.op for loop in loops for node in loop.node_def if "Random" in node.op]
    assert len([op for op in graph.get_operations() if "Random" in op.type]) >= len(kinds)


@every_form
def test_regularizers_reach_all_weights(name):
    rates = {"kernel": 1.0, "recurrent": 10.0, "bias": 100.0}
    rates |= {"peephole": 1000.0} if "Peephole" in name else {}
    layer = make_built(name, **{f"{kind}_regularizer": keras.regularizers.L2(rate) for kind, rate in rates.items()})
    layer(sequences(name))
    expected = 0.0
    for weight in layer.trainable_weights:
        kind = next((kind for kind in ("recurrent", "peephole", "bias") if weight.name.startswith(kind)), "kernel")
        expected += rates[kind] * np.square(keras.ops.convert_to_numpy(weight)).sum()
    np.testing.assert_allclose(float(sum(layer.losses)), expected, rtol=1e-5)
    assert not make_built(name).losses


@pytest.mark.parametrize("name", [name for name in RECURRENT if "Stacked" not in name])
def test_bidirectional(name):
    x = sequences(name, len(MASK))
    one_output = {"return_coefficients": False} if name in ATTENTION else {}
    layer = keras.layers.Bidirectional(make(name, return_sequences=True, **one_output))
    layer.build(x.shape)
    randomized(layer)
    got = layer(x, mask=MASK)
    forward, backward = layer.forward_layer(x, mask=MASK), layer.backward_layer(x, mask=MASK)
    assert_close(got, keras.ops.concatenate([forward, keras.ops.flip(backward, axis=1)], axis=-1))


# === Options ===

OF_KERAS = {"name": "x", "dtype": "mixed_float16", "trainable": False, "activity_regularizer": "l2"}
OF_LOOPS = ["return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask"]
KINDS = ["kernel", "recurrent", "bias"]
OF_WEIGHTS = {f"{kind}_initializer": "he_normal" for kind in KINDS} | {f"{kind}_regularizer": "l1" for kind in KINDS}
OF_GATES = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}
DROPOUT = {"dropout": 0.1, "recurrent_dropout": 0.4}
OF_LSTM = {"use_bias": False, "unit_forget_bias": False, "seed": 3, **OF_GATES, **DROPOUT}
OF_LSTM |= {f"{kind}_constraint": "max_norm" for kind in KINDS}
OF_CONV_GRU = {"use_bias": True, "reset_after": True, "seed": 3, **OF_GATES, **DROPOUT}
PEEPHOLES = {"peephole_initializer": "zeros", "peephole_regularizer": "l2", "peephole_constraint": "max_norm"}
# Each option of a layer with another value than in `FORMS`.
OPTIONS = {
    "ConvGRU2D": {"filters": 5, "kernel_size": (3, 1), **OF_CONV_GRU},
    "PeepholeConvLSTM2D": {
        "filters": 5, "kernel_size": (3, 5), "recurrent_kernel_size": 1, "peephole": "spatial", "output_peephole": "old",
        **PEEPHOLES, **OF_LSTM,
    },
    "PeepholeLSTM": {"units": 5, "peephole": "full", "output_peephole": "old", **PEEPHOLES, **OF_LSTM},
    "SpatialAttentionLSTM": {
        "units": 5, "layers": 3, "score": "additive", "attention_units": 2, "attention_layers": 2, "query_layer": 1,
        "shared_initial_state": True, "unit_forget_bias": False, "return_coefficients": True, **DROPOUT,
    },
    "StackedConvGRU2D": {"filters": [4, 2], "kernel_size": [(3, 1), 1], **OF_CONV_GRU},
    "WindowAttentionLSTM": {
        "units": 5, "window": 4, "score": "dot", "attention_units": 2, "return_coefficients": False, **OF_LSTM
    },
}  # fmt: skip
# Those that go together with others only.
LEFT = {"unconditional", "initial_state_from"}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_survives_a_round_trip(name):
    plain = make(name).get_config()
    loops = {option: True for option in OF_LOOPS if option in plain}
    layer = make(name, **OPTIONS[name], **OF_WEIGHTS, **OF_KERAS, **loops)
    config = layer.get_config()
    assert OPTIONS[name].keys() | OF_WEIGHTS.keys() | OF_KERAS.keys() <= config.keys()
    assert {option for option, value in config.items() if value == plain.get(option)} <= LEFT
    again = type(layer).from_config(config)
    assert again.get_config() == config
    assert (again.name, again.compute_dtype, again.trainable, again.go_backwards) == ("x", "float16", False, True)
