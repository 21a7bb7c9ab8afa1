"""The run folder `runs/NAME`: configuration, class names, best model and the state to go on from.

config.json    the whole experiment          model.keras   best model, frames in (inference state)
classes.txt    class names, one a line       state/        last two checkpoints: weights, optimizer, counters
recipe.json    what to feed, what comes out  tensorboard/  events
videos.csv     which videos, in which split  results.json   written by evaluate.py

A run that lies elsewhere (s3://, az://, hdfs://) is worked on in a local folder: videorec.runs.mirror.
"""

import json
import zipfile
import zlib
from pathlib import Path

import keras

from videorec import models
from videorec.config import Experiment, UserError
from videorec.config import file as config_file
from videorec.data import record
from videorec.data.labels import all_canonical
from videorec.data.record import Record
from videorec.models import backend
from videorec.runs import accelerators, places, recipe
from videorec.runs.checkpoints import ANEW, Checkpoints
from videorec.runs.mirror import Mirror, run_names
from videorec.storage import files, leftovers, outside, weights_files

# Settings that may change when a run goes on: they alter neither its data nor its model.
CHANGEABLE = {"name", "runs", "train.epochs", "train.steps", "train.patience", "train.profile", "train.resume"}
CHANGEABLE |= {"train.cache_dir", "train.multi_gpu", "data.workers", "data.path", "data.remote_cache_gb"}

REMEDY = "Bring the file back from a copy of the run, or train anew under another --name"
MODEL_REMEDY = "Where state/ is whole, the command that trained the run writes it anew"


