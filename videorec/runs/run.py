"""The run folder `runs/NAME`: configuration, class names, best model and the state to go on from.

config.json    the whole experiment          model.keras   best model, frames in (inference state)
classes.txt    class names, one a line       state/        last two checkpoints: weights, optimizer, counters
recipe.json    what to feed, what comes out  tensorboard/  events
results.json   written by evaluate.py

A run that lies elsewhere (s3://, az://, hdfs://) is worked on in a local folder: videorec.runs.mirror.
"""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path

import keras
import numpy as np

from videorec import models
from videorec.config import Experiment, UserError
from videorec.config import file as config_file
from videorec.data.labels import all_canonical
from videorec.data.sequences import numpy_files
from videorec.runs import recipe
from videorec.runs.mirror import Mirror, run_names
from videorec.storage import files, outside, weights_files

log = logging.getLogger(__name__)

# Settings that may change when a run goes on: they alter neither its data nor its model.
CHANGEABLE = {"name", "runs", "train.epochs", "train.patience", "train.resume", "train.cache_dir"}
CHANGEABLE |= {"data.workers", "data.path", "data.remote_cache_gb"}
CHECKPOINTS = 2
REMEDY = "Bring the file back from a copy of the run, or train anew under another --name"
ANEW = "Start anew with --train.no-resume, or with another --name"


