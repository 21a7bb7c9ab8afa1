"""The ways to join the steps' predictions, on a sequence where they disagree."""

import keras
import numpy as np
import pytest

from videorec.layers import StepAggregation
from videorec.layers.step_aggregation import StepAggregationCell

# Class 0 has the largest sum, 1 the highest single step, 2 the last step, 3 the late steps together.
STEPS = np.array(
    [
        [
            [0.70, 0.10, 0.10, 0.10],
            [0.04, 0.90, 0.03, 0.03],
            [0.70, 0.03, 0.04, 0.23],
            [0.16, 0.02, 0.02, 0.80],
            [0.13, 0.01, 0.45, 0.41],
        ]
    ]
)
EXPECTED = {
    "last": [0.13, 0.01, 0.45, 0.41],
    "max": np.array([0.70, 0.90, 0.45, 0.80]) / 2.85,
    "sum": np.array([1.73, 1.06, 0.64, 1.57]) / 5,
    "mean": np.array([1.73, 1.06, 0.64, 1.57]) / 5,
    # gains 0, 1/4, 1/2, 3/4, 1, of sum 2.5
    "weighted": np.array([0.61, 0.265, 0.4925, 1.1325]) / 2.5,
}


@pytest.mark.parametrize("mode", EXPECTED)
def test_equals_the_values_by_hand(mode):
    got = StepAggregation(mode)(STEPS.astype("float32"))
    np.testing.assert_allclose(got, [EXPECTED[mode]], rtol=1e-5)


def test_all_four_disagree():
    chosen = {mode: int(np.argmax(StepAggregation(mode)(STEPS))) for mode in ("sum", "max", "last", "weighted")}
    assert chosen == {"sum": 0, "max": 1, "last": 2, "weighted": 3}


@pytest.mark.parametrize("mode", EXPECTED)
def test_sums_to_1_for_any_number_of_steps(mode):
    layer = StepAggregation(mode)
    assert layer(keras.Input((None, 7))).shape == (None, 7)
    for steps in (1, 2, 9):
        p = np.random.default_rng(steps).dirichlet(np.ones(7), size=(3, steps)).astype("float32")
        got = layer(p)
        np.testing.assert_allclose(np.sum(got, axis=-1), 1, rtol=1e-6)
        if steps == 1:
            np.testing.assert_allclose(got, p[:, 0], rtol=1e-5)


# No class is divided by the others; sums are divided by their gains. Class 0 is true at every step but the last.
LABELS = np.array([[[0.9, 0.1], [0.8, 0.7], [0.2, 0.6]]])
NOT_EXCLUSIVE = {
    "last": [0.2, 0.6],
    "max": [0.9, 0.7],
    "sum": [1.9 / 3, 1.4 / 3],
    "mean": [1.9 / 3, 1.4 / 3],
    "weighted": [(0.4 + 0.2) / 1.5, (0.35 + 0.6) / 1.5],  # gains 0, 1/2, 1
}


@pytest.mark.parametrize("mode", NOT_EXCLUSIVE)
def test_classes_that_do_not_exclude_each_other(mode):
    layer = StepAggregation(mode, exclusive=False)
    np.testing.assert_allclose(layer(LABELS.astype("float32")), [NOT_EXCLUSIVE[mode]], rtol=1e-6)
    np.testing.assert_allclose(layer(LABELS[:, :1].astype("float32")), LABELS[:, 0], rtol=1e-6)  # a single step


@pytest.mark.parametrize("mode", EXPECTED)
@pytest.mark.parametrize("exclusive", [True, False])
def test_cell_step_by_step(mode, exclusive):
    """After each step what the layer gives for the steps so far; the last is checked by hand above."""
    steps = (STEPS if exclusive else LABELS).astype("float32")
    cell = StepAggregationCell(mode, exclusive)
    cell.build((None, steps.shape[-1]))
    states = cell.get_initial_state(batch_size=1)
    for t in range(steps.shape[1]):
        got, states = cell(steps[:, t], states)
        expected = StepAggregation(mode, exclusive)(steps[:, : t + 1])
        np.testing.assert_allclose(got, expected, rtol=1e-5)
        np.testing.assert_array_equal(cell.result(states), got)
    by_hand = (EXPECTED if exclusive else NOT_EXCLUSIVE)[mode]
    np.testing.assert_allclose(got, [by_hand], rtol=1e-5)


def test_layers_saved_before_the_option_are_exclusive():
    assert StepAggregation.from_config({"name": "probabilities", "dtype": "float32", "mode": "max"}).exclusive


@pytest.mark.parametrize("policy", ["mixed_float16", "float32"])
def test_float32_under_any_policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((5, 4), dtype="float32")
        outputs = StepAggregation("weighted")(inputs)
    finally:
        keras.config.set_dtype_policy(before)
    assert outputs.dtype == "float32"
    np.testing.assert_allclose(keras.Model(inputs, outputs)(STEPS.astype("float32")), [EXPECTED["weighted"]], rtol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match="mean, sum, last, max, weighted"):
        StepAggregation("median")
    with pytest.raises(ValueError, match="mode must be one of"):
        StepAggregationCell("median")
    with pytest.raises(ValueError, match=r"\(B, S, C\)"):
        StepAggregation()(STEPS[0])
