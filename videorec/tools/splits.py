"""Train and evaluate on the official splits of UCF101 or HMDB51; mean and deviation over the splits.

    python -m videorec.tools.splits lrcn --data.path ucf101_lists/ --data.videos UCF-101/
    python -m videorec.tools.splits lrcn --data.path hmdb51_lists/ --data.videos hmdb51/ --evaluate.clips 25 --evaluate.crops 10

Takes every setting of train.py beside its own (`python train.py PRESET --help` lists them). The runs are NAME-split1 to
NAME-split3, each trained and evaluated in a process of its own; the same command goes on where it stopped and repeats no
split that is done. Writes NAME-splits.json beside the runs.

Exit status: 0 where every split is done, 1 where one failed.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from videorec import configs, terminal
from videorec.config import Data, Experiment, UserError
from videorec.config import file as config_file
from videorec.data import official_lists
from videorec.storage import files
from videorec.tools import script, splits_record

log = logging.getLogger(__name__)

PROG = "python -m videorec.tools.splits"
# Settings that change no figure: a split that is done stays done.
FREE = {"runs", "train.resume", "train.cache_dir", "data.workers", "data.remote_cache_gb"}


@dataclass(frozen=True)
class Options:
    """What the splits take beside the settings of train.py."""

    preset: tyro.conf.Positional[str]
    """A preset of train.py."""
    name: str | None = None
    """Start of the runs' names. Default: the preset's name."""
    splits: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)
    """Which of the official splits."""


@dataclass(frozen=True)
class Split:
    """One of the official splits, and the command line of train.py that trains on it."""

    name: str
    """Of the whole; the run is called NAME-splitK."""
    number: int
    experiment: Experiment
    command: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The run."""
        return files.join(self.experiment.runs, self.experiment.name)

    @property
    def log(self) -> Path:
        """What both scripts printed: beside the run, in the working directory where runs are remote."""
        folder = Path() if files.is_remote(self.experiment.runs) else Path(self.experiment.runs)
        return folder / f"{self.experiment.name}.log"


def main(args: list[str]) -> int:
    """Plan -> train and evaluate each split -> mean."""
    options, settings = terminal.parse_known(Options, args, description=__doc__, prog=PROG)
    splits = plan(options, settings)
    path = files.join(splits[0].experiment.runs, f"{splits[0].name}-splits.json")
    record = splits_record.read(path)
    for split in splits:
        if is_done(split, record.get(str(split.number))):
            log.info("%s is done", split.folder)
            continue
        record[str(split.number)] = run(split)
        splits_record.write(path, record, options.splits)
    splits_record.write(path, record, options.splits)
    splits_record.show(record, options.splits, Console())
    log.info("written: %s", path)
    for line in (missing := splits_record.failed(record, options.splits)):
        log.error(line)
    return 1 if missing else 0


# === Plan ===


def plan(options: Options, settings: Sequence[str]) -> list[Split]:
    """The splits to do, in order.

    Raises:
        UserError: settings that do not go together, or a source without official lists.
    """
    if any(word.split("=")[0].replace("_", "-") == "--data.official-split" for word in settings):
        raise UserError("Choose the official splits with --splits (1 2 3 by default), not with --data.official-split.")
    if not options.splits:
        raise UserError("--splits must be one or more of 1 2 3. Received: none")

    from videorec import tasks  # TensorFlow takes seconds to import: not for --help

    given = [*settings, *(["--name", options.name] if options.name is not None else [])]
    name = _experiment(options.preset, given).name
    splits = []
    for number in sorted(set(options.splits)):
        chosen = (*settings, "--name", f"{name}-split{number}", "--data.official-split", str(number))
        splits.append(Split(name, number, _experiment(options.preset, chosen), (options.preset, *chosen)))
    tasks.of(splits[0].experiment).check(splits[0].experiment)
    check_lists(splits[0].experiment.data)
    return splits


def _experiment(preset: str, settings: Sequence[str]) -> Experiment:
    """The preset with settings of train.py's command line."""
    return terminal.parse(configs.load(preset, settings), settings, description=__doc__, prog=f"python train.py {preset}")


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


# === Work ===


def is_done(split: Split, entry: dict | None) -> bool:
    """Whether the split was trained and evaluated with these settings, and the run is still what it was then."""
    if entry is None or entry["status"] != "done" or not split.experiment.train.resume:
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
    log.info("%s: training and evaluating", split.folder)
    try:
        split.log.parent.mkdir(parents=True, exist_ok=True)
        with open(split.log, "wb") as file:
            for name, args in (("train.py", split.command), ("evaluate.py", (split.folder,))):
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


if __name__ == "__main__":
    terminal.run(main)
