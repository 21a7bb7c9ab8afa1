"""Draw what a run sees and says: test clips as rows of frames, with the probability of each class over time beside them.

python -m videorec.tools.gallery runs/quickstart                 writes runs/quickstart/gallery.png
python -m videorec.tools.gallery runs/quickstart --errors        clips answered wrong alone, the worst first: errors.png
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import Count, Seed


@dataclass(frozen=True)
class Options:
    """What the gallery takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote."""
    out: Path | None = None
    """The picture. Default: gallery.png in the run folder, with --errors errors.png."""
    errors: bool = False
    """Only clips that are answered wrong, that with the least probable label first; all test videos are looked at."""
    clips: Count = 8
    """Rows, from as many classes as there are."""
    columns: Count = 8
    """Frames a row."""
    seed: Seed = 0
    """Which clips."""


def main(args: list[str]) -> int:
    """Run -> clips -> picture."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.gallery")
    _validate(options)

    from videorec.tools import gallery_clips  # takes seconds to import: not for --help

    return gallery_clips.write(options)


def _validate(options: Options) -> None:
    if options.out is not None and not options.out.absolute().parent.is_dir():
        raise UserError(f"--out must lie in a folder that exists. Received: {options.out}")


if __name__ == "__main__":
    terminal.run(main)
