"""Make one run of several: its model answers with the weighted mean of their probabilities.

    python -m videorec.tools.fuse runs/best-0 runs/best-1 runs/best-2 --name best3
    python -m videorec.tools.fuse runs/best-0 runs/flow-0 --name both --weights 2 1      frames and motion, as one model
    python evaluate.py runs/best3

What comes out is a run: it is evaluated (the figures are those of evaluate.py --fuse), asked, exported and fused again as
every other; it is not trained. The members are recognisers of the same classes and the same videos, and those that see the
same stream are fed alike. A video that one of them was trained on counts as a training video of the new run: it is never
measured as a test video.
"""

import logging
from dataclasses import dataclass

import tyro

from videorec import terminal
from videorec.config.bounds import PositiveOrZero
from videorec.storage import files

log = logging.getLogger("fuse")


@dataclass(frozen=True)
class Options:
    """Which runs, and what becomes of them."""

    members: tyro.conf.Positional[tuple[str, ...]]
    """Run folders, two or more, local or remote."""
    name: str
    """Name of the new run; nothing may be there yet."""
    weights: tuple[PositiveOrZero, ...] = ()
    """Weight of each, in their order. Default: equal."""
    runs: str = "runs"
    """Folder of the new run, local."""


def main(args: list[str]) -> int:
    """Runs -> checks -> one model -> a run."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.fuse")
    folder = files.must_be_local(options.runs, "--runs").expanduser() / options.name

    from videorec.tools import fuse_work  # TensorFlow takes seconds to import: not for --help

    plan = fuse_work.plan(options.members, options.weights, options.name, options.runs)
    run = fuse_work.write(plan, folder)
    for line in fuse_work.described(run):
        log.info(line)
    log.info("written: %s. python evaluate.py %s", run.place, run.place)
    return 0


if __name__ == "__main__":
    terminal.run(main)
