"""What runs must have in common whose answers are averaged, and the weights of each."""

import math
import os
from collections.abc import Sequence

from videorec.config import Experiment, UserError
from videorec.runs.run import Run
from videorec.storage import files


def members(run: Run, others: Sequence[str], weights: Sequence[float]) -> dict[Run, float]:
    """The run and those at the places `others`, with the weight of each; no weights: equal.

    Raises:
        UserError: a run is named twice, or as `check_weights` and `check_alike`.
    """
    weights = check_weights(weights or (1.0,) * (len(others) + 1), len(others) + 1)
    check_once([run.place, *others])
    runs = [run, *(Run.open(place) for place in others)]
    for member in runs:
        member.check_model()
        check_alike(run, member)
    return dict(zip(runs, weights, strict=True))


def check_once(places: Sequence[str]) -> None:
    """A run may not be among those that are fused twice: its weight would not be what it seems to be.

    Raises:
        UserError: two places are the same.
    """
    known = {place.rstrip("/") if files.is_remote(place) else os.path.realpath(os.path.expanduser(place)) for place in places}
    if len(known) < len(places):
        raise UserError(
            "Runs that are fused must be named once each; --weights gives one of them more weight. "
            f"Received: {' '.join(places)}"
        )


def check_weights(
    weights: Sequence[float], runs: int, whose: str = "the run's own first, then one for each run of --fuse"
) -> Sequence[float]:
    """The weights, one for each of the runs.

    Args:
        whose: which is whose, for the message.

    Raises:
        UserError: another number of them, a negative one, or all of them 0.
    """
    if len(weights) != runs or not all(0 <= weight < math.inf for weight in weights) or not sum(weights):
        raise UserError(
            f"--weights must be {runs} numbers of 0 or more, not all 0: {whose}. Received: {' '.join(map(str, weights))}"
        )
    return weights


def check_alike(run: Run, other: Run) -> None:
    """Runs that are fused must have learnt the same.

    Raises:
        UserError: another task, another target (one class a frame in place of any number is one too), or other classes.
    """
    learnt = [_learnt(member.experiment) for member in (run, other)]
    if learnt[0] != learnt[1]:
        raise UserError(
            f"Runs that are fused must learn the same. {run.place} learns {learnt[0]}; {other.place} learns {learnt[1]}"
        )
    if run.classes != other.classes:
        raise UserError(
            f"Runs that are fused must have the same classes. {run.place}: {', '.join(run.classes)}; "
            f"{other.place}: {', '.join(other.classes)}"
        )


def _learnt(experiment: Experiment) -> str:
    target = getattr(experiment.model, "target", "frames")
    return f"{experiment.task}, target {target}{', exclusive' if getattr(experiment.model, 'exclusive', False) else ''}"
