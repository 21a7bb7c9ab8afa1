"""Callbacks on their own, with a model of one weight."""

import keras
import numpy as np
import pytest

from videorec.config import Train, UserError
from videorec.data.problems import Problems
from videorec.training import callbacks
from videorec.training.callbacks import Checkpoint, EpochSeeds, Guard


class FakeRun:
    """Notes what is saved."""

    def __init__(self):
        self.models, self.states = [], []

    def save_best_weights(self, weights):
        pass

    def save_model(self, model):
        self.models.append(float(model.get_weights()[0][0, 0]))

    def save_state(self, model, epoch, counters):
        self.states.append(dict(counters))


def one_weight() -> keras.Model:
    x = keras.Input((1,))
    return keras.Model(x, keras.layers.Dense(1, use_bias=False)(keras.layers.Dropout(0.5)(x)))


def run_epochs(values, **train) -> FakeRun:
    """A run whose weight is the number of the epoch, with the given validation accuracies."""
    run, model = FakeRun(), one_weight()
    callback = Checkpoint(run, model, Train(**train))
    callback.set_model(model)
    callback.set_params({"epochs": len(values)})
    model.stop_training = False
    for epoch, value in enumerate(values):
        model.set_weights([np.full((1, 1), epoch + 1.0)])
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": value, "probabilities_accuracy": 0.0, "val_probabilities_accuracy": value})
        if model.stop_training:
            break
    return run


def test_the_best_is_kept_and_of_equals_the_later():
    run = run_epochs([0.2, 0.5, 0.4, 0.5, 0.1])
    assert run.models == [1, 2, 4]
    assert run.states[-1]["best_epoch"] == 4 and run.states[-1]["best"] == 0.5


def test_the_lowest_loss_is_the_best():
    assert run_epochs([0.2, 0.5, 0.1], monitor="loss").models == [1, 3]


def test_the_last_model_whatever_the_figures():
    run = run_epochs([0.9, 0.5, 0.1], monitor="last", patience=1)
    assert run.models == [1, 2, 3]


def test_ties_do_not_prolong_the_patience():
    run = run_epochs([0.5, 0.5, 0.5, 0.5, 0.9], patience=3)
    assert len(run.states) == 4 and run.models == [1, 2, 3, 4]


class Clock(keras.callbacks.Callback):
    """A clock on which a training step takes 1 s, one of validation 10 s, and what other callbacks do after an epoch 100 s."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def monotonic(self):
        return self.now

    def on_train_batch_end(self, batch, logs=None):
        self.now += 1

    def on_test_batch_end(self, batch, logs=None):
        self.now += 10

    def on_epoch_end(self, epoch, logs=None):
        self.now += 100


@pytest.mark.parametrize(
    "before, wanted",
    [
        (None, [12, 24]),
        ({"best": 0.5, "best_epoch": 1, "wait": 0, "history": [{}], "stored": True, "seconds": 30.5}, [42.5, 54.5]),
        ({"best": 0.5, "best_epoch": 1, "wait": 0, "history": [{}], "stored": True}, [12, 24]),  # an older checkpoint
    ],
)
def test_seconds_of_training_and_validation_add_up_over_resumed_parts(monkeypatch, before, wanted):
    run, model, clock = FakeRun(), one_weight(), Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    model.compile("sgd", "mse")
    x = np.ones((4, 1), np.float32)
    checkpoint = Checkpoint(run, model, Train(monitor="loss"), before)
    model.fit(x, x, 2, 2, verbose=0, validation_data=(x, x), validation_batch_size=4, callbacks=[checkpoint, clock])
    assert [state["seconds"] for state in run.states] == wanted


def test_guard_names_step_rate_and_last_good_state():
    model = one_weight()
    model.compile("sgd", "mse")
    guard = Guard(Problems(1, 0.0))
    guard.set_model(model)
    guard.on_epoch_begin(2)
    guard.on_train_batch_end(4, {"loss": 1.0})
    with pytest.raises(
        UserError, match=r"loss is nan at step 5 of epoch 3, learning rate 0\.01.*good state is that of epoch 2"
    ):
        guard.on_train_batch_end(4, {"loss": float("nan")})


def test_dropout_depends_on_the_epoch_alone():
    model, x = one_weight(), np.ones((64, 1), np.float32)
    callback = EpochSeeds()
    callback.set_model(model)

    def draw(epoch):
        callback.on_epoch_begin(epoch)
        return keras.ops.convert_to_numpy(model(x, training=True))

    first, second, again = draw(0), draw(1), draw(0)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
