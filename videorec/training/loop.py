"""What training has in common, whatever is learnt: set-up, start, interrupts."""

import contextlib
import dataclasses
import logging
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from videorec.config import Fit, UserError
from videorec.models.transfer import transfer
from videorec.runs.run import Run
from videorec.storage import files
from videorec.training.callbacks import Checkpoint, EpochSeeds, ProgressBar, Push, stopped_early
from videorec.training.interrupts import sigterm_as_ctrl_c

log = logging.getLogger(__name__)


def set_up(train: Fit) -> tf.distribute.Strategy:
    """Seeds, determinism, precision and devices; call it before anything is built."""
    keras.utils.set_random_seed(train.seed)
    if train.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(train.precision)
    if not train.multi_gpu:
        return tf.distribute.get_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        raise UserError(f"--train.multi-gpu needs at least two GPUs; TensorFlow sees {len(gpus)}.")
    return tf.distribute.MirroredStrategy()


@dataclasses.dataclass
class Feed:
    """What `fit` is fed: `model` is the whole model on frames, or its head on cached features."""

    model: keras.Model
    train: Callable[[range], tf.data.Dataset]
    """Batches of the given epochs."""
    val: tf.data.Dataset | None
    clips: int
    """Training clips an epoch."""


def steps(food: Feed, train: Fit) -> int:
    """Training steps an epoch."""
    return -(-food.clips // train.batch)


def load_initial(path: str) -> keras.Model:
    """The model to start from: a run folder's best, or a .keras file.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    if files.is_remote(path) or Path(path).is_dir():
        return Run.open(path).load_model()
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        rule = "--train.init must be a run folder or a local .keras file"
        raise UserError(f"{rule}. {path} cannot be read as one: {error}") from error


def initialise(run: Run, train: Fit, model: keras.Model) -> None:
    """Start a new run from the weights of `train.init`, where there are any."""
    if train.init and run.last_state() is None:
        transfer([(load_initial(origin), origin) for origin in train.init], model)


def resume(run: Run, model: keras.Model) -> tuple[int, dict | None]:
    """Epochs done and their counters, after loading the last state where there is one."""
    state = run.last_state()
    if state is None:
        return 0, None
    run.restore(model, state)
    log.info("%s: going on after epoch %d", run.place, state["epoch"])
    return state["epoch"], state["counters"]


def is_finished(run: Run, train: Fit, epoch: int, counters: dict | None) -> bool:
    """Whether nothing is left to train, and the log says so."""
    finished = epoch >= train.epochs or (counters is not None and stopped_early(train, counters))
    if finished:
        log.info("%s is finished after %d epochs; more with --train.epochs", run.place, epoch)
    return finished


def fit(
    food: Feed,
    run: Run,
    whole: keras.Model,
    train: Fit,
    state: tuple[int, dict | None],
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train the compiled `food.model`, and keep `whole` with the best weights.

    Args:
        food: what is fitted, and on what.
        run: where state and model are kept.
        whole: the model that is saved; shares its weights with `food.model`.
        train: epochs and batch.
        state: what `resume` gave.
        callbacks: further ones, called after the state is saved.
    """
    epoch, counters = state
    bar, checkpoint = ProgressBar(train.batch, food.clips), Checkpoint(run, whole, train, counters)
    with sigterm_as_ctrl_c(), contextlib.closing(bar), contextlib.closing(checkpoint):
        food.model.fit(
            food.train(range(epoch, train.epochs)),
            steps_per_epoch=steps(food, train),
            initial_epoch=epoch,
            epochs=train.epochs,
            validation_data=food.val,
            callbacks=[EpochSeeds(), checkpoint, *callbacks, bar, Push(run)],
            shuffle=False,  # the pipeline does
            verbose=0,
        )
