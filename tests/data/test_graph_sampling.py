"""The frames that a graph draws of a video are those that an evaluation draws."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from videorec.config import Data
from videorec.data import graph_sampling, sampling

COUNTS = [*range(1, 40), 45, 54, 77, 100, 119, 128, 250, 999, 1000, 3001, 100_003]


def expected(count, data, clips):
    if clips == 0:
        return sampling.dense_windows(count, data.frames, data.step, data.hop, data.short)
    if data.sampling == "uniform":
        return sampling.uniform_views(count, data.frames, clips, data.short)
    if data.sampling == "dense":
        return sampling.spread_windows(count, data.frames, data.step, clips, data.short)
    return np.stack([sampling.window(count, data.frames, data.step, 0, data.short)] * clips)


@pytest.mark.parametrize("short", ["hold", "repeat"])
@pytest.mark.parametrize("rule", ["uniform", "dense", "first"])
def test_the_indices_of_an_evaluation(rule, short):
    clips = [1, 3, 10] + [0] * (rule == "dense")
    for frames, step, number in itertools.product([4, 15], [1, 2], clips):
        data = Data(sampling=rule, short=short, frames=frames, step=step, hop=7)
        draw = tf.function(lambda n: graph_sampling.drawn(n, data, number), autograph=False)  # noqa: B023
        draw = draw.get_concrete_function(tf.TensorSpec((), tf.int32))
        for count in COUNTS:
            got = draw(tf.constant(count))
            np.testing.assert_array_equal(got, expected(count, data, number), f"{frames} x {step}, {number} of {count}")
