"""What a page shows of a run, gathered so that nothing which is missing or damaged ends the page."""

import logging
import math
from dataclasses import dataclass, field

from videorec import tasks
from videorec.config import UserError
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tasks.figures import Figure
from videorec.tools import compare_runs
from videorec.tools.compare_runs import Results, Row

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """One run: what there is of it, and in `missing` why something is not there."""

    run: Run
    results: dict | None
    figures: tuple[Figure, ...]
    protocol: str
    counters: dict
    """Of training, see `training.callbacks.Checkpoint`; empty where there are none."""
    cost: Row | None
    parts: list[tuple[str, Html]]
    """The sections of its task."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why there is no `results`, `training` or `model`."""

    @property
    def name(self) -> str:
        """As the page calls it."""
        return self.run.folder.resolve().name if self.run.mirror is None else self.run.place.rsplit("/", 1)[-1]


def look_at(place: str, pictures: int, repeats: int) -> Shown:
    """One run.

    Args:
        place: its folder, or its URL.
        pictures: how many videos or windows are drawn.
        repeats: clips to time.

    Raises:
        UserError: it is no run.
    """
    run, missing = Run.open(place), {}
    task = tasks.of(run.experiment)
    results = _tried(missing, "results", lambda: compare_runs.read_json(run))
    figures = tuple(task.figures(results)) if results else ()
    protocol = compare_runs.describe_protocol(results, run) if results else ""
    state = _tried(missing, "training", run.last_state)
    counters = state["counters"] if state else {}
    if not state:
        missing.setdefault("training", f"{run.place} has no finished epoch in state/.")
    cost = _tried(missing, "model", lambda: compare_runs.measure(run, Results((), ""), repeats))
    return Shown(run, results, figures, protocol, counters, cost, _parts(task, run, results, pictures), missing)


def _parts(task: tasks.Task, run: Run, results: dict | None, pictures: int) -> list[tuple[str, Html]]:
    """The sections of the task; those of damaged results are left out, with what is wrong."""
    try:
        return task.page(run, results, pictures)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, UserError) as error:
        log.warning("%s: the sections of its task cannot be drawn: %s", run.place, error)
        return []


def _tried(missing: dict[str, str], what: str, read):
    """What `read` gives, or None, with the reason in `missing`."""
    try:
        return read()
    except UserError as error:
        missing[what] = str(error)
        return None


def epochs(shown: Shown) -> dict[str, list[float | None]]:
    """The figures of each epoch by their name; None where an epoch does not have one."""
    history = [row for row in shown.counters.get("history", ()) if isinstance(row, dict)]
    names = list(dict.fromkeys(name for row in history for name in row))
    return {name: [_number(row.get(name)) for row in history] for name in names}


def _number(value) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None
