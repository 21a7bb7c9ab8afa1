"""Whether each video of a data set is good, damaged or unreadable: one verdict a file, the same for every command."""

import logging
import os
from collections.abc import Sequence

from videorec.config import Footage, UserError
from videorec.data.facts import Facts
from videorec.data.index import INDEX
from videorec.data.prepared.index import Prepared, is_prepared
from videorec.data.problems import Problems
from videorec.storage import files
from videorec.terminal import Bar

log = logging.getLogger(__name__)

EXAMPLES = 3
HINT = "`python -m videorec.tools.check` lists all"


def measured(videos: Sequence, data: Footage) -> dict[str, Facts]:
    """The facts of the videos (anything with a path) by path; those not known yet are read from end to end, side by side.

    Remote videos are left out: each is measured when its copy comes. Of prepared pictures it is what was seen when they were
    made.
    """
    if is_prepared(data.videos or data.path):
        stored = Prepared(data.videos or data.path)
        return {video.path: stored.facts(video) for video in videos}
    paths = dict.fromkeys(video.path for video in videos if not files.is_remote(video.path))
    with Bar("reading every video once") as progress:
        return INDEX.fill(paths, data.max_pixels, data.workers or os.cpu_count() or 1, progress)


def kept(videos: Sequence, data: Footage) -> list:
    """The videos that are used by `data.damaged`; those that are damaged, or odd, are named in the log.

    Raises:
        UserError: there are damaged ones, and `data.damaged` is `error`; or they are all that there is, and it is `drop`.
    """
    facts = measured(videos, data)
    damaged = {video.path: facts[video.path].damage for video in videos if _verdict(facts, video) == "damaged"}
    if damaged:
        count = f"{len(damaged)} of {len({video.path for video in videos})} videos are damaged"
        if data.damaged == "error":
            raise UserError(f"{count}, and --data.damaged is error: {_some(damaged)}. {HINT}; keep or drop goes on.")
        what = {"keep": "used as far as they can be decoded (--data.damaged drop leaves them out)", "drop": "left out"}
        log.warning("%s and %s: %s. %s", count, what[data.damaged], _some(damaged), HINT)
        if data.damaged == "drop":
            videos = [video for video in videos if video.path not in damaged]
            if not videos:
                raise UserError(f"{count}: none is left with --data.damaged drop. {HINT}.")
    _tell_remarks(facts)
    return list(videos)


def problems_of(videos: Sequence, data: Footage) -> Problems:
    """Where the problems of a run are collected, with what is known before it starts.

    Raises:
        UserError: more of the videos than `data.max_unreadable` cannot be read.
    """
    facts, problems = measured(videos, data), Problems(len(videos), data.max_unreadable)
    for video in videos:
        name, known = getattr(video, "name", video.path), facts.get(video.path, Facts())
        if known.unreadable:
            problems.add_unreadable(name, known.unreadable)
        elif known.damage:
            problems.damaged[name] = known.damage
    problems.check()
    return problems


def _verdict(facts: dict[str, Facts], video) -> str:
    return facts[video.path].verdict if video.path in facts else "good"


def _tell_remarks(facts: dict[str, Facts]) -> None:
    titles = {"count": "declare another number of frames than can be read", "clock": "have time stamps that are no clock's"}
    for kind, title in titles.items():
        # A damaged video has been named with the reason.
        remarks = {path: known.remarks[kind] for path, known in facts.items() if kind in known.remarks and not known.damage}
        if remarks:
            log.warning("videos that %s: %d; what was read counts: %s", title, len(remarks), _some(remarks))


def _some(reasons: dict[str, str]) -> str:
    more = f"; and {len(reasons) - EXAMPLES} more" if len(reasons) > EXAMPLES else ""
    return "; ".join(f"{path}: {reason}" for path, reason in list(reasons.items())[:EXAMPLES]) + more
