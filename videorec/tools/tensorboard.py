"""Look at runs in the browser: TensorBoard, with every run under its own name.

    python -m videorec.tools.tensorboard                      all runs in runs/
    python -m videorec.tools.tensorboard runs/lrcn runs/fc    some of them
    python -m videorec.tools.tensorboard --port 7000

What TensorBoard calls NAME/train and NAME/val are the curves of runs/NAME on both sets. Runs that begin meanwhile appear by
themselves. Ctrl-C ends it.
"""

import logging
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.config.bounds import CountOrZero
from videorec.storage import files

REFRESH = 10.0  # seconds until a new run appears


@dataclass(frozen=True)
class Options:
    """What to look at, and where."""

    runs: tyro.conf.Positional[tuple[str, ...]] = ("runs",)
    """Run folders, or folders of runs."""
    port: CountOrZero = 6006
    """Port on this machine; 0: a free one."""
    host: str = "localhost"
    """Address to listen on; 0.0.0.0: others may look, too."""


def events_below(places: tuple[str, ...]) -> dict[str, Path]:
    """`{name: folder of its events}` of runs and of the runs in folders.

    Runs of one name are told apart by the folder above them.
    """
    folders: dict[Path, None] = {}
    for place in map(Path, places):
        runs = [place] if (place / "config.json").exists() else sorted(x.parent for x in place.glob("*/config.json"))
        folders |= {(run / "tensorboard").resolve(): None for run in runs if (run / "tensorboard").is_dir()}
    names = {}
    for events in folders:
        run = events.parent
        alike = [other for other in folders if other.parent.name == run.name]
        names[run.name if len(alike) == 1 else "/".join(run.parts[-2:])] = events
    return names


def link(runs: dict[str, Path], folder: Path) -> None:
    """Let the links in a folder be those of the runs."""
    for name, events in runs.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_symlink():
            place.symlink_to(events, target_is_directory=True)


def arguments(options: Options, folder: Path) -> list[str]:
    """TensorBoard's own: links where the system has them.

    Raises:
        UserError: there is no run.
    """
    serve = ["--host", options.host, "--port", str(options.port)]
    if any(files.is_remote(place) for place in options.runs):
        if len(options.runs) > 1:
            raise UserError(f"Give one remote folder, or local ones. Received: {' '.join(options.runs)}")
        return ["--logdir", options.runs[0], *serve]
    runs = events_below(options.runs)
    if not runs:
        raise UserError(
            f"No run with events for TensorBoard in {', '.join(options.runs)}: train one (python train.py), or name the folder "
            "of your runs."
        )
    try:
        link(runs, folder)
    except OSError:  # Windows without the right to make links
        return ["--logdir_spec", ",".join(f"{name}:{events}" for name, events in runs.items()), *serve]
    return ["--logdir", str(folder), *serve]


def main(args: list[str]) -> int:
    """Links -> TensorBoard -> new links while it runs."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.tensorboard")
    with tempfile.TemporaryDirectory(prefix="videorec-tensorboard-", ignore_cleanup_errors=True) as links:
        folder = Path(links)
        own = arguments(options, folder)  # what is refused is refused before TensorBoard is imported
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorboard").setLevel(logging.WARNING)

        from tensorboard import program  # takes seconds to import: not for --help

        server = program.TensorBoard()
        server.configure(argv=["tensorboard", *own])
        try:
            url = server.launch()
        except program.TensorBoardServerException as error:
            raise UserError(f"TensorBoard cannot be started: {error} (another port: --port 0)") from error
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request; TensorBoard sets the level when it starts
        print(f"TensorBoard shows {', '.join(options.runs)} at {url}  (Ctrl-C ends it)", flush=True)
        stopped = threading.Event()
        try:
            while not stopped.wait(REFRESH):
                if "--logdir" in own and folder.exists() and str(folder) in own:
                    link(events_below(options.runs), folder)
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    terminal.run(main)
