"""The shares of `videorec.tools.features`, each computed by any process that has the settings."""

import functools
import json
import threading
from collections.abc import Callable

from videorec import models, tasks
from videorec.config import file as config_file
from videorec.training import loop
from videorec.training.initial import check_initial, initialise

LOCK = threading.Lock()  # runners may call from several threads, and Keras builds one model at a time


@functools.lru_cache(maxsize=1)
def prepared(text: str) -> tuple:
    """Task, settings, videos and model of settings as config.json has them; kept, as a process computes many shares.

    Raises:
        UserError: as a training with these settings before its first step, or nothing of its model is stored.
    """
    experiment = config_file.from_dict(json.loads(text), models.CLASSES)
    task = tasks.of(experiment)
    task.check(experiment)
    for origin in experiment.train.init:
        check_initial(origin)
    loop.set_up(experiment.train)
    dataset = loop.load(task, experiment)
    whole = task.build(experiment, dataset)
    initialise(whole, experiment.train)
    task.check_cached(experiment, whole)
    return task, experiment, dataset, whole


def fill(text: str, share: tuple[int, int], progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, str]:
    """Compute what is missing of a share of the videos.

    Args:
        text: the settings.
        share: which one, from 0, of how many.

    Returns:
        The videos that cannot be read, with the reasons.
    """
    with LOCK:
        task, experiment, dataset, whole = prepared(text)
        problems = task.problems(experiment, dataset)
        task.fill(experiment, dataset, whole, problems, progress, share)
        return problems.unreadable


def fill_share(share: tuple[int, int], text: str) -> None:
    """`fill`, as Beam calls it."""
    fill(text, share)
