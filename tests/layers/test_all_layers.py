"""What every layer must do: Keras's own test, files, half precision, training, exports."""

import json

import exports
import keras
import numpy as np
import pytest
from keras.src import testing
from layers import FORMS, RECURRENT, assert_close, make, make_built, numpy, randomized

from videorec import layers

every_layer = pytest.mark.parametrize("name", sorted({name.split("-")[0] for name in FORMS}))
# Where half precision may differ: variants that attend, and one form of all others.
HALVES = [name for name in FORMS if "-" not in name or "Attention" in name]
tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's own formats")


def functional(name):
    """A model of the layer alone, batch and time open, with random weights."""
    form = FORMS[name]
    layer, symbols = make(name, name="the_layer"), form.symbols()
    outputs = layer(*symbols, **form.call)
    randomized(layer)
    return keras.Model(symbols, outputs)


def test_every_layer_has_a_form():
    assert {name.split("-")[0] for name in FORMS} == set(layers.__all__)


@every_layer
def test_run_layer_test_of_keras(name):
    """Config, pickles, `build`, symbols and numbers."""
    form, shapes = FORMS[name], FORMS[name].shapes()
    keras_test = testing.TestCase("run_layer_test")
    if name == "AttentionDecoder":  # Keras's test takes no list among several arguments
        keras_test.run_class_serialization_test(make(name))
        return
    inputs = dict(zip(("query_shape", "keys_shape"), shapes, strict=True)) if len(shapes) > 1 else shapes[0]
    keras_test.run_layer_test(
        lambda **changes: make(name, **changes),
        init_kwargs={},
        input_shape=inputs,
        call_kwargs=form.call,
        expected_num_losses=form.losses,
        run_training_check=False,
        run_mixed_precision_check=False,
    )


@every_layer
def test_saved_and_loaded(name, tmp_path):
    model = functional(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    configs = [json.dumps(x.get_layer("the_layer").get_config(), sort_keys=True) for x in (model, loaded)]
    assert configs[0] == configs[1]
    inputs = FORMS[name].arrays(batch=1, time=3)
    outputs = model(inputs)
    assert_close(loaded(inputs), outputs, atol=1e-6)
    for symbol, value in zip(model.outputs, keras.tree.flatten(outputs), strict=True):
        sides = zip(symbol.shape, value.shape, strict=True)
        assert symbol.shape[0] is None and all(side in (None, number) for side, number in sides)


@pytest.mark.parametrize("name", [*RECURRENT, "MultipleOutput", "NextFrameConvLSTM2D", "TemporalPooling"])
def test_config_of_the_cell(name):
    cell = make_built(name).cell
    assert type(cell).from_config(cell.get_config()).get_config() == cell.get_config()


@pytest.mark.parametrize("name", HALVES)
def test_mixed_precision(name):
    form, exact = FORMS[name], make_built(name)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half, symbols = make_built(name), form.symbols()
        outputs = half(*form.arrays(), **form.call)
        symbols = half(*symbols, **form.call)
    finally:
        keras.config.set_dtype_policy("float32")
    states = half.cell.get_initial_state(2) if name in RECURRENT else []
    types = {keras.backend.standardize_dtype(x.dtype) for x in keras.tree.flatten([outputs, symbols, states])}
    assert types == {form.half}
    assert {weight.dtype for weight in half.weights if weight.trainable} <= {"float32"}
    assert_close(outputs, exact(*form.arrays(), **form.call), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("name", [name for name in FORMS if make_built(name).trainable_weights])
def test_a_step_of_training_moves_every_weight(name):
    model, inputs = functional(name), FORMS[name].arrays()
    model.compile("sgd", loss="mse", run_eagerly=keras.backend.backend() == "tensorflow")  # tracing takes longest
    targets = keras.tree.map_structure(lambda y: np.ones(y.shape, "float32"), model(inputs))
    before = numpy(model.trainable_weights)
    assert np.all(np.isfinite(model.train_on_batch(inputs, targets)))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert weight.path.endswith(FORMS[name].constant) or not np.array_equal(numpy(weight), old), weight.path


@tensorflow_only
@every_layer
def test_saved_model_and_tflite_of_any_length(name):
    model = functional(name)
    saved, lite = exports.both(model, FORMS[name].symbols())
    for time in (4, 3):
        inputs = FORMS[name].arrays(1, time)
        expected = model(inputs)
        assert_close(saved(inputs), expected, atol=1e-6)
        assert_close(lite(inputs), expected)
