"""What a task is: everything that differs between learning labels of clips, labels of moments, labels to come, and frames.

What is the same for all of them is written once: the order of training in `videorec.training.loop`, evaluate.py and the
exports, which call these methods and know no task.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

import keras
from rich.console import Console

from videorec import models
from videorec.config import Experiment, UserError, rules
from videorec.data.problems import Problems
from videorec.data.record import Record
from videorec.data.verdicts import problems_of
from videorec.models.split import has_frozen_part
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.figures import Figure
from videorec.tasks.serving import Serving
from videorec.training.feed import Feed

Progress = Callable[[int, int], None]  # (done, total)


class Dataset(Protocol):
    """What `Task.load` gives.

    Attributes:
        classes: names in the order of the model's outputs; empty where frames are forecast.
    """

    classes: tuple[str, ...]

    def describe(self) -> str:
        """What there is, with its split, in a line."""

    def record(self) -> Record:
        """Every video, file or sequence with its split, as the run keeps them; that of a run which goes on stays the same."""


class Report(ABC):
    """What an evaluation measured, to be written and shown."""

    @abstractmethod
    def results(self) -> dict:
        """Every figure with its protocol, as plain JSON types."""

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """The files of the report, `results.json` among them where figures were measured, by name."""

    @abstractmethod
    def show(self, console: Console) -> None:
        """The figures with their protocol, on the terminal."""


class Task(ABC):
    """One object a task; it has no state of its own.

    Attributes:
        options: the dataclass of what evaluate.py takes beside the run and `--out`, with the sections `data` and `evaluate`.
    """

    options: type

    def check(self, experiment: Experiment) -> None:
        """Refuse settings that do not go together, before any work; tasks add their own rules.

        Raises:
            UserError: naming the option, its rule and what came.
        """
        rules.check_experiment(experiment)
        models.targets.check(experiment.model, models.CLASSES)
        if not experiment.model.trained:
            raise UserError(
                f"{experiment.model.name} is not trained: videorec.tools.fuse makes it of runs that are. Train these, each by "
                "its own config.json, and fuse them"
            )

    @abstractmethod
    def load(self, experiment: Experiment, record: Record | None = None) -> Dataset:
        """The data, split and checked.

        Args:
            record: of the run that goes on, whose split and classes stay; None: the split is drawn.

        Raises:
            UserError: nothing there, or options and files that do not go together.
        """

    @abstractmethod
    def build(self, experiment: Experiment, dataset: Dataset) -> keras.Model:
        """The whole model, frames in."""

    def problems(self, experiment: Experiment, dataset: Dataset) -> Problems:
        """Where what goes wrong with videos is collected during training."""
        return problems_of(dataset.videos, experiment.data)

    @abstractmethod
    def feed(
        self, experiment: Experiment, dataset: Dataset, whole: keras.Model, problems: Problems, progress: Progress
    ) -> Feed:
        """What is trained, and on which batches: `whole` on frames, or its head on features that are computed once."""

    def check_cached(self, experiment: Experiment, whole: keras.Model) -> None:
        """Raises:
        UserError: nothing of this model is computed ahead.
        """
        if not (getattr(experiment.train, "cache", False) and has_frozen_part(whole)):
            raise UserError(
                "Features are computed ahead for models with a frozen CNN, or frozen first layers of one, and without "
                f"--train.no-cache. Received: {experiment.name}"
            )

    def fill(
        self,
        experiment: Experiment,
        dataset: Dataset,
        whole: keras.Model,
        problems: Problems,
        progress: Progress,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        """Compute ahead and store what `feed` would of a share of the videos: `share[0]`, from 0, of `share[1]`."""
        self.check_cached(experiment, whole)

    @abstractmethod
    def compile(self, model: keras.Model, experiment: Experiment, dataset: Dataset, steps: int) -> None:
        """Optimizer, losses and metrics of `Feed.model`, for `steps` steps an epoch."""

    @abstractmethod
    def callbacks(
        self, run: Run, experiment: Experiment, dataset: Dataset, whole: keras.Model, feed: Feed, problems: Problems
    ) -> list[keras.callbacks.Callback]:
        """What TensorBoard shows of this task."""

    @abstractmethod
    def evaluate(self, run: Run, options, progress: Progress) -> Report:
        """Measure a run; `options` is an instance of `self.options`.

        Raises:
            UserError: options that do not go together or do not suit the run (before work), data that cannot be read.
        """

    @abstractmethod
    def serving(self, run: Run) -> Serving:
        """The run's model as it is exported."""

    @abstractmethod
    def figures(self, results: dict) -> list[Figure]:
        """The figures of a `results.json` of this task, the most telling first, for tables of several runs.

        Raises:
            KeyError: one is not there.
        """

    @abstractmethod
    def measured(self, results: dict) -> str:
        """What these figures were measured on, in a few words that tell figures apart which must not be compared.

        Raises:
            KeyError: as `figures`.
        """

    def page(self, run: Run, results: dict | None, pictures: int) -> list[tuple[str, Html]]:
        """What the page of a run has of this task alone: sections, title and content; none where nothing is said.

        Args:
            results: its figures, or None where there are none.
            pictures: how many videos or windows are drawn; 0: none, and no video is read.
        """
        return []
