"""Training, once for every task: check -> load -> build -> feed -> compile -> resume -> fit.

Everything that can be refused is refused before the run folder is touched.
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from videorec.config import Experiment, Fit, Footage, UserError
from videorec.config import file as config_file
from videorec.data import pictures
from videorec.data.intervals import frame_intervals
from videorec.data.record import Record
from videorec.models import backend, hosts
from videorec.runs import accelerators, lock, recipe
from videorec.runs.run import Run
from videorec.storage import files
from videorec.training import devices
from videorec.training.averages import AveragedWeights
from videorec.training.board.beside import beside
from videorec.training.callbacks import (
    Checkpoint,
    EpochSeeds,
    Guard,
    ProgressBar,
    Push,
    push_if_possible,
    steps_done,
    stopped_early,
)
from videorec.training.feed import Feed
from videorec.training.initial import check_initial, initialise
from videorec.training.interrupted import raised_again
from videorec.training.interrupts import sigterm_as_ctrl_c

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def train(task, experiment: Experiment, progress: Progress = lambda done, total: None) -> Run:
    """Train the run of an experiment, or go on with it; its folder holds the best model and the last state afterwards.

    Args:
        task: the `videorec.tasks.task.Task` of the experiment.
        progress: of the features that are computed ahead.

    Raises:
        UserError: what the task refuses, another experiment in the run's place, or a folder that cannot be written.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the last finished epoch is kept, and the log says which.
    """
    task.check(experiment)
    for origin in experiment.train.init:
        check_initial(origin)
    strategy = set_up(experiment.train)
    place = files.join(experiment.runs, experiment.name)
    with contextlib.ExitStack() as stack:
        with hosts.failing_together():
            if hosts.count() > 1 and files.is_remote(place):
                raise UserError(f"Several processes train in one folder (--runs), which all of them see. Received: {place}")
            if hosts.first():
                stack.enter_context(lock.held(place))
            hosts.agree({"settings": config_file.as_text(experiment)})
        return _train(task, experiment, strategy, place, progress)


def _train(task, experiment: Experiment, strategy: tf.distribute.Strategy, place: str, progress: Progress) -> Run:
    """What nobody else may do to this run at the same time."""
    with hosts.failing_together():
        run = Run.resumable(place, experiment)
        dataset = load(task, experiment, run.record if run else None)
        if run:
            run.check_classes(dataset.classes)
        log.info("%s: %s", run.place if run else place, dataset.describe())
        finished = run is not None and is_finished(run, experiment.train)
        whole_model = finished and run.has_whole_model()
        hosts.agree(_compared(dataset, run, whole_model) if hosts.count() > 1 else None)
    if whole_model:
        run.push()  # where the upload failed before
        return run
    with sigterm_as_ctrl_c(), _told_when_stopped(place, experiment.train.resume, lambda: run):
        with hosts.failing_together(), strategy.scope():
            whole = backend.without_cudnn(task.build(experiment, dataset))
            if run is None:
                initialise(whole, experiment.train)
            problems = task.problems(experiment, dataset)
            feed = task.feed(experiment, dataset, whole, problems, progress)
            if feed.val is None:
                _say_what_is_kept(experiment.train.monitor)
            compiled = functools.partial(
                task.compile, experiment=experiment, dataset=dataset, steps=feed.steps(experiment.train.batch)
            )
            compiled(feed.model)
            run = _made(place, experiment, dataset, whole, run)
            epoch, counters = resume(run, feed.model)
            hosts.agree()  # all have read the state, before the first writes one
        if finished:
            mend(run, feed, whole, experiment.train, counters)
        else:
            shown = task.callbacks(run, experiment, dataset, whole, feed, problems) if hosts.first() else []
            callbacks = [Guard(problems), *shown, *beside(shown, run, experiment, dataset, whole, feed)]
            fit(feed, run, whole, experiment.train, (epoch, counters), callbacks, compiled)
            hosts.agree()  # none ends before the first has written all
    run.push()
    return run


def _compared(dataset, run: Run | None, finished: bool) -> dict[str, str]:
    """What all processes must have found alike."""
    state = run.last_state() if run else None
    return {
        "videos, splits and classes": repr((dataset.record().to_bytes(), dataset.classes)),
        "run folder": repr((state and state["epoch"], finished)),
    }


def _made(place: str, experiment: Experiment, dataset, whole: keras.Model, run: Run | None) -> Run:
    """The run's folder, made by the first process, with its recipe; `run`: what it goes on with."""
    if hosts.first():
        known = recipe.read(run.folder) if run else None
        run = Run.create(place, experiment, dataset.classes, dataset.record())
        leave_recipe(run, dataset, whole, known)
    hosts.agree()
    return run if hosts.first() else Run.open(place)


def load(task, experiment: Experiment, known: Record | None = None):
    """What the task loads, after a look at the values of pictures.

    Args:
        known: the record of the run that goes on, whose split stays.

    Raises:
        UserError: as `Task.load`, or pictures that `data.values` must be given for.
    """
    dataset = task.load(experiment, known)
    if isinstance(experiment.data, Footage):
        pictures.check_values([video.path for video in dataset.videos], experiment.data.values)
    return dataset


