"""A trained model in any of the forms that it is kept in, with its recipe: a run, a SavedModel, a TFLite file."""

import hashlib
import json
import logging
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

import numpy as np

from videorec.config import UserError
from videorec.data import augment
from videorec.data.manifest import Video
from videorec.data.moments.windows import pieces
from videorec.data.problems import Problems
from videorec.inference import engines
from videorec.inference.framewise import AT_ONCE, Framewise
from videorec.inference.labeller import Labeller
from videorec.inference.steppers import KerasStepper, Stepper
from videorec.runs import recipe as recipes
from videorec.runs.run import Run
from videorec.storage import files

log = logging.getLogger(__name__)

Clips = dict[str, np.ndarray]  # {stream: (B, T, H, W, C)}


class Form(ABC):
    """A model that can be asked.

    Attributes:
        recipe: what to feed, see `videorec.runs.recipe`.
    """

    recipe: dict

    @abstractmethod
    def predict(self, clips: Clips) -> dict[str, np.ndarray]:
        """The outputs, by name.

        Args:
            clips: `{stream: (B, T, *resize, 3)}` uint8, or what a forecaster takes, `(B, J, H, W, C)`.
        """

    @abstractmethod
    def moments(self, video: Video) -> np.ndarray:
        """`(T, C)` float32 probabilities of every frame of a video, at the rate of the recipe.

        Raises:
            Unreadable: no frame can be read.
        """

    @abstractmethod
    def stepper(self) -> Stepper:
        """The model frame by frame.

        Raises:
            UserError: the model, or this form of it, does not run frame by frame, and why.
        """


class KerasForm(Form):
    """The best model of a run."""

    def __init__(self, run: Run):
        self.recipe = run.recipe
        self.model = run.load_model()
        if "shape" in self.recipe["pictures"]:  # runs of version 0.1.0 do not say it
            self.recipe["pictures"]["shape"] = list(self.model.input["rgb"].shape[2:])
        self._framewise = Framewise(self.model)
        self._crops = self.recipe["evaluation"].get("crops", 1)

    def predict(self, clips):
        if "crop" not in self.recipe["pictures"]:
            return self._framewise.predict(clips)
        data = recipes.data_of(self.recipe)
        if self._crops == 1:
            return self._framewise.predict({s: augment.cropped(x, data.of(s)).numpy() for s, x in clips.items()})
        views = {s: np.concatenate([augment.crops(clip, self._crops, data.of(s)) for clip in x]) for s, x in clips.items()}
        outputs = self._framewise.predict(views)  # (B * crops, ...)
        return {name: x.reshape(-1, self._crops, *x.shape[1:]).mean(axis=1) for name, x in outputs.items()}

    def moments(self, video):
        return self._labeller.probabilities(video, Problems(1, 1.0))

    @cached_property
    def _labeller(self) -> Labeller:
        return Labeller(self.model, recipes.data_of(self.recipe), AT_ONCE)

    def stepper(self):
        return KerasStepper(self.model, self.recipe)


class ExportedForm(Form):
    """A SavedModel or a TFLite file, which crops its frames itself.

    Args:
        where: the SavedModel's folder, or the file.
        recipe: of the export.
    """

    def __init__(self, where: Path, recipe: dict):
        self._where, self.recipe = where, recipe
        self._streaming = recipe.get("export", {}).get("streaming", False)
        _ = self._engine  # what is damaged shows now

    def predict(self, clips):
        return self._engine(clips)

    def moments(self, video):
        data = recipes.data_of(self.recipe)
        parts = pieces(video, data, Problems(1, 1.0))  # (t, *resize, 3)
        if "states" in self.recipe and (self._streaming or not self._late):
            if self._late:
                log.warning("%s answers %d frames late: the last ones of a video are left out", self._where, self._late)
            self._stepper.reset()
            frames = (frame[None, None] for part in parts for frame in part)  # (1, 1, *resize, 3)
            return np.concatenate([self._stepper.push({data.stream: frame})["probabilities"][0] for frame in frames])
        frames = np.concatenate(list(parts))
        if not self._where.is_file():
            return self._engine({data.stream: frames[None]})["probabilities"][0]
        log.warning("%s reads %d frames at a time, and forgets those before them", self._where, data.frames)
        filled = np.pad(frames, [(0, -len(frames) % data.frames), (0, 0), (0, 0), (0, 0)], mode="edge")
        windows = filled.reshape(-1, data.frames, *frames.shape[1:])
        return np.concatenate(self._engine({data.stream: windows})["probabilities"])[: len(frames)]

    def stepper(self):
        if "states" in self.recipe:
            make = engines.tflite_stepper if self._where.is_file() else engines.saved_model_stepper
            return make(self._where, self.recipe)
        hint = "python -m export.tflite RUN --streaming writes one that does" if self._where.is_file() else "its model cannot"
        raise UserError(f"{self._where} does not run frame by frame: {hint}")

    @property
    def _late(self) -> int:
        return self.recipe["delays"].get("probabilities", 0)

    @cached_property
    def _engine(self) -> engines.Predict:
        if self._streaming:
            return engines.over_clips(self._stepper)
        names = {stream: entry["input"] for stream, entry in self.recipe["streams"].items()}
        make = engines.tflite_engine if self._where.is_file() else engines.saved_model_engine
        return make(self._where, names)

    @cached_property
    def _stepper(self) -> Stepper:
        return self.stepper()


def open_form(place: str | Path) -> Form:
    """The model at a place.

    Args:
        place: a run folder, local or remote; a SavedModel's folder, or one of numbered versions of it (the newest is taken); a
            .tflite file.

    Raises:
        UserError: none of these, a damaged one, or one of a later version.
    """
    where, recipe = _located(place)
    if isinstance(where, Run):
        return KerasForm(where)
    return ExportedForm(where, recipe)


def recipe_of(place: str | Path) -> dict:
    """The recipe of the model at a place, which is not loaded.

    Raises:
        UserError: as `open_form`.
    """
    return _located(place)[1]


def digest(place: str | Path) -> str:
    """What tells the model at a place from others, wherever it lies: SHA-256 of its files and of its recipe.

    Raises:
        UserError: as `open_form`; a run without a model.
    """
    where, recipe = _located(place)
    if isinstance(where, Run):
        where.check_model()
    path = where.model_path if isinstance(where, Run) else where
    total = hashlib.sha256(json.dumps({**recipe, "videorec": None}, sort_keys=True).encode())
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb") as content:
                total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()


def _located(place: str | Path) -> tuple[Run | Path, dict]:
    """The run, SavedModel folder or file at a place, with its recipe."""
    path = Path(place).expanduser()
    if not files.is_remote(place):
        if path.is_file():
            return path, engines.tflite_recipe(path, "Give a run folder, a SavedModel or a .tflite file of export.tflite")
        saved = [p.parent for p in path.glob("*/saved_model.pb") if p.parent.name.isdecimal()]
        folder = max(saved, key=lambda version: int(version.name), default=path)
        if (folder / "saved_model.pb").exists():
            return folder, _in_saved_model(folder)
    run = Run.open(place if files.is_remote(place) else path)
    return run, run.recipe


def _in_saved_model(folder: Path) -> dict:
    recipe = recipes.read(folder / "assets", engines.REMEDY)
    if recipe is None:
        raise UserError(f"{folder} must be a SavedModel of export.saved_model. Received: one without assets/recipe.json")
    return recipe
