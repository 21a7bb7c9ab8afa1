"""Train and evaluate official splits: what is to be done, and each of it in processes of its own."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videorec import configs, tasks, terminal
from videorec.config import Data, Experiment, UserError
from videorec.config import file as config_file
from videorec.data import official_lists
from videorec.storage import files
from videorec.tools import script, splits_record

log = logging.getLogger("splits")

# Settings that change no figure: a split that is done stays done.
FREE = {"runs", "train.resume", "train.cache_dir", "data.workers", "data.remote_cache_gb"}


@dataclass(frozen=True)
class Split:
    """One of the official splits, and the command line of train.py that trains on it."""

    name: str
    """Of the whole; the run is called NAME-splitK."""
    number: int
    experiment: Experiment
    command: tuple[str, ...]
    evaluations: tuple[tuple[str, ...], ...] = ((),)
    """What evaluate.py is told beside the run, each time."""

    @property
    def folder(self) -> str:
        """The run."""
        return files.join(self.experiment.runs, self.experiment.name)

    @property
    def log(self) -> Path:
        """What both scripts printed: beside the run, in the working directory where runs are remote."""
        folder = Path() if files.is_remote(self.experiment.runs) else Path(self.experiment.runs)
        return folder / f"{self.experiment.name}.log"


def plan(preset: str, name: str | None, numbers: Sequence[int], settings: Sequence[str]) -> list[Split]:
    """The splits to do, in order.

    Args:
        preset, settings: of train.py's command line.
        name: start of the runs' names; None: that of the preset.
        numbers: of the official splits.

    Raises:
        UserError: settings that do not go together, or a source without official lists.
    """
    given = [*settings, *(["--name", name] if name is not None else [])]
    name = experiment(preset, given).name
    splits = []
    for number in sorted(set(numbers)):
        chosen = (*settings, "--name", f"{name}-split{number}", "--data.official-split", str(number))
        splits.append(Split(name, number, experiment(preset, chosen), (preset, *chosen)))
    tasks.of(splits[0].experiment).check(splits[0].experiment)
    check_lists(splits[0].experiment.data)
    return splits


def experiment(preset: str, settings: Sequence[str]) -> Experiment:
    """The preset with settings of train.py's command line."""
    return terminal.parse(configs.load(preset, settings), settings, description="", prog=f"python train.py {preset}")


def check_lists(data: Data) -> None:
    """`data.path` must hold official lists.

    Raises:
        UserError: it does not.
    """
    if not official_lists.has_official_splits(data.path):
        raise UserError(
            "--data.path must be a folder with official lists: UCF101's (classInd.txt, trainlist01.txt, testlist01.txt, ...) "
            f"or HMDB51's (CLASS_test_split1.txt, ...). Received: {data.path}, which has no official splits."
        )


def is_done(split: Split, entry: dict | None) -> bool:
    """Whether the split was trained and evaluated with these settings, and the run is still what it was then."""
    if entry is None or entry["status"] != "done" or not split.experiment.train.resume:
        return False
    if entry.get("evaluations", [[]]) != [list(args) for args in split.evaluations]:
        return False
    settings = config_file.to_dict(split.experiment)
    try:
        config = json.loads(files.read(files.join(split.folder, "config.json")))
        results = splits_record.read_results(split.folder)
    except (OSError, ValueError, KeyError):
        return False
    same = not any(_differ(settings, other) for other in (entry["settings"], config))
    return same and results == {key: entry.get(key) for key in results}


def _differ(settings: dict, other: dict) -> list[str]:
    return [line for line in config_file.differences(other, settings) if line.split(":")[0] not in FREE]


def run(split: Split) -> dict:
    """Train and evaluate; the split's entry in the record.

    Raises:
        KeyboardInterrupt: a script was stopped (its own state is kept).
    """
    entry = {"run": split.folder, "log": str(split.log), "settings": config_file.to_dict(split.experiment)}
    entry["evaluations"] = [list(args) for args in split.evaluations]
    log.info("%s: training and evaluating", split.folder)
    try:
        split.log.parent.mkdir(parents=True, exist_ok=True)
        with open(split.log, "wb") as file:
            evaluations = [("evaluate.py", (split.folder, *args)) for args in split.evaluations]
            for name, args in [("train.py", split.command), *evaluations]:
                status = script.run(name, args, file)
                if status == 130:
                    raise KeyboardInterrupt
                if status:
                    return entry | {"status": f"{name} {script.describe(status)}"}
    except OSError as error:
        raise UserError(f"The log {split.log} cannot be written: {error}") from error
    try:
        return entry | splits_record.read_results(split.folder) | {"status": "done"}
    except (OSError, ValueError, KeyError) as error:
        return entry | {"status": f"results.json cannot be read: {error!r}"}
