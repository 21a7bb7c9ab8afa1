"""Jobs that do not hang on each other, each done by Apache Beam on whatever machine its runner chooses.

Beam's machines need videorec, and must read and write files under the same names.
"""

import contextlib
import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import videorec
from videorec import terminal
from videorec.config import UserError
from videorec.config.options import is_flag

log = logging.getLogger(__name__)

INSTALL = 'pip install "apache-beam>=2.60,<3"'
HINT = "Options of Apache Beam need --runner."
QUIET = "--default_sdk_harness_log_level=WARNING"  # of Beam's processes, unless the arguments say another
EVERY = 5.0  # seconds between two looks at what is done

Job = TypeVar("Job")
Options = TypeVar("Options")
Progress = Callable[[], tuple[int, int]]


def parse(options: type[Options], args: Sequence[str], *, description: str, prog: str) -> tuple[Options, list[str]]:
    """As `terminal.parse`, of a script with the option --runner; returns also the words that are for the runner.

    Raises:
        UserError: as there; without --runner also for words that the script does not know.
    """
    given = [word.split("=")[0] for word in args if is_flag(word)]
    if "--runner" in given:
        return terminal.parse_known(options, args, description=description, prog=prog)
    if any("_" in word for word in given):  # as Beam's options have
        terminal.refuse_unknown(options, given, prog, hint=HINT)
    return terminal.parse(options, args, description=description, prog=prog), []


def check(runner: str) -> None:
    """Raises:
    UserError: Beam is not installed.
    """
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError(f"--runner {runner} needs Apache Beam: {INSTALL}")


def each(
    jobs: Sequence[Job], do: Callable[..., object], common, runner: str, arguments: Sequence[str], done: Progress | None = None
) -> None:
    """Call `do(job, common)` for each job. What it returns is not kept; results are files.

    Args:
        jobs, common: pickled; `common` travels once, not with each job.
        do: a function of a module.
        runner: name of a Beam runner.
        arguments: further options for it, as Beam's documentation lists them.
        done: how many jobs have left their results, and of how many: shown meanwhile.

    Raises:
        UserError: Beam is not installed, knows no such runner, or ends with an error of one of its processes.
    """
    check(runner)
    logging.disable(logging.WARNING)  # Beam tells of clients for Google's services that are not installed
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    finally:
        logging.disable(logging.NOTSET)
    options = PipelineOptions([QUIET, *arguments, f"--runner={runner}"])
    known = options.get_all_options()
    if unknown := [word for word in arguments if is_flag(word) and word[2:].split("=")[0] not in known]:
        log.warning("Apache Beam does not know %s: for the runner itself, or misspelled", ", ".join(unknown))
    try:
        pipeline = beam.Pipeline(options=options)
    except ValueError as error:
        raise UserError(f"--runner {runner}: {error}") from error
    try:
        with _importable(), _shown(done), pipeline:
            # Reshuffle: without it a runner may fuse both steps and do all jobs on one machine.
            _ = pipeline | beam.Create(jobs) | beam.Reshuffle() | beam.Map(do, common)
    except RuntimeError as error:  # what ended a job, with Beam's own words or as the traceback of another process
        if _last_line(str(error)).startswith(KeyboardInterrupt.__name__):
            raise KeyboardInterrupt from error
        raise UserError(f"{runner} ended with an error, see above: {_last_line(str(error))}") from error


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


@contextlib.contextmanager
def _importable() -> Iterator[None]:
    """Beam's processes of this machine import this videorec, wherever they are started."""
    before, place = os.environ.get("PYTHONPATH"), str(Path(videorec.__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [place, before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextlib.contextmanager
def _shown(done: Progress | None) -> Iterator[None]:
    """A progress bar beside the block."""
    if done is None:
        yield
        return
    over = threading.Event()

    def look() -> None:
        with terminal.Bar("shards") as bar:
            while not over.wait(EVERY):
                with contextlib.suppress(OSError):
                    bar(*done())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
