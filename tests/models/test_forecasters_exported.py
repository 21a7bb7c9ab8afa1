"""Every forecasting model becomes a SavedModel, and TFLite of built-in operations, that give what Keras gives."""

import keras
import numpy as np
import pytest
from forecast_cases import CASES, build, channels, frames

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's formats")


@pytest.mark.parametrize("case", CASES)
def test_saved_model_and_tflite(case, tmp_path):
    import tensorflow as tf

    model, x = build(case), frames(case)
    expected = {key: value.numpy() for key, value in model({"rgb": x}).items()}

    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    size = (8, 12, channels(case))

    def traced(*steps):
        """The model as a graph of its own: for a fixed batch TensorFlow would take an older one of any batch."""
        call = tf.function(lambda rgb: model({"rgb": rgb}, training=False))
        return call.get_concrete_function(tf.TensorSpec((*steps, *size), tf.uint8, "rgb"))

    any_batch = traced(None, None)
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": any_batch})
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    got = loaded.signatures["serving_default"](rgb=tf.constant(x))
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, atol=1e-5)

    single = traced(1, 4)  # one sequence, J fixed
    tf.saved_model.save(module, str(tmp_path / "single"), signatures={"serving_default": single})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "single"))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    operations = {op["op_name"] for op in interpreter._get_ops_details()}
    assert not [name for name in operations if name.startswith("Flex") or name == "CUSTOM"]
    runner = interpreter.get_signature_runner()
    rows = [runner(rgb=x[row : row + 1]) for row in range(2)]
    for key, value in expected.items():
        np.testing.assert_allclose(np.concatenate([row[key] for row in rows]), value, atol=1e-5)
