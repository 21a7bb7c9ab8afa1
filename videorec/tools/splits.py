"""Train and evaluate on the official splits of UCF101 or HMDB51; mean and deviation over the splits.

    python -m videorec.tools.splits lrcn --data.path ucf101_lists/ --data.videos UCF-101/
    python -m videorec.tools.splits lrcn --data.path hmdb51_lists/ --data.videos hmdb51/ --evaluate.clips 25 --evaluate.crops 10

Takes every setting of train.py beside its own (`python train.py PRESET --help` lists them). The runs are NAME-split1 to
NAME-split3, each trained and evaluated in a process of its own; the same command goes on where it stopped and repeats no
split that is done. Writes NAME-splits.json beside the runs.

Exit status: 0 where every split is done, 1 where one failed.
"""

import logging
from dataclasses import dataclass
from typing import Literal

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.storage import files

log = logging.getLogger("splits")


@dataclass(frozen=True)
class Options:
    """What the splits take beside the settings of train.py."""

    preset: tyro.conf.Positional[str]
    """A preset of train.py."""
    name: str | None = None
    """Start of the runs' names. Default: the preset's name."""
    splits: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)
    """Which of the official splits."""


def main(args: list[str]) -> int:
    """Plan -> train and evaluate each split -> mean."""
    options, settings = terminal.parse_known(Options, args, description=__doc__, prog="python -m videorec.tools.splits")
    if any(word.split("=")[0].replace("_", "-") == "--data.official-split" for word in settings):
        raise UserError("Choose the official splits with --splits (1 2 3 by default), not with --data.official-split.")
    if not options.splits:
        raise UserError("--splits must be one or more of 1 2 3. Received: none")

    from videorec.tools import splits_record, splits_work  # TensorFlow takes seconds to import: not for --help

    splits = splits_work.plan(options.preset, options.name, options.splits, settings)
    path = files.join(splits[0].experiment.runs, f"{splits[0].name}-splits.json")
    record = splits_record.read(path)
    for split in splits:
        if splits_work.is_done(split, record.get(str(split.number))):
            log.info("%s is done", split.folder)
            continue
        record[str(split.number)] = splits_work.run(split)
        splits_record.write(path, record, options.splits)
    splits_record.write(path, record, options.splits)
    splits_record.show(record, options.splits, terminal.console())
    log.info("written: %s", path)
    for line in (missing := splits_record.failed(record, options.splits)):
        log.error(line)
    return 1 if missing else 0


if __name__ == "__main__":
    terminal.run(main)
