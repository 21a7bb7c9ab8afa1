"""The index of measured videos: what each holds, read from end to end once and kept until the file changes.

Kept in `~/.cache/videorec/index.sqlite` by path, size and time of change. A header is a hint: no frame of a clip is chosen by
what one says.
"""

import contextlib
import hashlib
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2

from videorec.data import measuring
from videorec.data.facts import Facts
from videorec.data.pictures import picture_paths

log = logging.getLogger(__name__)

PLACE = "~/.cache/videorec/index.sqlite"
MAX_PIXELS = 64_000_000  # of a frame, where no setting says another
VERSION = f"1, OpenCV {cv2.__version__}"  # what facts depend on beside the file
TABLE = "CREATE TABLE IF NOT EXISTS facts (path BLOB PRIMARY KEY, state TEXT, facts TEXT) WITHOUT ROWID"
ASKED = 500  # paths at once; SQLite takes 999 in its oldest builds
BUSY_SECONDS = 30.0  # for another process that writes

Done = Callable[[int, int], None]  # (done, total)


class Index:
    """The facts of videos, in memory and on disk; for all threads of a process.

    Args:
        place: the file; None: memory alone.
    """

    def __init__(self, place: str | None = PLACE):
        self._known: dict[str, tuple[str, Facts]] = {}
        self._lock = threading.Lock()
        self._folders: dict[str, tuple[int, str]] = {}  # time of change and state as they were looked at last
        self._path = place
        self._told = False

    @property
    def _place(self) -> Path | None:
        return None if self._path is None else Path(self._path).expanduser()

    def of(self, path: str | Path, max_pixels: int = MAX_PIXELS, changes: bool = True) -> Facts:
        """The facts of one local video: measured now where they are not known, or where the file changed.

        Args:
            changes: False: a copy of a remote file, whose name says which state of the file it is.
        """
        path = os.path.abspath(path)
        state = self._state_by_folder(path) if changes else VERSION
        facts = self._look_up({path: state}, max_pixels).get(path)
        if facts is None:
            facts = measuring.one(path, max_pixels)
            self._keep({path: (state, facts)})
        return within(facts, max_pixels)

    def known(self, path: str | Path) -> Facts | None:
        """The facts of a video that this process has asked for before; None of another."""
        entry = self._known.get(os.path.abspath(path))
        return entry[1] if entry else None

    def forget(self) -> None:
        """Keep no facts in memory, where they take 1 KB a video; the file keeps them. Not while videos are read."""
        self._known, self._folders = {}, {}

    def fill(self, paths: Iterable[str | Path], max_pixels: int, workers: int, progress: Done) -> dict[str, Facts]:
        """The facts of many local videos, by the paths as they were given; what is not known is measured side by side.

        Args:
            workers: videos at once.
            progress: of those that are measured.
        """
        given = {str(path): os.path.abspath(path) for path in paths}
        states = {path: state_of(path) for path in dict.fromkeys(given.values())}
        facts = self._look_up(states, max_pixels)
        missing = [path for path in states if path not in facts]
        done, count = 0, threading.Lock()

        def one_more() -> None:
            nonlocal done
            with count:
                done += 1
                progress(done, len(missing))

        pending: dict[str, tuple[str, Facts]] = {}
        try:
            for path, measured in measuring.many(missing, max_pixels, workers, one_more):
                pending[path], facts[path] = (states[path], measured), measured
                if len(pending) >= 256:
                    self._keep(pending)
                    pending = {}
        finally:  # after Ctrl-C the next start goes on from here
            self._keep(pending)
        return {name: within(facts[path], max_pixels) for name, path in given.items()}

    # === What is known ===

    def _state_by_folder(self, path: str) -> str:
        """As `state_of`; the pictures of a folder are looked at once, and again only where some came or went."""
        if not os.path.isdir(path):
            return state_of(path)
        changed, known = os.stat(path).st_mtime_ns, self._folders.get(path)
        if known is None or known[0] != changed:
            known = self._folders[path] = (changed, state_of(path))
        return known[1]

    def _look_up(self, states: dict[str, str], max_pixels: int) -> dict[str, Facts]:
        unknown = [path for path, state in states.items() if self._known.get(path, ("", None))[0] != state]
        if unknown:
            self._known |= self._read(unknown)
        known = {path: self._known[path] for path in states if path in self._known}
        fresh = {path: facts for path, (state, facts) in known.items() if state == states[path]}
        # What was refused for its size is measured where more is allowed now.
        return {path: facts for path, facts in fresh.items() if not (_was_too_large(facts) and not facts.above(max_pixels))}

    def _read(self, paths: list[str]) -> dict[str, tuple[str, Facts]]:
        rows = {}
        with self._lock:
            try:
                if self._place is None or not self._place.exists():
                    return {}
                with _opened(self._place) as database:
                    for start in range(0, len(paths), ASKED):
                        asked = [os.fsencode(path) for path in paths[start : start + ASKED]]
                        some = f"SELECT path, state, facts FROM facts WHERE path IN ({','.join('?' * len(asked))})"
                        for path, state, facts in database.execute(some, asked):
                            rows[os.fsdecode(path)] = (state, Facts.from_json(facts))
            except Exception as error:  # of sqlite3, or of many kinds where a row is damaged
                self._give_up(error)
        return rows

    def _keep(self, entries: dict[str, tuple[str, Facts]]) -> None:
        self._known |= entries
        if self._place is None or not entries:
            return
        rows = [(os.fsencode(path), state, facts.to_json()) for path, (state, facts) in entries.items() if _lasts(state, facts)]
        with self._lock:
            try:
                self._place.parent.mkdir(parents=True, exist_ok=True)
                with _opened(self._place) as database, database:
                    database.execute(TABLE)
                    database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", rows)
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Without the file all works as before, and videos are measured anew at the next start; a damaged one is begun anew."""
        damaged = not isinstance(error, sqlite3.OperationalError | OSError)
        if damaged and self._place:
            self._place.unlink(missing_ok=True)
        if not self._told:
            self._told = True
            what = "is damaged and begun anew" if damaged else "cannot be used: videos are measured again at the next start"
            log.warning("the index of measured videos %s %s (%s)", self._place, what, error)


def _opened(place: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(place, timeout=BUSY_SECONDS))


def _lasts(state: str, facts: Facts) -> bool:
    """Whether it is worth keeping: not what was not there, or what may have been the machine's fault."""
    return bool(state) and not facts.unreadable.startswith(measuring.GIVEN_UP)


def _was_too_large(facts: Facts) -> bool:
    return bool(facts.unreadable) and facts.width > 0


def within(facts: Facts, max_pixels: int) -> Facts:
    """The facts, unreadable where a frame has more pixels than are allowed."""
    reason = facts.above(max_pixels)
    return Facts(0, facts.width, facts.height, unreadable=reason) if reason and not facts.unreadable else facts


def state_of(path: str) -> str:
    """What changes when a video changes: size and time of change, of every picture of a folder; empty where there is none."""
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return f"{VERSION}, {status.st_size}, {status.st_mtime_ns}"
        digest = hashlib.sha256()
        for picture in picture_paths(Path(path)):
            of_picture = picture.stat()
            digest.update(os.fsencode(f"{picture.name}/{of_picture.st_size}/{of_picture.st_mtime_ns}\n"))
        return f"{VERSION}, {digest.hexdigest()}"
    except OSError:
        return ""


INDEX = Index()  # of this process
