"""From a run to its gallery: which test clips, what the model answers, and the picture of them."""

import logging
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from videorec import tasks
from videorec.config import UserError
from videorec.data import pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.reports import pictures
from videorec.reports.drawing import short
from videorec.reports.files import as_png
from videorec.runs.run import Run
from videorec.storage import files
from videorec.tasks.recognition.task import RecognitionTask
from videorec.tools import gallery_picture

log = logging.getLogger(__name__)

Batches = Callable[[Sequence[Video], int], tf.data.Dataset]


def write(options) -> int:
    """Choose clips, have them answered, and write the picture.

    Args:
        options: `videorec.tools.gallery.Options`.

    Raises:
        UserError: the run is none of a recogniser of clips, or its videos are not there.
    """
    run = Run.open(options.run)
    if not isinstance(tasks.of(run.experiment), RecognitionTask):
        raise UserError(
            f"The gallery shows recognisers of clips; {run.place} learns something else. Forecasts: python evaluate.py "
            f"{run.place} --pictures 4; labels of moments: python evaluate.py {run.place} --timeline VIDEO"
        )
    data = run.experiment.data
    videos = sources.load_for_evaluation(data, "test", run.experiment, run.record)
    count, model, reader = len(videos), run.load_model(), ClipReader(data, Problems(len(videos), 1.0))

    def batches(videos: Sequence[Video], batch: int) -> tf.data.Dataset:
        return pipeline.evaluation(videos, data, reader, clips=1, crops=1, batch=batch)

    if options.errors:
        videos = _errors(run, model, videos, batches, options.clips)
    else:
        videos = gallery_picture.choose(videos, options.clips, options.seed)
    if not videos:
        log.info("all %d test videos of %s are answered right: nothing to draw", count, data.path)
        return 0
    title = f"{short(run.experiment.name)}: {'clips answered wrong, the worst first' if options.errors else 'test clips'}"
    clips = next(iter(batches(videos, len(videos))))[0]
    picture = _picture(run, model, clips, [video.labels for video in videos], options.columns, title)
    out = options.out or run.folder / ("errors.png" if options.errors else "gallery.png")
    files.write(out, as_png(picture))
    run.push()
    log.info("written: %s, %d of %d test videos of %s", out, len(videos), count, data.path)
    return 0


def _errors(run: Run, model: keras.Model, videos: Sequence[Video], batches: Batches, number: int) -> list[Video]:
    rows = [(model.predict_on_batch(x)["probabilities"], ok) for x, _, ok in batches(videos, run.experiment.train.batch)]
    answers = np.concatenate([np.where(ok[:, None] > 0, answer, np.nan) for answer, ok in rows])
    wrong = gallery_picture.worst(answers, [video.labels for video in videos], run.classes, number)
    return [videos[k] for k in wrong]


def _picture(run: Run, model: keras.Model, clips: dict, labels: Sequence[Sequence[str]], columns: int, title: str):
    """Of clips `{stream: (N, T, H, W, 3)}`, of which the first stream is drawn."""
    data = run.experiment.data
    outputs = model.predict_on_batch(clips)
    probabilities = keras.ops.softmax if run.experiment.model.target == "clip" else keras.ops.sigmoid
    steps = keras.ops.convert_to_numpy(probabilities(outputs["steps"]))
    answers = keras.ops.convert_to_numpy(outputs["probabilities"])
    shown = clips[data.streams[0]].numpy()
    if data.streams[0].startswith("flow"):
        shown = pictures.motion(shown, data.flow.encoding)
    return gallery_picture.draw(shown, steps, answers, labels, run.classes, columns, title)
