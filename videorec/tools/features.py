"""Compute ahead what a training would compute before its first epoch: the features of the CNN's frozen layers.

    python -m videorec.tools.features lrcn --data.path videos/manifest.csv --train.cache-dir /shared/features
    python train.py lrcn --data.path videos/manifest.csv --train.cache-dir /shared/features

Takes every setting of train.py (`python train.py PRESET --help` lists them), and fills the same feature cache. What is there
already is not computed again, so that a command which was stopped goes on. With --runner, Apache Beam computes shares of the
videos on as many machines as it has, which must see the videos and the cache under the same names; further options go to Beam,
as --NAME=VALUE:

    python -m videorec.tools.features lrcn --data.path /shared/videos.csv --runner FlinkRunner --flink_master=host:8081

Exit status: 0 where every video could be read, 1 where one could not (training counts it with weight 0).
"""

import logging
from dataclasses import dataclass

import tyro

from videorec import configs, terminal
from videorec.config import UserError
from videorec.config import file as config_file
from videorec.config.bounds import Count
from videorec.config.options import is_flag
from videorec.data import beam

log = logging.getLogger("features")
PROG = "python -m videorec.tools.features"


@dataclass(frozen=True)
class Options:
    """What this takes beside the settings of train.py."""

    preset: tyro.conf.Positional[str]
    """A preset of train.py."""
    shares: Count = 64
    """With --runner: parts of the videos, each computed on one machine."""
    runner: str | None = None
    """Compute with Apache Beam, on this runner (DirectRunner, FlinkRunner, SparkRunner ...)."""


def main(args: list[str]) -> int:
    """Settings -> shares on the runner -> what is left here."""
    options, rest = terminal.parse_known(Options, args, description=__doc__, prog=PROG)
    settings, arguments = divided(rest)
    if arguments and not options.runner:
        raise UserError(f"{beam.HINT} Received: {' '.join(arguments)}")
    train = f"python train.py {options.preset}"
    experiment = terminal.parse(configs.load(options.preset, settings), settings, description="", prog=train)

    from videorec.tools import features_work  # TensorFlow takes seconds to import: not for --help

    text = config_file.as_text(experiment)
    features_work.prepared(text)  # what is refused is refused before any machine is asked
    if options.runner:
        shares = [(number, options.shares) for number in range(options.shares)]
        beam.each(shares, features_work.fill_share, text, options.runner, arguments)
    with terminal.Bar("features") as bar:
        unreadable = features_work.fill(text, (0, 1), bar)
    for name, reason in sorted(unreadable.items()):
        log.error("not computed: %s: %s", name, reason)
    return 1 if unreadable else 0


def divided(words: list[str]) -> tuple[list[str], list[str]]:
    """The settings of train.py, and the options of Beam: flags with an underscore, and without the dot of a section."""
    arguments = [word for word in words if is_flag(word) and "_" in word.split("=")[0] and "." not in word.split("=")[0]]
    return [word for word in words if word not in arguments], arguments


if __name__ == "__main__":
    terminal.run(main)
