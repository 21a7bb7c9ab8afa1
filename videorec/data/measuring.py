"""Processes that read videos from end to end (`videorec.data.measure`): started when needed, kept, replaced when one dies."""

import atexit
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import videorec
from videorec.data.decoder_messages import ENVIRONMENT
from videorec.data.facts import Facts

log = logging.getLogger(__name__)

GIVEN_UP = "the decoder"  # how the reason begins, which may be the machine's: the next start tries again
SILENCE_SECONDS = 60.0  # without a frame, after which a decoder is given up


class Worker:
    """One process; for one thread at a time."""

    def __init__(self):
        self._process: subprocess.Popen | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def measure(
        self, path: str, max_pixels: int, silence: float = SILENCE_SECONDS, slow: Callable[[], None] = lambda: None
    ) -> Facts:
        """See `measure.measure`; a file at which the decoder hangs or dies is unreadable.

        Args:
            silence: seconds without a frame, after which it is given up.
            slow: called every few seconds that it takes.
        """
        process = self._running()
        try:
            process.stdin.write(json.dumps({"path": path, "max_pixels": max_pixels}) + "\n")
            process.stdin.flush()
            while (line := self._lines.get(timeout=silence)) == ".\n":
                slow()
            return Facts.from_json(line)
        except queue.Empty:
            self.stop()
            return Facts(unreadable=f"{GIVEN_UP} gave no frame for {silence:g} s and was stopped")
        except (ValueError, OSError):  # an empty line at its end, a closed pipe
            code = self.stop()
            return Facts(unreadable=f"{GIVEN_UP} ended its process{f' (signal {-code})' if code and code < 0 else ''}")

    def kill(self) -> None:
        """End the process, also while another thread waits for it."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> int | None:
        """End the process; the next file gets a new one."""
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            code = process.wait(timeout=1)  # dead already
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        process.stdin.close()
        return code

    def _running(self) -> subprocess.Popen:
        if self._process is None or self._process.poll() is not None:
            root = str(Path(videorec.__file__).parents[1])
            path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
            command = [sys.executable, "-m", "videorec.data.measure"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "encoding": "ascii"}
            environment = {**os.environ, **ENVIRONMENT, **videorec.FILES_ALONE, "PYTHONPATH": path, "PYTHONUTF8": "1"}
            # A session of its own: Ctrl-C goes to the program alone, which stops its workers.
            self._process = subprocess.Popen(command, env=environment, start_new_session=True, **pipes)
            self._lines = queue.Queue()
            threading.Thread(target=_copy, args=(self._process.stdout, self._lines), daemon=True).start()
        return self._process


def _copy(lines: Iterable[str], to: queue.Queue) -> None:
    with lines:
        for line in lines:
            to.put(line)
    to.put("")


_idle: list[Worker] = []
_busy: set[Worker] = set()
_lock = threading.Lock()


@contextmanager
def _worker() -> Iterator[Worker]:
    with _lock:
        worker = _idle.pop() if _idle else Worker()
        _busy.add(worker)
    try:
        yield worker
    finally:
        with _lock:
            _busy.discard(worker)
            _idle.append(worker)


@atexit.register
def stop_all() -> None:
    """End all processes; who waits for one gets an answer at once."""
    with _lock:
        for worker in (*_idle, *_busy):
            worker.kill()
        _idle.clear()


def one(path: str, max_pixels: int) -> Facts:
    """The facts of one video, in a process that is kept for the next."""
    told = False

    def slow() -> None:
        nonlocal told
        if not told:
            log.info("%s is read from end to end once, which takes a while", path)
        told = True

    with _worker() as worker:
        return worker.measure(path, max_pixels, slow=slow)


def many(paths: Iterable[str], max_pixels: int, workers: int, done: Callable[[], None]) -> Iterator[tuple[str, Facts]]:
    """The facts of many videos, in order, read side by side, a bounded number of them ahead.

    Args:
        workers: videos at once.
        done: called after each, in any order.
    """

    def job(path: str) -> tuple[str, Facts]:
        facts = one(path, max_pixels)
        done()
        return path, facts

    pending: deque = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for path in paths:
            pending.append(pool.submit(job, path))
            if len(pending) > 16 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BaseException:  # after Ctrl-C nobody waits for the rest
        pool.shutdown(wait=False, cancel_futures=True)
        stop_all()
        raise
    pool.shutdown()
