"""The clock of who waits for the input."""

import time

import pytest
import tensorflow as tf

from videorec.training.waiting import Waiting


def test_the_clock_says_what_the_taker_waited():
    """Each batch takes 20 ms to make when it is asked for, and its taker 40 ms: nothing is made ahead."""
    waiting, waited = Waiting(), 0.0
    made = tf.data.Dataset.range(100).map(lambda i: tf.numpy_function(lambda x: time.sleep(0.02) or x, [i], tf.int64))
    batches = iter(waiting.around(made.batch(1)))
    next(batches)
    before = waiting.seconds
    for _ in range(10):
        began = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - began
        time.sleep(0.04)
    assert waiting.seconds - before == pytest.approx(waited, abs=0.1 * waited + 0.02)
