"""Draw what a run sees and says: test clips as rows of frames, with the probability of each class over time beside them.

python -m videorec.tools.gallery runs/quickstart                 writes runs/quickstart/gallery.png
python -m videorec.tools.gallery runs/quickstart --errors        clips answered wrong alone, the worst first: errors.png
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

    import keras  # takes seconds to import, and so does what follows: not for --help
    import numpy as np

    from videorec import tasks
    from videorec.data import pipeline, sources
    from videorec.data.clips import ClipReader
    from videorec.data.problems import Problems
    from videorec.reports import pictures
    from videorec.reports.drawing import short
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
    count, model = len(videos), run.load_model()
    reader = ClipReader(data, Problems(count, 1.0))

    def batches(videos, batch):
        return pipeline.evaluation(videos, data, reader, clips=1, crops=1, batch=batch)

    if options.errors:
        rows = [(model.predict_on_batch(x)["probabilities"], ok) for x, _, ok in batches(videos, run.experiment.train.batch)]
        answers = np.concatenate([np.where(ok[:, None] > 0, answer, np.nan) for answer, ok in rows])
        wrong = gallery_picture.worst(answers, [video.labels for video in videos], run.classes, options.clips)
        videos = [videos[k] for k in wrong]
        if not videos:
            log.info("all %d test videos of %s are answered right: nothing to draw", count, data.path)
            return 0
    else:
        videos = gallery_picture.choose(videos, options.clips, options.seed)
    clips = next(iter(batches(videos, len(videos))))[0]
    outputs = model.predict_on_batch(clips)
    probabilities = keras.ops.softmax if run.experiment.model.target == "clip" else keras.ops.sigmoid
    steps = keras.ops.convert_to_numpy(probabilities(outputs["steps"]))
    answers = keras.ops.convert_to_numpy(outputs["probabilities"])
    stream = data.streams[0]
    shown = clips[stream].numpy()
    if stream.startswith("flow"):
        shown = pictures.motion(shown, data.flow.encoding)
    title = f"{short(run.experiment.name)}: {'clips answered wrong, the worst first' if options.errors else 'test clips'}"
    labels = [video.labels for video in videos]
    picture = gallery_picture.draw(shown, steps, answers, labels, run.classes, options.columns, title)
    out = options.out or run.folder / ("errors.png" if options.errors else "gallery.png")
    files.write(out, as_png(picture))
    run.push()
    log.info("written: %s, %d of %d test videos of %s", out, len(videos), count, data.path)
    return 0


def _validate(options: Options) -> None:
    if options.out is not None and not options.out.absolute().parent.is_dir():
        raise UserError(f"--out must lie in a folder that exists. Received: {options.out}")


if __name__ == "__main__":
    terminal.run(main)
