"""What the parts measure, how it is repeated, and the table that shows it."""

import contextlib
import datetime
import logging
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import keras
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Args:
        part, name: what is measured.
        value: the figure, as text with its unit.
        detail: the measurements that it comes from.
        target: the bound, as text; empty where the figure is only for information.
        met: whether the bound holds; None without one.
    """

    part: str
    name: str
    value: str
    detail: str
    target: str = ""
    met: bool | None = None


def ratio(part: str, name: str, times: list[float], base: list[float], unit: str, bound: float | None) -> Figure:
    """Time over time: medians of both, and of their ratio; the bound is the most that it may be."""
    value = statistics.median(a / b for a, b in zip(times, base, strict=True))  # of a round: both met the same load
    detail = f"{statistics.median(times):.3g} {unit} / {statistics.median(base):.3g} {unit}"
    target = "" if bound is None else f"<= {bound:g}"
    return Figure(part, name, f"{value:.2f}", detail, target, None if bound is None else value <= bound)


@contextlib.contextmanager
def quiet(logger: str, level: int) -> Iterator[None]:
    """While the block runs, a logger and those below it say nothing below a level."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)


def seconds(job: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def in_turns(jobs: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call each job once a round, so that a load that comes and goes meets them all; what they return, by name."""
    results = {name: [] for name in jobs}
    for number in range(rounds):
        # Every second round backwards: no job always follows the same one.
        for name in list(jobs) if number % 2 == 0 else reversed(list(jobs)):
            results[name].append(jobs[name]())
    return results


def show(rows: list[Figure], console: Console) -> None:
    """The table, and the machine that the figures hold for."""
    table = Table("part", "figure", show_lines=True)
    table.add_column("value", justify="right")
    table.add_column("measured")
    table.add_column("target")
    for row in rows:
        mark = {True: (" met", "green"), False: (" missed", "red"), None: ""}[row.met]
        table.add_row(row.part, row.name, row.value, row.detail, Text.assemble(row.target, mark))
    console.print(table)
    console.print(machine(), soft_wrap=True, highlight=False)


def machine() -> str:
    """Processor, load, versions and date in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} in the last minute" if hasattr(os, "getloadavg") else ""
    gpus = tf.config.list_physical_devices("GPU")
    versions = f"Python {platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}"
    parts = [f"{_processor()}, {cores} cores{load}", f"{len(gpus)} GPUs", versions, f"OpenCV {cv2.__version__}"]
    return "; ".join([*parts, datetime.date.today().isoformat()])


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:  # not Linux
        names = []
    return names[0] if names else platform.processor() or platform.machine()
