"""Draw what a run sees and says: test clips as rows of frames, with the probability of each class over time beside them.

python -m videorec.tools.gallery runs/quickstart                 writes runs/quickstart/gallery.png
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import Count, Seed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What the gallery takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote."""
    out: Path | None = None
    """The picture. Default: gallery.png in the run folder."""
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

    import keras  # takes seconds to import, and so does what follows: not for --help

    from videorec import tasks
    from videorec.data import pipeline, sources
    from videorec.data.clips import ClipReader
    from videorec.data.problems import Problems
    from videorec.reports.files import as_png
    from videorec.runs.run import Run
    from videorec.storage import files
    from videorec.tasks.recognition.task import RecognitionTask
    from videorec.tools import gallery_picture

    run = Run.open(options.run)
    if not isinstance(tasks.of(run.experiment), RecognitionTask):
        raise UserError(
            f"The gallery shows recognisers of clips; {run.place} learns something else. Forecasts: python evaluate.py "
            f"{run.place} --pictures 4; labels of moments: python evaluate.py {run.place} --timeline VIDEO"
        )
    data = run.experiment.data
    videos = sources.load_for_evaluation(data, "test", run.experiment, run.record)
    count, videos = len(videos), gallery_picture.choose(videos, options.clips, options.seed)
    reader = ClipReader(data, Problems(len(videos), 1.0))
    batches = pipeline.evaluation(videos, data, reader, clips=1, crops=1, batch=len(videos))
    clips = next(iter(batches))[0]
    logits = run.load_model().predict_on_batch(clips)["steps"]
    probabilities = keras.ops.softmax if run.experiment.model.target == "clip" else keras.ops.sigmoid
    steps = keras.ops.convert_to_numpy(probabilities(logits))
    out = options.out or run.folder / "gallery.png"
    labels = [video.labels[0] for video in videos]
    picture = gallery_picture.draw(clips[data.streams[0]].numpy(), steps, labels, run.classes, options.columns)
    files.write(out, as_png(picture))
    run.push()
    log.info("written: %s, %d of %d test videos of %s", out, len(videos), count, data.path)
    return 0


def _validate(options: Options) -> None:
    if options.out is not None and not options.out.absolute().parent.is_dir():
        raise UserError(f"--out must lie in a folder that exists. Received: {options.out}")


if __name__ == "__main__":
    terminal.run(main)