def set_up(train: Fit) -> tf.distribute.Strategy:
    """Seeds, determinism, precision and devices; call it before anything is built.

    Raises:
        UserError: Keras runs on a backend that does not train, or devices that are not there are asked for.
    """
    backend.check("Training", backend.TRAINING)
    accelerators.leave_to_jax()
    if train.deterministic:
        accelerators.make_deterministic()
    keras.utils.set_random_seed(train.seed)
    hosts.share(train.multi_gpu and backend.on_jax())
    keras.config.set_dtype_policy(train.precision)
    if backend.on_jax() or not train.multi_gpu:
        return tf.distribute.get_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        raise UserError(f"--train.multi-gpu needs at least two GPUs; TensorFlow sees {len(gpus)}.")
    return tf.distribute.MirroredStrategy()


# === Start ===


def leave_recipe(run: Run, dataset, model: keras.Model, known: dict | None) -> None:
    """Leave in the run what is to be fed to its model, by its settings of now.

    Args:
        known: the recipe of a run that goes on, whose intervals stay; None: they are measured.
    """
    experiment = run.experiment
    on_videos, intervals = isinstance(experiment.data, Footage), None
    if known:
        intervals = {stream: entry["interval"] for stream, entry in known["streams"].items()}
    elif on_videos:
        intervals = frame_intervals(dataset.split("train"), experiment.data)
    shape = None if on_videos else tuple(model.input["rgb"].shape[2:])
    run.save_recipe(recipe.make(experiment, run.classes, shape, intervals))


def _say_what_is_kept(monitor: str) -> None:
    last, best = "the model of the last epoch is kept", f"the model of the best {monitor} in training is kept"
    log.info("no validation set: %s", last if monitor == "last" else f"{best} (--train.monitor last: of the last epoch)")


def resume(run: Run, model: keras.Model) -> tuple[int, dict | None]:
    """Epochs done and their counters, after loading the last state where there is one."""
    state = run.last_state()
    if state is None:
        model.optimizer.build(model.trainable_variables)  # else the first step makes its variables, and is traced twice
        return 0, None
    run.restore(model, state)
    log.info("%s: going on after epoch %d", run.place, state["epoch"])
    counters = state["counters"]
    if not run.has_whole_model():
        log.warning("%s is missing or damaged: it is written anew from state/", run.model_path)
        counters = counters | {"stored": False}
    return state["epoch"], counters


def mend(run: Run, feed: Feed, whole: keras.Model, train: Fit, counters: dict) -> None:
    """Write the best model of a finished run anew."""
    checkpoint = Checkpoint(run, whole, train, counters)
    checkpoint.set_model(feed.model)
    checkpoint.store_best()


def is_finished(run: Run, train: Fit) -> bool:
    """Whether nothing is left to train, and the log says so."""
    state = run.last_state()
    if state is None:
        return False
    steps = steps_done(train, state["counters"])
    finished = steps or state["epoch"] >= train.epochs or stopped_early(train, state["counters"])
    if finished:
        more = "--train.steps" if steps else "--train.epochs"
        log.info("%s is finished after %d epochs; more with %s", run.place, state["epoch"], more)
    return finished


# === Fit ===


def fit(
    feed: Feed,
    run: Run,
    whole: keras.Model,
    train: Fit,
    state: tuple[int, dict | None],
    callbacks: Sequence[keras.callbacks.Callback],
    compile_model: Callable[[keras.Model], None],
) -> None:
    """Train the compiled `feed.model` on batches that come shuffled, and keep `whole` with the best weights.

    Args:
        feed: what is trained, and on what.
        run: where state and model are kept.
        whole: the model that is saved; shares its weights with `feed.model`.
        train: epochs, steps and batch.
        state: what `resume` gave.
        callbacks: further ones, called after the state is saved.
        compile_model: compiles a model as `feed.model` is.
    """
    epoch, counters = state
    steps = feed.steps(train.batch)
    counters = {"steps": epoch * steps} | (counters or {})  # checkpoints of before they were counted: of whole epochs
    epochs = last_epoch(train, steps, epoch, counters["steps"])
    bar, averages = ProgressBar(train.batch, feed.clips), AveragedWeights(train.ema is not None)
    checkpoint = Checkpoint(run, whole, train, counters, averages.own)
    callbacks = [EpochSeeds(), averages, checkpoint, *callbacks, *((bar, Push(run)) if hosts.first() else ())]
    options = {"steps_per_epoch": steps, "initial_epoch": epoch, "epochs": epochs, "verbose": 0, "shuffle": False}
    with (
        feed.own_errors(),
        backend.errors_of_steps(),
        contextlib.closing(bar),
        contextlib.closing(checkpoint),
        raised_again() as interrupted,
    ):
        options["callbacks"] = [interrupted, *callbacks]
        if hosts.distribution():
            devices.fit(feed, compile_model, **options)
        else:
            feed.model.fit(feed.waiting.around(feed.train(range(epoch, epochs))), validation_data=feed.val, **options)


def last_epoch(train: Fit, steps: int, epoch: int = 0, done: int = 0) -> int:
    """How many epochs training ends after.

    Args:
        steps: an epoch.
        epoch: epochs that are finished; the last may have been a part of one.
        done: steps that they had.
    """
    left = train.epochs - epoch if train.steps is None else -(-(train.steps - done) // steps)
    return min(train.epochs, epoch + left)


@contextlib.contextmanager
def _told_when_stopped(place: str, resume: bool, current: Callable[[], Run | None]):
    """After Ctrl-C the log says what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        run = current()
        state = run.last_state() if run else None
        if state is None:
            log.warning("stopped before the first epoch of %s was finished. The same command starts again.", place)
        else:
            command = "The same command" if resume else "The same command without --train.no-resume"
            log.warning("stopped; the state after epoch %d is kept. %s goes on from there.", state["epoch"], command)
            push_if_possible(run)
        raise
