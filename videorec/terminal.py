"""What scripts share on the terminal: messages without tracebacks, exit statuses, a progress bar."""

import logging
import sys
from collections.abc import Callable

from rich.console import Console
from rich.progress import Progress

from videorec.config import UserError


def run(main: Callable[[list[str]], int | None]) -> None:
    """Run a script: a `UserError` becomes a message and status 2, Ctrl-C status 130, anything else a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("absl", "tensorflow", "h5py", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        status = main(sys.argv[1:])
    except UserError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {rich_escape(str(error))}", soft_wrap=True)
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status or 0)


def rich_escape(text: str) -> str:
    """Square brackets in paths and messages are no markup."""
    return text.replace("[", r"\[")


class Bar:
    """A progress bar for work that reports `(done, total)`; appears at the first report."""

    def __init__(self, title: str):
        console = Console(stderr=True)
        self._progress = Progress(transient=True, console=console, disable=not console.is_terminal)
        self._title, self._task = title, None

    def __call__(self, done: int, total: int) -> None:
        """Report."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(self._title, total=total)
        self._progress.update(self._task, completed=done, total=total)
        if done >= total:
            self._progress.stop()
            self._task = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._progress.stop()
