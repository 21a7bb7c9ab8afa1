"""Models of dense labels, and of labels to come, as they are exported: raw frames of any size to the labels of each frame."""

import logging

import numpy as np

from videorec.config import UserError
from videorec.data.moments import sources, windows
from videorec.data.moments.windows import Labelled
from videorec.data.problems import Problems
from videorec.runs.run import Run
from videorec.tasks.recognition.serving import COMPARED, SLACK, inputs, predict, rebuild, signatures, tolerance

__all__ = ["COMPARED", "SLACK", "UNIT", "clips", "inputs", "predict", "rebuild", "signatures", "tolerance"]

log = logging.getLogger(__name__)

UNIT = "window"


def clips(run: Run, number: int) -> list[dict[str, np.ndarray]]:
    """Real windows of the run's videos, the first whole one of each, `{stream: (T, *data.resize, 3)}` uint8.

    None where the videos are not at hand (a run that was moved).
    """
    data, seed = run.experiment.data, run.experiment.train.seed
    try:
        known = sources.load(data, seed)
    except UserError as error:
        log.warning("%s", error)
        return []
    found = []
    for video in (video for split in ("test", "val", "train") for video in known.split(split)):
        labelled = Labelled([video], [data.frames], run.classes, data)
        _, frames = next(windows.read_windows(labelled, 0, [0], Problems(1, 1.0)))
        if len(frames) == data.frames:
            found.append({data.stream: frames})
        if len(found) == number:
            break
    return found
