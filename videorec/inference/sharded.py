"""Millions of videos through a model: predictions in shards, side by side, on one machine or on many."""

import contextlib
import csv
import io
import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from videorec.config import UserError
from videorec.data.index import INDEX
from videorec.data.manifest import Video
from videorec.inference import forms
from videorec.inference.predictor import Predictor
from videorec.inference.rows import Layout
from videorec.reports.sharded.maker import Maker
from videorec.reports.sharded.work import How, Work, fill
from videorec.reports.spreadsheet import cell
from videorec.storage import files
from videorec.terminal import visible

log = logging.getLogger(__name__)

SUMMARY, UNREADABLE = "_summary.json", "_unreadable.csv"
EXAMPLES = 3  # unreadable videos that are named in the log


@dataclass(frozen=True)
class Predictions(Maker):
    """Asks a model about videos `[path, start, end]`.

    Args:
        model: as for `Predictor`, the same on all machines.
        digest: of the model, see `forms.digest`.
        recipe: of the model.
    """

    model: str
    digest: str
    recipe: dict

    @property
    def columns(self):
        return Layout(self.recipe).columns

    def as_text(self, row):
        return Layout(self.recipe).as_text(row)

    def answer(self, items, on_item):
        rows, unreadable, damaged, layout = [], [], 0, Layout(self.recipe)
        videos = [Video(path, (), start, end) for path, start, end in items]
        with _TURN, _said_once(self.digest):
            for prediction in _predictor(self.model, self.digest)(videos):
                rows += layout.rows(prediction)
                damaged += bool(prediction.damage)
                unreadable += [] if prediction.error is None else [[prediction.video, prediction.error]]
                on_item()
            INDEX.forget()
            files.COPIES.forget()
        account = {"videos": len(videos), "rows": len(rows), "damaged": damaged, "unreadable": unreadable}
        return rows, account


# A process holds one model, and asks it about one shard at a time: it reads several videos ahead by itself.
_TURN = threading.Lock()
_OPEN: dict[str, Predictor] = {}


def _predictor(model: str, digest: str) -> Predictor:
    if digest not in _OPEN:
        _OPEN.clear()
        if forms.digest(model) != digest:
            raise UserError(f"{model} is another model than when the command began, or on the machine that asked")
        _OPEN[digest] = Predictor(model)
    return _OPEN[digest]


@contextlib.contextmanager
def _said_once(digest: str) -> Iterator[None]:
    """What is said of videos is in their rows: in the log of a process it stands of its first shard alone."""
    logger = logging.getLogger("videorec.data")
    level = logger.level
    if digest in _OPEN:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def predict(model: str, videos: Sequence[Video], out: str, how: How) -> int:
    """Ask about all videos whose shards are not in the folder yet, and say what is there; the exit status.

    Args:
        model: a run, or what was exported of one.
        out: folder of the answers, local or remote.
        how: it is filled.

    Raises:
        UserError: forecasts, which have no rows; or as `fill`.
    """
    recipe, began = forms.recipe_of(model), time.monotonic()
    if recipe["task"] == "forecasting":
        raise UserError(f"--out is for models that give labels: of forecasts --save writes the frames. Received: {model}")
    maker = Predictions(model, forms.digest(model), recipe)
    items = ([video.path, video.start, video.end] for video in videos)
    work = fill(out, "answers", maker, {"model": (model, maker.digest)}, items, how, _failed)
    return _summary(work, time.monotonic() - began)


def _failed(account: dict) -> bool:
    return bool(account["unreadable"])


def _summary(work: Work, seconds: float) -> int:
    """Count what is in all shards, list the videos that could not be read, and say both; the exit status."""
    out, examples = work.job.out, []
    total = dict.fromkeys(("videos", "rows", "answered", "unreadable", "damaged"), 0)
    listed = io.StringIO(newline="")
    writer = csv.writer(listed, lineterminator="\n")
    writer.writerow(("video", "error"))
    for account in work.accounts():
        failed = account["unreadable"]
        for name in ("videos", "rows", "damaged"):
            total[name] += account[name]
        total["unreadable"] += len(failed)
        writer.writerows(map(cell, row) for row in failed)
        examples += failed[: EXAMPLES - len(examples)]
    total["answered"] = total["videos"] - total["unreadable"]
    _keep(files.join(out, UNREADABLE), listed.getvalue().encode("utf-8", "surrogateescape") if examples else None)
    _keep(files.join(out, SUMMARY), json.dumps(total, indent=1).encode())
    for name, reason in examples:
        log.warning("cannot be read: %s: %s", visible(name), reason)
    if total["unreadable"] > len(examples):
        log.warning("and %d more", total["unreadable"] - len(examples))
    listed_in = f" (listed in {files.join(out, UNREADABLE)}; --again asks again)" if examples else ""
    damaged = f", {total['damaged']} damaged: the answer is of what can be decoded" if total["damaged"] else ""
    log.info(
        "%s: %d videos in %.1f s, %d answered, %d unreadable%s%s",
        *(out, total["videos"], seconds, total["answered"], total["unreadable"], listed_in, damaged),
    )
    return 0 if total["answered"] else 1


def _keep(path: str, content: bytes | None) -> None:
    if content is None:
        files.remove(path)
    else:
        files.write_if_new(path, content)
