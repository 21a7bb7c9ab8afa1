"""Cross-validation by group: train on all folds but one, measure on the one left out, in turns; what all videos got together.

    python -m videorec.tools.folds lrcn --data.path videos/manifest.csv --data.val 0
    python -m videorec.tools.folds best --data.path videos/manifest.csv --data.val 0 --seeds 0 1 2
    python -m videorec.tools.folds lrcn --name flow --data.path videos/manifest.csv --data.val 0 --data.stream flow \\
        --fuse best --weights 1 2

For small data, whose one validation set is a matter of luck. A group (same recording, same actor) is never divided; the
classes' shares are kept as far as groups allow. Videos that the manifest marks as test are left out, so that nothing is chosen
by them.

Takes every setting of train.py beside its own (`python train.py PRESET --help` lists them). The runs are NAME-foldK-seedS, each
trained and evaluated in a process of its own; the same command goes on where it stopped. Writes NAME-folds.json beside them.

Exit status: 0 where every fold is done, 1 where one failed.
"""

import logging
from dataclasses import dataclass
from typing import Annotated

import tyro
from annotated_types import Ge

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import PositiveOrZero, Seed

log = logging.getLogger("folds")
FIXED = {"--train.seed": "--seeds", "--data.official-split": "videorec.tools.splits"}


@dataclass(frozen=True)
class Options:
    """What the folds take beside the settings of train.py."""

    preset: tyro.conf.Positional[str]
    """A preset of train.py that answers with one class a clip."""
    name: str | None = None
    """Start of the runs' names. Default: the preset's name."""
    folds: Annotated[int, Ge(2)] = 4
    """How many; each has a group at least."""
    seeds: tuple[Seed, ...] = (0,)
    """Seeds of the trainings: each trains on every fold. The folds are the same for all. Of several the table also has what
    they get together (fused): the mean of their probabilities."""
    with_test: bool = False
    """Divide the test videos of the manifest too: to measure, not to choose."""
    fuse: str | None = None
    """Also average the probabilities with those of other folds, by their --name: same videos, folds and seeds."""
    weights: tuple[PositiveOrZero, ...] = ()
    """Weights of these folds and of those of --fuse, e.g. 2 1. Default: equal."""


def main(args: list[str]) -> int:
    """Divide -> train and evaluate each fold with each seed -> what all videos got."""
    options, settings = terminal.parse_known(Options, args, description=__doc__, prog="python -m videorec.tools.folds")
    for word in settings:
        if instead := FIXED.get(word.split("=")[0].replace("_", "-")):
            raise UserError(f"Folds have no {word}: use {instead}")
    if not options.seeds:
        raise UserError("--seeds must be one number or more. Received: none")
    if options.weights and (options.fuse is None or len(options.weights) != 2):
        raise UserError(f"--weights must be two numbers, and go with --fuse. Received: {' '.join(map(str, options.weights))}")

    from videorec.tools import folds_work, splits_record, splits_work  # TensorFlow takes seconds to import: not for --help

    plan = folds_work.plan(options, settings)
    record = splits_record.read(plan.record, "runs")
    for key, split in plan.splits.items():
        if splits_work.is_done(split, record.get(key)):
            log.info("%s is done", split.folder)
            continue
        record[key] = splits_work.run(split)
        folds_work.write(plan, record)
    folds_work.write(plan, record)
    folds_work.show(plan, record, terminal.console())
    log.info("written: %s", plan.record)
    missing = [f"{key}: {record[key]['status']}. Log: {record[key]['log']}" for key in plan.splits if not _done(record[key])]
    for line in missing:
        log.error(line)
    return 1 if missing else 0


def _done(entry: dict) -> bool:
    return entry["status"] == "done"


if __name__ == "__main__":
    terminal.run(main)
