"""The terms of inputs, made before a layer's loop or in it: the same numbers."""

import keras
import numpy as np
import pytest
from layers import FORMS, RECURRENT, assert_close, by_steps, make_built, numpy, random

from videorec.layers import ConvGRU2D, PeepholeConvLSTM2D, PeepholeLSTM, StackedConvGRU2D
from videorec.layers.steps import InputMapsCell, InputTermCell, each_step

RULES = {kind: kind.terms_first for kind in (InputTermCell, InputMapsCell)}  # conftest.py takes their place
OWN = ("ConvGRU2D", "PeepholeConvLSTM2D", "PeepholeLSTM", "StackedConvGRU2D")
NAMES = [name for name in FORMS if name.split("-")[0] in OWN and "unconditional" not in name]
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs and tapes")
every_form = pytest.mark.parametrize("name", NAMES)


def both_ways(monkeypatch, job):
    """What a job gives with the terms made before the loop, and in it."""
    results = []
    for first in (True, False):
        for kind in RULES:
            monkeypatch.setattr(kind, "terms_first", first)
        results.append(job())
    return results


@every_form
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"unroll": True}])
def test_outputs_and_states(name, options, monkeypatch):
    [x] = FORMS[name].arrays()
    keep = {} if "Stacked" in name else {"zero_output_for_mask": True}

    def job():  # dropout of this seed too
        layer = make_built(name, seed=3, return_sequences=True, return_state=True, **options, **keep)
        return numpy([layer(x), layer(x, mask=MASK, training=True), layer(x, training=True)])

    first, in_loop = both_ways(monkeypatch, job)
    assert_close(first, in_loop, atol=2e-6)
    dropped, plain = (keras.tree.flatten(part)[0] for part in (first[2], first[0]))
    assert np.abs(dropped - plain).max() > 1e-3


@every_form
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16", "float16"])
def test_half_precision(name, dtype, monkeypatch):
    [x] = FORMS[name].arrays()
    start = {"recurrent_initializer": "zeros"}  # JAX has no orthogonal matrices in half precision

    def job():
        outputs = keras.tree.flatten(make_built(name, dtype=dtype, return_sequences=True, **start)(x))
        return [(y.dtype, keras.ops.convert_to_numpy(keras.ops.cast(y, "float32"))) for y in outputs]

    for (kind, first), (_, in_loop) in zip(*both_ways(monkeypatch, job), strict=True):
        assert keras.backend.standardize_dtype(kind) == dtype.removeprefix("mixed_")
        assert_close(first, in_loop, atol=0.05 if "bfloat16" in dtype else 0.01)


@tensorflow_only
@every_form
def test_gradients(name, monkeypatch):
    import tensorflow as tf

    inputs = keras.tree.map_structure(tf.constant, FORMS[name].arrays()[0])

    def job():
        layer = make_built(name, seed=3, return_sequences=True)
        weights = [weight.value for weight in layer.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = sum(tf.reduce_sum(tf.square(y)) for y in keras.tree.flatten(layer(inputs, mask=MASK, training=True)))
        return numpy(tape.gradient(loss, [inputs, weights]))

    assert_close(*both_ways(monkeypatch, job), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in RECURRENT if name in OWN])
def test_a_cell_takes_inputs_again_after_its_layer(name):
    """After the layer's loop, and after one that failed."""
    layer = make_built(name, return_sequences=True)
    [x] = FORMS[name].arrays()
    expected = keras.tree.flatten(layer(x))
    with pytest.raises(Exception, match="(?i)shape|dimension|size|broadcast|incompatible|divi"):
        layer(x, initial_state=[random(2, 7)] * len(layer.cell.get_initial_state(2)))
    outputs, _ = by_steps(layer.cell, keras.tree.map_structure(keras.ops.convert_to_tensor, x), layer.cell.get_initial_state(2))
    assert_close(keras.tree.flatten(outputs), expected)


@tensorflow_only
def test_the_loop_holds_no_product_of_the_input():
    import tensorflow as tf

    def in_loop(layer, kind, shape):
        layer.build((None, *shape[1:]))
        function = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec((None, *shape[1:]), tf.float32)])
        library = function.get_concrete_function().graph.as_graph_def().library.function
        bodies = [body for body in library if "while_body" in body.signature.name]
        assert len(bodies) == 1
        return [node.op for node in bodies[0].node_def].count(kind)

    assert in_loop(PeepholeLSTM(3), "MatMul", (None, None, 4)) == 1  # of the state alone
    assert in_loop(PeepholeConvLSTM2D(3, 3), "Conv2D", (None, None, 4, 4, 2)) == 1
    assert in_loop(ConvGRU2D(3, 3, reset_after=True), "Conv2D", (None, None, 4, 4, 2)) == 1


def test_where_terms_come_first(monkeypatch):
    for kind, rule in RULES.items():
        monkeypatch.setattr(kind, "terms_first", rule)
    for layer, shape, expected in (
        (PeepholeLSTM(2), (None, None, 64), True),
        (PeepholeLSTM(2), (None, None, 63), False),
        (PeepholeLSTM(2, dtype="mixed_bfloat16"), (None, None, 64), True),
        (ConvGRU2D(2, 3), (None, None, 4, 4, 228), True),  # 3 x 3 x 228 = 2052 products
        (ConvGRU2D(2, 3), (None, None, 4, 4, 227), False),
        (PeepholeConvLSTM2D(2, 1), (None, None, 4, 4, 2048), True),
        (PeepholeConvLSTM2D(2, 1, dtype="mixed_bfloat16"), (None, None, 4, 4, 2048), False),
        (PeepholeConvLSTM2D(2, 5), (None, None, 4, 4, 16), False),
    ):
        layer.build(shape)
        assert layer.cell.terms_first is expected
    layer = PeepholeLSTM(2, unconditional=True)
    layer.build([(None, 2), (None, 2)])
    assert not layer.cell.terms_first
    stacked = StackedConvGRU2D([2, 3], 3)
    stacked.build([(None, None, 4, 4, 300), (None, None, 2, 2, 5)])
    assert [cell.terms_first for cell in stacked.cells] == [True, False]


def test_each_step_folds_time_into_the_batch():
    x = random(2, 3, 4)
    outputs = each_step(lambda frames: {"sum": keras.ops.sum(frames, -1), "double": 2 * frames}, x)
    assert_close(outputs, {"sum": x.sum(-1), "double": 2 * x}, atol=1e-6)
