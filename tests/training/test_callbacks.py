"""Callbacks on their own, with small models."""

import keras
import numpy as np
import pytest

from videorec import models
from videorec.config import Data, Experiment, Train, UserError
from videorec.data.problems import Problems
from videorec.models.lrcn import LRCN
from videorec.models.split import split
from videorec.runs.run import Run
from videorec.training import callbacks
from videorec.training.averages import AveragedWeights
from videorec.training.callbacks import Checkpoint, EpochSeeds, Guard, stopped_early


class FakeRun:
    """Notes what is saved."""

    folder = "runs/x"

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


def drive(callback: Checkpoint, model: keras.Model, values, first=0, epochs=None) -> None:
    """Epochs with the given validation accuracies, after which each weight is the number of the epoch, from 1."""
    callback.set_model(model)
    callback.set_params({"epochs": epochs or len(values)})
    model.stop_training = False
    for epoch, value in enumerate(values, start=first):
        model.set_weights([np.full(weight.shape, epoch + 1.0) for weight in model.get_weights()])
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": value, "probabilities_accuracy": 0.0, "val_probabilities_accuracy": value})
        if model.stop_training:
            break


def run_epochs(values, **train) -> FakeRun:
    """A run whose one weight is the number of the epoch."""
    run, model = FakeRun(), one_weight()
    drive(Checkpoint(run, model, Train(**train)), model, values)
    return run


def test_the_best_is_kept_and_of_equals_the_later():
    run = run_epochs([0.2, 0.5, 0.4, 0.5, 0.1])
    assert run.models == [1, 2, 4]
    assert run.states[-1]["best_epoch"] == 4 and run.states[-1]["best"] == 0.5


def test_the_lowest_loss_is_the_best():
    assert run_epochs([0.2, 0.5, 0.1], monitor="loss").models == [1, 3]


def test_the_last_model_whatever_its_accuracy():
    run = run_epochs([0.9, 0.5, 0.1], monitor="last", patience=1)
    assert run.models == [1, 2, 3]


def test_ties_do_not_prolong_the_patience():
    run = run_epochs([0.5, 0.5, 0.5, 0.5, 0.9], patience=3)
    assert len(run.states) == 4 and run.models == [1, 2, 3, 4]


def test_early_stopping_survives_a_resume():
    """The first of five epochs is the best; the run is interrupted after the second."""
    values, train = [0.5, 0.4, 0.3, 0.2, 0.1], Train(patience=3)
    run, model = FakeRun(), one_weight()
    drive(Checkpoint(run, model, train), model, values[:2], epochs=5)
    assert not stopped_early(train, run.states[-1])
    drive(Checkpoint(run, model, train, run.states[-1]), model, values[2:], first=2, epochs=5)
    assert len(run.states) == 4 and run.states[-1]["best_epoch"] == 1
    assert stopped_early(train, run.states[-1])


def test_a_full_disk_is_named():
    class FullDisk(FakeRun):
        def save_state(self, model, epoch, counters):
            raise OSError(28, "No space left on device")

    run, model = FullDisk(), one_weight()
    with pytest.raises(UserError, match="cannot be written after epoch 2.*No space left on device.*saved before is whole"):
        drive(Checkpoint(run, model, Train()), model, [0.5], first=1)


# === The best model ===


def frozen_model() -> tuple[keras.Model, keras.Model]:
    """A whole model whose backbone is not trained, and its head, compiled."""
    tiny = {"backbone": "tiny", "tap": "fc", "weights": None, "trainable_from": "none"}
    whole = models.build("lrcn", {"rgb": (4, 16, 16, 3)}, 2, units=4, **tiny)
    _, head = split(whole)
    head.compile("sgd", {"steps": keras.losses.CategoricalCrossentropy(from_logits=True)})
    return whole, head


def test_the_best_model_survives_a_crash_before_it_was_stored(tmp_path):
    """Epoch 1 stores the whole model, epoch 2 is better and keeps the head's weights only; then the power fails."""
    run = Run.create(tmp_path / "x", Experiment("x", Data(), LRCN()), ("a", "b"))
    whole, head = frozen_model()
    drive(Checkpoint(run, whole, Train()), head, [0.1, 0.9], epochs=3)
    _, stored = split(run.load_model())
    assert all((weight == 1).all() for weight in stored.get_weights())
    whole, head = frozen_model()
    state = run.last_state()
    run.restore(head, state)
    assert state["epoch"] == 2 and all((weight == 2).all() for weight in head.get_weights())
    drive(Checkpoint(run, whole, Train(), state["counters"]), head, [0.2], first=2, epochs=3)
    assert run.last_state()["counters"]["best_epoch"] == 2
    _, stored = split(run.load_model())
    assert all((weight == 2).all() for weight in stored.get_weights())
    assert all((weight == 3).all() for weight in head.get_weights())


def test_a_state_of_another_network_is_said_to_be_one(tmp_path):
    run = Run.create(tmp_path / "x", Experiment("x", Data(), LRCN()), ("a", "b"))
    whole, head = frozen_model()
    drive(Checkpoint(run, whole, Train()), head, [0.1], epochs=3)
    whole.compile("sgd", {"steps": keras.losses.CategoricalCrossentropy(from_logits=True)})
    with pytest.raises(
        UserError, match=r"whole, by its checksum, so that it is of another network.*--train\.no-resume starts anew"
    ):
        run.restore(whole, run.last_state())


# === Averaged weights ===


class WeightRun(FakeRun):
    """Notes the weights of every state that is saved."""

    def save_state(self, model, epoch, counters):
        self.states.append({"weight": float(model.get_weights()[0][0, 0]), **counters})


@pytest.mark.parametrize("validated", [True, False])
def test_averages_are_validated_and_kept_and_training_goes_on_with_the_weights(validated):
    """w -= 0.1 dL/dw for L = (w - 2)^2 from w = 0; the average begins with the first step's w, then a = 0.75 a + 0.25 w."""
    weights, averages = [], []
    for _ in range(6):
        weights.append((weights or [0.0])[-1] - 0.1 * 2 * ((weights or [0.0])[-1] - 2))
        averages.append(0.75 * averages[-1] + 0.25 * weights[-1] if averages else weights[0])
    x = keras.Input((1,))
    model, run = keras.Model(x, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x)), WeightRun()
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75), "mse")
    kept = AveragedWeights(on=True)
    checkpoint = Checkpoint(run, model, Train(monitor="loss" if validated else "last"), own=kept.own)
    ones = np.ones((2, 1), np.float32)
    validation = {"validation_data": (ones, 2 * ones)} if validated else {}
    model.fit(ones, 2 * ones, 1, 3, verbose=0, callbacks=[kept, checkpoint], **validation)  # two steps an epoch
    np.testing.assert_allclose(run.models, averages[1::2], rtol=1e-5)
    np.testing.assert_allclose([state["weight"] for state in run.states], weights[1::2], rtol=1e-5)
    if validated:
        losses = [epoch["val_loss"] for epoch in run.states[-1]["history"]]
        np.testing.assert_allclose(losses, [(a - 2) ** 2 for a in averages[1::2]], rtol=1e-5)


# === Time ===


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


# === Guard and seeds ===


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
