import keras
import numpy as np
import pytest

from videorec.layers import FrameDifferences

X = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype("float32")


def test_equals_numpy():
    y = keras.ops.convert_to_numpy(FrameDifferences(("mean", "previous"))(X))
    assert y.shape == (2, 5, 3, 12)
    np.testing.assert_array_equal(y[..., :4], X)
    np.testing.assert_allclose(y[..., 4:8], X - X.mean(1, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(y[:, 0, :, 8:], 0)
    np.testing.assert_allclose(y[:, 1:, :, 8:], np.diff(X, axis=1), atol=1e-6)


@pytest.mark.parametrize("time", [None, 5])
def test_open_time_and_one_frame(time, tmp_path):
    inputs = keras.Input((time, 3, 4))
    model = keras.Model(inputs, FrameDifferences(("previous",))(inputs))
    assert model.output_shape == (None, time, 3, 8)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))
    if time is None:
        np.testing.assert_array_equal(model.predict(X[:, :1], verbose=0)[..., 4:], 0)


@pytest.mark.parametrize("references", [("previous",), ("previous", "previous")])
def test_step_by_step(references):
    layer = FrameDifferences(references)
    layer.build(X.shape)
    states, differences = layer.cell.get_initial_state(2), np.diff(X, axis=1, prepend=X[:, :1])
    for t in range(X.shape[1]):
        output, states = layer.cell(X[:, t], states)
        expected = np.concatenate([X[:, t], *[differences[:, t]] * len(references)], axis=-1)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(output), expected, atol=1e-6)


def test_causal_without_the_mean():
    assert FrameDifferences(("previous",)).causal and not FrameDifferences(("previous", "mean")).causal


@pytest.mark.parametrize("references", [(), ("next",)])
def test_errors(references):
    with pytest.raises(ValueError, match="must be among previous, mean"):
        FrameDifferences(references)