class Run(Checkpoints):
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
            UserError: the file is damaged, of a later version, or of another run.
        """
        kept = recipe.read(self.folder)
        if kept and all_canonical(kept["classes"]) != self.classes:
            raise _mixed(self, "recipe.json and classes.txt name other classes")
        return kept or recipe.make(self.experiment, self.classes)

    @property
    def record(self) -> Record | None:
        """Its videos, with the split that each was in; None of older runs, which have no file of them.

        Raises:
            UserError: the file is damaged.
        """
        return record.read(self.folder / record.NAME)

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
    def resumable(cls, place: str | Path, experiment: Experiment) -> "Run | None":
        """The run there that this experiment goes on with, or None: nothing there, no finished epoch, or `train.resume` off.

        Nothing is written, but for the local copy of a remote run.

        Raises:
            UserError: it holds another experiment (the differences are named), it cannot be read or has lost what it needs to
                go on, or something else is there.
        """
        mirror = Mirror(str(place)) if files.is_remote(place) else None
        if mirror:
            mirror.pull()
        folder = _folder(place, mirror)
        places.check_is_free(folder)
        if not experiment.train.resume:
            return None
        places.check_state(folder)
        if not (folder / "state" / "state.json").exists():
            return None  # without a finished epoch there is nothing to protect
        run = cls(folder)
        run.mirror = mirror
        _check_same(run, experiment)
        if run.states() and not run.last_state():
            raise UserError(f"The run {folder} cannot go on: all its checkpoints in state/ are damaged. {ANEW}")
        return run if run.last_state() else None

    @classmethod
    def create(cls, place: str | Path, experiment: Experiment, classes: tuple[str, ...], videos: Record | None = None) -> "Run":
        """Make the run, or go on with it where it holds the same experiment. An old run that it replaces is renamed.

        Raises:
            UserError: as `resumable`; other classes, or it cannot be written.
        """
        old = cls.resumable(place, experiment)
        mirror = old.mirror if old else Mirror(str(place)) if files.is_remote(place) else None
        folder = _folder(place, mirror)
        try:
            if old:
                old.check_classes(classes)
            else:
                places.make_room(folder, mirror, experiment.train.resume)
            (folder / "state").mkdir(parents=True, exist_ok=True)
            places.sweep(folder)
            _begin(folder, experiment, classes, videos)
        except OSError as error:
            raise UserError(f"The run folder {folder} cannot be written: {error}") from error
        run = cls(folder)
        run.mirror = mirror
        run.push()  # what cannot be written later shows now
        return run

    @classmethod
    def add(
        cls,
        folder: Path,
        experiment: Experiment,
        classes: tuple[str, ...],
        videos: Record,
        contents: dict,
        model: keras.Model,
    ) -> "Run":
        """Make a run that nothing trained, with its recipe `contents`; whole or not at all.

        Raises:
            UserError: something is there, or it cannot be written.
        """
        places.check_is_new(folder)
        try:
            files.make_folder(folder.parent)
            with leftovers.working_folder(folder.parent, folder.name) as made:
                (made / "run").mkdir()
                _begin(made / "run", experiment, classes, videos)
                run = cls(made / "run")
                run.save_recipe(contents)
                run.save_model(model)
                run.folder.rename(folder)
        except OSError as error:
            raise UserError(f"The run folder {folder} cannot be written: {error}") from error
        return cls(folder)

    def push(self) -> None:
        """Bring a remote run up to date; nothing to do for a local one.

        Raises:
            UserError: it cannot be written.
        """
        if self.mirror:
            self.mirror.push()

    # === Model ===

    def save_recipe(self, contents: dict) -> None:
        """Leave the recipe beside the model."""
        files.write_if_new(self.folder / recipe.NAME, recipe.as_text(contents).encode())

    def save_model(self, model: keras.Model) -> None:
        """Replace the best model; whole or not at all."""
        temporary = self.folder / "new_model.keras"
        model.save(temporary)
        files.replace(temporary, self.model_path)

    def check_model(self) -> None:
        """Raises:
        UserError: there is no model yet.
        """
        if not self.model_path.exists():
            raise UserError(f"{self.model_path} does not exist: the run has not finished an epoch yet.")

    def load_model(self) -> keras.Model:
        """The best model, not compiled.

        Raises:
            UserError: there is none yet, the file is damaged, or it is not that of the run's classes.
        """
        self.check_model()
        accelerators.leave_to_jax()
        model = backend.without_cudnn(weights_files.load_model(self.model_path, MODEL_REMEDY))
        name = next((name for name in ("probabilities", "steps") if name in model.output), None)
        outputs = model.output[name].shape[-1] if name else len(self.classes)
        if outputs != len(self.classes):
            raise _mixed(self, f"model.keras has {outputs} outputs, classes.txt {len(self.classes)} names")
        _ = self.recipe  # refused where it names other classes
        return model

    def has_whole_model(self) -> bool:
        """Whether the best model is there, every byte of it as it was written."""
        try:
            with zipfile.ZipFile(self.model_path) as archive:
                return archive.testzip() is None
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            return False

    def check_classes(self, classes: tuple[str, ...]) -> None:
        """Raises:
        UserError: the data have other classes than the run.
        """
        if self.classes != classes:
            raise _refusal(self, [f"classes: {', '.join(self.classes)} -> {', '.join(classes)}"])


def _folder(place: str | Path, mirror: Mirror | None) -> Path:
    return mirror.folder if mirror else Path(place).expanduser()


def _begin(folder: Path, experiment: Experiment, classes: tuple[str, ...], videos: Record | None) -> None:
    """Write what a run has from its start on."""
    if videos is not None:
        files.write_if_new(folder / record.NAME, videos.to_bytes())
    files.write_if_new(folder / "classes.txt", "".join(f"{name}\n" for name in classes).encode())
    files.write_if_new(folder / "config.json", config_file.as_text(experiment).encode())  # last: now it is a run


def _check_same(run: Run, experiment: Experiment) -> None:
    experiment = config_file.from_dict(config_file.to_dict(experiment), models.CLASSES)  # as it would be read back
    lines = config_file.differences(config_file.to_dict(run.experiment), config_file.to_dict(experiment))
    fixed = [x for x in lines if x.split(":")[0] not in CHANGEABLE and not x.startswith("evaluate.")]
    if fixed:
        raise _refusal(run, fixed)


def _refusal(run: Run, differences: list[str]) -> UserError:
    return UserError(
        f"{run.folder} holds a run with other settings:\n  " + "\n  ".join(differences) + "\nGive this run another --name, "
        "or start anew with --train.no-resume: the old one is kept under another name"
    )


def _mixed(run: Run, what: str) -> UserError:
    return UserError(f"{run.folder} is mixed from two runs: {what}. Bring the right file back, or train anew: {ANEW}")
