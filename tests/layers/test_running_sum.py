"""Running sums of many values."""

import numpy as np
import pytest
from keras import ops

from videorec.layers.running_sum import added, empty_sum, mean_so_far
from videorec.layers.step_aggregation import StepAggregationCell
from videorec.layers.temporal_pooling import TemporalPoolingCell

BEFORE, MORE, VALUE = 100_000, 300, 0.3


def after_many(cell):
    """The result for a stream of equal values, from the states after 100,000 of them."""
    cell.build((None, 2))
    states = cell.get_initial_state(batch_size=1)
    states = [ops.full((1, 2), VALUE * BEFORE), states[1], ops.full((1, 1), BEFORE, dtype="int32")]
    for _ in range(MORE):
        result, states = cell(np.full((1, 2), VALUE, "float32"), states)
    assert int(states[2][0, 0]) == BEFORE + MORE
    return np.asarray(result)


def test_the_mean_of_a_long_stream_keeps_its_digits():
    plain = np.float32(VALUE * BEFORE)
    for _ in range(MORE):
        plain += np.float32(VALUE)
    assert abs(plain / (BEFORE + MORE) - VALUE) > 1e-6  # what is lost otherwise, within the last of the frames alone
    for cell in (TemporalPoolingCell("mean"), StepAggregationCell("mean", exclusive=False)):
        np.testing.assert_allclose(after_many(cell), VALUE, rtol=5e-7)


def test_more_values_than_float32_counts():
    states = [ops.zeros((1, 2)), ops.zeros((1, 2)), ops.full((1, 1), 2**24, dtype="int32")]
    assert int(added(states, ops.ones((1, 2)))[2][0, 0]) == 2**24 + 1


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
def test_mean(shape):
    values, states = np.random.default_rng(0).normal(size=(7, *shape)).astype("float32"), empty_sum(shape)
    for x in values:
        states = added(states, x)
    np.testing.assert_allclose(mean_so_far(states), values.mean(axis=0), atol=1e-6)
