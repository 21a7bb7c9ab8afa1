"""Show why a recogniser answers what it answers of a video: a picture and a video.

    python -m videorec.tools.explain runs/lrcn my.mp4            writes runs/lrcn/explain/my.png and my.mp4
    python -m videorec.tools.explain runs/lrcn my.mp4 --label run          what speaks for another class

Attention of the models that have it, and for all of them a map from gradients, over space and time; the probabilities over
time; the three frames that matter most. A check tells whether a map is more than decoration: what it points at is masked,
which must change the answer more than masking the same number of places at random.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from videorec import terminal
from videorec.config import UserError, nearest
from videorec.config.bounds import Count, Seed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What is explained."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote."""
    video: tyro.conf.Positional[str]
    """A video, or a folder of its frames."""
    out: Path | None = None
    """Where to write, without ending: OUT.png and OUT.mp4. Default: explain/VIDEO in the run folder."""
    label: str | None = None
    """The class to explain. Default: the answer."""
    draws: Count = 16
    """Random maskings that a map is compared with."""
    seed: Seed = 0
    """Of the random maskings."""


def main(args: list[str]) -> int:
    """Run, video -> maps -> checks -> picture and video."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.explain")

    from videorec import tasks  # TensorFlow takes seconds to import: not for --help
    from videorec.models import backend
    from videorec.reports.files import as_png
    from videorec.runs.run import Run
    from videorec.storage import files
    from videorec.tasks.recognition.task import RecognitionTask
    from videorec.tools import explain_clip, explain_picture

    backend.check("videorec.tools.explain")
    run = Run.open(options.run)
    if not isinstance(tasks.of(run.experiment), RecognitionTask):
        raise UserError(f"What is explained is the answer of a recogniser of clips; {run.place} learns something else")
    if not run.experiment.model.trained:
        members = ", ".join(member.run for member in run.experiment.model.members)
        raise UserError(f"One network is explained at a time. {run.place} is several: explain one of its runs, {members}")
    if options.label is not None and options.label not in run.classes:
        raise UserError(
            f"--label must be a class of {run.place}. Received: {options.label}. {nearest(options.label, run.classes)}"
        )
    explained = explain_clip.explain(run, options.video, options.label, options.draws, options.seed)
    for line in explained.lines():
        terminal.console().print(line, soft_wrap=True, highlight=False)
    out = options.out or run.folder / "explain" / Path(options.video.rstrip("/")).stem
    out.parent.mkdir(parents=True, exist_ok=True)
    picture, video = out.with_name(f"{out.name}.png"), out.with_name(f"{out.name}.mp4")
    files.write(picture, as_png(explain_picture.figure(explained)))
    explain_picture.write_video(explained, video)
    run.push()
    log.info("written: %s, %s", picture, video)
    return 0


if __name__ == "__main__":
    terminal.run(main)
