"""The curves of an epoch."""

import itertools

import keras
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from videorec.training import curves


def test_throughput_is_that_of_the_steps_that_were_done(tmp_path, monkeypatch):
    """80 samples in epochs of 10 steps; the second epoch ends after 4 of them, with 32 samples. Each reading of the clock is
    2 s after the one before, and both epochs have as many."""

    class StopsAfter14(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            self.model.stop_training = self.steps == 14

    clock = itertools.count(0, 2)
    monkeypatch.setattr(curves.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(curves.Curves, "write", lambda self, epoch: None)
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    shown = curves.Curves(tmp_path, 80)
    monkeypatch.setattr(shown.budget, "allows", lambda epoch: False)
    model.fit(np.zeros((80, 1)), np.zeros((80, 1)), 8, 2, verbose=0, callbacks=[StopsAfter14(), shown])
    events = EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    rates = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors("4 input/clips_per_second")]
    assert rates[0] / rates[1] == 80 / 32
