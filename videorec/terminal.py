"""What scripts share on the terminal: their command line, messages without tracebacks, exit statuses, a progress bar."""

import contextlib
import io
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from unicodedata import category

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.segment import Segment
from rich.text import Text

from videorec import FILES_ALONE
from videorec.config import UserError, bounds
from videorec.config.errors import full_disk
from videorec.config.native_notes import hide_those_of_tensorflow
from videorec.config.options import (
    HELP,
    flags,
    in_short,
    is_flag,
    refusal,
    refuse_unknown,
    unknown,
    with_help,
    without_wrapping,
)

log = logging.getLogger(__name__)

Options = TypeVar("Options")

# === Running ===


def run(main: Callable[[list[str]], int | None]) -> None:
    """Run a script: a `UserError` and a full disk become a message and status 2, Ctrl-C status 130, anything else a traceback.

    Where nobody reads the output any more (`train.py --help | head -1`) it ends in silence, with the shell's status 141.
    """
    _speak_utf8()
    _end_at_once_at_a_second_ctrl_c()
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name, value in FILES_ALONE.items():
        os.environ.setdefault(name, value)
    hide_those_of_tensorflow()
    for noisy in ("absl", "tensorflow", "jax", "h5py", "matplotlib", "apache_beam"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        try:
            status = main(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except UserError as error:
        status = _end_with(str(error))
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        if not _nobody_reads_on():
            raise  # another pipe, or a socket
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        status = 141
    except Exception as error:
        if (full := full_disk(error)) is None:
            raise
        status = _end_with(f"{full}. Make room and run the same command again: what was saved before is whole.")
    sys.exit(status or 0)


def _end_with(message: str) -> int:
    """Say what is wrong; what closing down may say of it after that (files that cannot be flushed) is not shown."""
    line = Text.assemble(("error:", "bold red"), f" {visible(message)}")
    with contextlib.suppress(OSError):
        console(stderr=True).print(line, soft_wrap=True, highlight=False)
    sys.unraisablehook = lambda *_: None
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2


def _end_at_once_at_a_second_ctrl_c() -> None:
    """The first Ctrl-C is a KeyboardInterrupt; the second ends the process. Nothing is lost: files are written whole or not."""

    def stop(*_) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.write(2, b"\nstopping; Ctrl-C again ends at once\n")
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is to be ignored
        signal.signal(signal.SIGINT, stop)


def _speak_utf8() -> None:
    """Names of files are UTF-8 whatever the locale is: under another one the script starts again, in Python's UTF-8 mode, for
    names are decoded from the start on. Output is shown with backslashes where a letter cannot be."""
    mode = ["-X", "utf8"]
    if sys.getfilesystemencoding() != "utf-8" and os.name == "posix" and sys.orig_argv[1:3] != mode:
        os.execv(sys.executable, [sys.executable, *mode, *sys.orig_argv[1:]])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def allow_streams() -> None:
    """Let FFmpeg open network streams too, for the camera that the user named; settings of the user's own stay."""
    for name, value in FILES_ALONE.items():
        if os.environ.get(name) == value:
            del os.environ[name]


def _nobody_reads_on() -> bool:
    try:
        print(flush=True)
    except BrokenPipeError:
        return True
    return False


# === Command line ===


def parse(options: type[Options] | Options, args: Sequence[str], *, description: str, prog: str) -> Options:
    """The options of a script from its command line; `--help` prints them and ends the script.

    Args:
        options: a dataclass, or an instance of one whose values are the defaults. A field's docstring is its help text.
        args: the words of the command line, without the script's name.
        description: what the help begins with.
        prog: how the script is called, `python -m videorec.tools.check`.

    Raises:
        UserError: an unknown option (with the nearest known one), a wrong value, one out of its bounds, or one that is missing.
        SystemExit: after the help.
    """
    if not any(word in HELP for word in args):
        refuse_unknown(options, [word for word in args if is_flag(word)], prog)
    parsed, left = parse_known(options, args, description=description, prog=prog)
    refuse_unknown(options, left, prog)
    return parsed


def parse_known(
    options: type[Options] | Options, args: Sequence[str], *, description: str, prog: str
) -> tuple[Options, list[str]]:
    """As `parse`, for a script that hands on the words which it does not know; returns those too."""
    kind, default = (options, {}) if isinstance(options, type) else (type(options), {"default": options})
    job = {"args": list(args), "description": description, "prog": prog, "return_unknown_args": True, **default}
    if any(word in HELP for word in args):
        return tyro.cli(kind, **job)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), without_wrapping():
            parsed, left = tyro.cli(kind, **job)
    except SystemExit as error:
        if not error.code:
            raise
        raise UserError(with_help(in_short(said.getvalue()), prog)) from None
    bounds.check(parsed, "--")
    return parsed, left


def run_folder(options: Sequence[type], args: Sequence[str], *, description: str, prog: str) -> str:
    """The run on a command line, for scripts whose other options depend on what that run is.

    Args:
        options: dataclasses with a positional field `run`, one a kind of run. The first that knows every option of `args`
            tells options and their values from the run, wherever it stands.
        args, description, prog: as for `parse`.

    Raises:
        UserError: no run, or options that no kind of run has.
        SystemExit: after the help of the first kind, where the help is asked for and no run is given.
    """
    words = [word for word in args if word not in HELP]
    given = [word for word in words if is_flag(word)]
    kinds = [kind for kind in options if not unknown(given, set(flags(kind)))]
    try:
        if not kinds:
            raise UserError(refusal(given, {name for kind in options for name in flags(kind)}, prog))
        return parse(kinds[0], words, description=description, prog=prog).run
    except UserError:
        if len(words) == len(args):
            raise
        parse(options[0], HELP[1:], description=description, prog=prog)  # prints, and ends
        raise


# === Showing ===

LEFT = "\n\t\u200c\u200d"  # the last two join letters, in Persian and in emoji
HARMFUL = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, turns of direction, bytes that are no text, line breaks of Unicode


def visible(text: str) -> str:
    """A text from outside, harmless on a terminal and in a log: what would move the cursor, change colours or turn the
    direction of writing is shown as its escape, `\\x1b`. Line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in LEFT or category(c) not in HARMFUL else _escaped(c) for c in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def console(**options) -> Console:
    """Where everything is printed: a rich Console for which no text is markup, and every text is `visible`.

    Args:
        options: of `rich.console.Console`.
    """
    return _Console(markup=False, emoji=False, **options)


class _Console(Console):
    def render_str(self, text: str, **options) -> Text:
        return super().render_str(visible(text), **options)

    def render(self, renderable, options=None):
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class Formatter(logging.Formatter):
    """Of log lines, in which names from outside are `visible`."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return visible(super().format(record))


def printable(text: str) -> str:
    """A text with � for every byte of a file's name that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def clock(seconds: float) -> str:
    """A time for people: `1:05`, `2:00:00`."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"


class Bar:
    """Progress of work that reports `(done, total)`: a bar, or, without a terminal, a line in the log every half minute."""

    EVERY = 30.0  # seconds between two lines

    def __init__(self, title: str):
        shown_on = console(stderr=True)
        # What is printed meanwhile goes above the bar; but what is redirected to a file goes there, not to the bar's console.
        both = shown_on.is_terminal and sys.stdout.isatty()
        self._progress = Progress(transient=True, console=shown_on, disable=not shown_on.is_terminal, redirect_stdout=both)
        self._title, self._task, self._lines = title, None, not shown_on.is_terminal

    def __call__(self, done: int, total: int) -> None:
        """Report."""
        now = time.monotonic()
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(escape(visible(self._title)), total=total)  # its column has markup
            self._began, self._said, self._first = now, now, done
        self._progress.update(self._task, completed=done, total=total)
        if self._lines and self._first < done < total and now - self._said >= self.EVERY:
            left = (now - self._began) / (done - self._first) * (total - done)
            log.info("%s: %d of %d (%.0f %%), %s left", self._title, done, total, 100 * done / total, clock(left))
            self._said = now
        if done >= total:
            self._progress.stop()
            self._task = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._progress.stop()