class Run:
    """The files of one run.

    Args:
        folder: an existing run folder (see `create` for a new one).

    Raises:
        UserError: the folder does not exist or is no run, or its configuration cannot be read.
    """

    mirror: Mirror | None = None  # of a remote run

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        file = self.folder / "config.json"
        if not file.exists():
            siblings = sorted(p.parent.name for p in self.folder.parent.glob("*/config.json"))
            known = f" Runs in {self.folder.parent}: {', '.join(siblings)}." if siblings else ""
            raise UserError(f"{self.folder} is no run folder: it has no config.json.{known}")
        with outside.reading(file, REMEDY):
            self.experiment = config_file.from_dict(json.loads(file.read_text(encoding="utf-8")), models.CLASSES)
        file = self.folder / "classes.txt"
        with outside.reading(file, REMEDY):
            lines = file.read_text(encoding="utf-8").split("\n")
            self.classes = all_canonical(line for line in lines if line.strip())

    @property
    def place(self) -> str:
        """Where the run lies for whoever asks: its folder, or its URL."""
        return self.mirror.url if self.mirror else str(self.folder)

    @property
    def model_path(self) -> Path:
        """The best model."""
        return self.folder / "model.keras"

    @property
    def tensorboard(self) -> Path:
        """Folder of the TensorBoard events."""
        return self.folder / "tensorboard"

    @property
    def recipe(self) -> dict:
        """What to feed the model and what comes out, see `videorec.runs.recipe`; made anew for runs that have no file of it.

        Raises:
            UserError: the file is damaged, or of a later version.
        """
        return recipe.read(self.folder) or recipe.make(self.experiment, self.classes)

    # === New and old runs ===

    @classmethod
    def open(cls, place: str | Path) -> "Run":
        """An existing run, local or remote; of a remote one what is newer there is fetched.

        Raises:
            UserError: there is none, or it cannot be read.
        """
        if not files.is_remote(place):
            return cls(place)
        mirror = Mirror(str(place))
        mirror.pull()
        if not (mirror.folder / "config.json").exists():
            folder = mirror.url.rsplit("/", 1)[0]
            raise UserError(
                f"{mirror.url} is no run: it has no config.json. Runs there: {', '.join(run_names(folder)) or 'none'}."
            )
        run = cls(mirror.folder)
        run.mirror = mirror
        return run

    @classmethod
    def resumable(cls, place: str | Path, experiment: Experiment, classes: tuple[str, ...]) -> "Run | None":
        """The run there that this experiment goes on with, or None: nothing there, no finished epoch, or `train.resume` off.

        Nothing is written, but for the local copy of a remote run.

        Raises:
            UserError: it holds another experiment (the differences are named), or it cannot be read.
        """
        if not experiment.train.resume:
            return None
        mirror = Mirror(str(place)) if files.is_remote(place) else None
        if mirror:
            mirror.pull()
        folder = _folder(place, mirror)
        if not (folder / "config.json").exists() or not (folder / "state" / "state.json").exists():
            return None  # without a finished epoch there is nothing to protect
        run = cls(folder)
        run.mirror = mirror
        _check_same(run, experiment, classes)
        return run if run.last_state() else None

    @classmethod
    def create(cls, place: str | Path, experiment: Experiment, classes: tuple[str, ...]) -> "Run":
        """Make the run, or go on with it where it holds the same experiment.

        Raises:
            UserError: it holds another experiment (the differences are named), or it cannot be written.
        """
        if run := cls.resumable(place, experiment, classes):
            mirror = run.mirror
        else:
            mirror = Mirror(str(place)) if files.is_remote(place) else None
            if mirror and not experiment.train.resume:
                mirror.clear()
        folder = _folder(place, mirror)
        try:
            if not experiment.train.resume and (folder / "config.json").exists():
                shutil.rmtree(folder)
            (folder / "state").mkdir(parents=True, exist_ok=True)
            (folder / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
            config_file.save(experiment, folder / "config.json")
        except OSError as error:
            raise UserError(f"The run folder {folder} cannot be written: {error}") from error
        run = cls(folder)
        run.mirror = mirror
        run.push()  # what cannot be written later shows now
        return run

    def push(self) -> None:
        """Bring a remote run up to date; nothing to do for a local one.

        Raises:
            UserError: it cannot be written.
        """
        if self.mirror:
            self.mirror.push()

    # === State ===

    def last_state(self) -> dict | None:
        """The newest checkpoint whose weights file is whole: `{"epoch", "weights", "sha256", "counters"}`, or None."""
        for state in reversed(self._states()):
            path = self.folder / "state" / state["weights"]
            if path.exists() and _sha256(path) == state["sha256"]:
                return state
            log.warning("the checkpoint of epoch %d is damaged (%s): going back one epoch", state["epoch"], path)
        return None

    def restore(self, model: keras.Model, state: dict) -> None:
        """Load weights, optimizer and random state of a checkpoint; the model must be compiled."""
        model.optimizer.build(model.trainable_variables)  # or load_weights would skip the optimizer
        path = self.folder / "state" / state["weights"]
        weights_files.load_weights(model, path, ANEW)

    def save_state(self, model: keras.Model, epoch: int, counters: dict) -> None:
        """Keep weights, optimizer and counters after `epoch` epochs; whole or not at all."""
        weights = self.folder / "state" / f"epoch_{epoch:04d}.weights.h5"
        temporary = weights.with_name(f"new_{weights.name}")
        model.save_weights(temporary)
        entry = {"epoch": epoch, "weights": weights.name, "sha256": _sha256(temporary), "counters": counters}
        os.replace(temporary, weights)
        states = [state for state in self._states() if state["epoch"] < epoch][1 - CHECKPOINTS :] + [entry]
        _replace(self.folder / "state" / "state.json", json.dumps(states, indent=1))
        kept = {state["weights"] for state in states}
        for file in (self.folder / "state").glob("*.weights.h5"):
            if file.name not in kept:
                file.unlink()

    def save_best_weights(self, weights: list[np.ndarray]) -> None:
        """Keep the fitted model's best weights until the whole model is written; whole or not at all."""
        temporary = self.folder / "state" / "new_best.npz"
        np.savez(temporary, *weights)
        os.replace(temporary, self.folder / "state" / "best.npz")

    def load_best_weights(self) -> list[np.ndarray]:
        """What `save_best_weights` kept.

        Raises:
            UserError: the file is missing or damaged.
        """
        path = self.folder / "state" / "best.npz"
        return numpy_files.arrays(path, ANEW)

    def _states(self) -> list[dict]:
        file = self.folder / "state" / "state.json"
        with outside.reading(file, ANEW):
            states = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
            return [_checked(state) for state in states]

    # === Model ===

    def save_recipe(self, contents: dict) -> None:
        """Leave the recipe beside the model."""
        _replace(self.folder / recipe.NAME, recipe.as_text(contents))

    def save_model(self, model: keras.Model) -> None:
        """Replace the best model; whole or not at all."""
        temporary = self.folder / "new_model.keras"
        model.save(temporary)
        os.replace(temporary, self.model_path)

    def check_model(self) -> None:
        """Raises:
        UserError: there is no model yet.
        """
        if not self.model_path.exists():
            raise UserError(f"{self.model_path} does not exist: the run has not finished an epoch yet.")

    def load_model(self) -> keras.Model:
        """The best model, not compiled.

        Raises:
            UserError: there is none yet, or the file is damaged.
        """
        self.check_model()
        return weights_files.load_model(self.model_path, REMEDY)


def _checked(state: dict) -> dict:
    """An entry of state.json; what is none raises."""
    kinds = {"epoch": int, "weights": str, "sha256": str, "counters": dict}
    for name, kind in kinds.items():
        if not isinstance(state[name], kind):
            raise ValueError(f"{name} of a checkpoint must be of the type {kind.__name__}. Received: {state[name]!r}")
    if Path(state["weights"]).name != state["weights"]:
        raise ValueError(f"weights of a checkpoint must be a file beside it. Received: {state['weights']!r}")
    return state


def _folder(place: str | Path, mirror: Mirror | None) -> Path:
    return mirror.folder if mirror else Path(place).expanduser()


def _check_same(run: Run, experiment: Experiment, classes: tuple[str, ...]) -> None:
    experiment = config_file.from_dict(config_file.to_dict(experiment), models.CLASSES)  # as it would be read back
    lines = config_file.differences(config_file.to_dict(run.experiment), config_file.to_dict(experiment))
    fixed = [x for x in lines if x.split(":")[0] not in CHANGEABLE and not x.startswith("evaluate.")]
    if run.classes != classes:
        fixed.append(f"classes: {', '.join(run.classes)} -> {', '.join(classes)}")
    if fixed:
        raise UserError(
            f"{run.folder} holds a run with other settings:\n  " + "\n  ".join(fixed) + "\nGive this run another --name, "
            "or replace the old one with --train.no-resume"
        )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f"new_{path.name}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
