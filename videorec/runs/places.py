"""Where a new run may be made: which folders are runs, and how an old one makes room.

Only what videorec wrote is ever removed, and no run with a finished epoch: that is renamed.
"""

import contextlib
import itertools
import json
import logging
import os
import shutil
from pathlib import Path

from videorec.config import UserError
from videorec.models.ensemble import Ensemble
from videorec.runs.checkpoints import ANEW
from videorec.runs.mirror import Mirror
from videorec.storage import files, leftovers

log = logging.getLogger(__name__)

# What a run has before its first epoch is finished.
BEGUN = ("config.json", "classes.txt", "recipe.json", "videos.csv", "state", "tensorboard")
LISTED = 3


def check_is_free(folder: Path) -> None:
    """A run may be made in this folder, or is there.

    Raises:
        UserError: it holds something else.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith((".", "new_")))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"The run folder {folder} cannot be read: {error}. Choose another --name") from error
    if _is_config(folder / "config.json") if "config.json" in names else set(names) <= {*BEGUN, "model.keras"}:
        return
    shown = ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
    raise UserError(f"{folder} is no run, but holds other files: {shown}. Choose another --name, or another folder with --runs")


def check_is_new(folder: Path) -> None:
    """Nothing may be at the place of a new run.

    Raises:
        UserError: something is.
    """
    if os.path.lexists(folder):
        raise UserError(f"Nothing is overwritten, and {folder} is there already: choose another --name")


def _is_config(file: Path) -> bool:
    """Whether a file is a run's config.json, and not the one of another program; a damaged one beside classes.txt is."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        return False
    except ValueError:
        return file.with_name("classes.txt").exists()
    return isinstance(tree, dict) and {"data", "model", "train"} <= tree.keys()


def _is_fused(file: Path) -> bool:
    """Whether a config.json is that of a run which nothing trained."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads(file.read_text(encoding="utf-8"))["model"]["name"] == Ensemble.name
    return False


def check_state(folder: Path) -> None:
    """What a run needs to go on must be there, so that nothing trains over a good model.

    Raises:
        UserError: naming what is missing.
    """
    state, model = folder / "state", folder / "model.keras"
    if _is_fused(folder / "config.json"):
        raise UserError(
            f"The run {folder} was made of others by videorec.tools.fuse, and has no state to go on with. Choose another "
            f"--name; {ANEW}"
        )
    missing = None
    if not (folder / "config.json").exists():
        missing = "config.json" if model.exists() or (state / "state.json").exists() else None
    elif not (state / "state.json").exists():
        # Before the first epoch is finished there is no list of checkpoints yet; model.keras may be there already.
        later = [file for file in state.glob("epoch_*.weights.h5") if file.name != "epoch_0001.weights.h5"]
        missing = "state/" if model.exists() and not state.exists() else "state/state.json" if later else None
    if missing:
        use = ", or start another run from its model with --train.init" if model.exists() else ""
        raise UserError(
            f"The run {folder} has no {missing} any more, without which it cannot go on. Bring it back from a copy{use}; {ANEW}"
        )


def make_room(folder: Path, mirror: Mirror | None, resume: bool) -> None:
    """For a run that starts anew: the old one gets the name NAME.old-1 (or -2, ...), what was only begun is removed.

    Args:
        resume: there is no old one to keep; what was begun is gone on with.

    Raises:
        UserError: a remote one cannot be moved.
    """
    if resume or not folder.exists():
        return
    if not any((folder / name).exists() for name in ("state/state.json", "model.keras", "results.json")):
        for name in BEGUN:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        if mirror:
            mirror.clear()
        return
    old = _free_place(folder, mirror)
    folder.rename(_folder_of(old))
    if mirror:
        (_folder_of(old) / ".common.json").unlink(missing_ok=True)
        Mirror(old).push()
        mirror.clear()
    log.info("the run that was there is kept as %s", old)


def _free_place(folder: Path, mirror: Mirror | None) -> str:
    for number in itertools.count(1):
        place = f"{mirror.url if mirror else folder}.old-{number}"
        taken = mirror and files.exists(files.join(place, "config.json"))
        if not taken and not os.path.lexists(_folder_of(place)):
            return place


def _folder_of(place: str) -> Path:
    return Mirror(place).folder if files.is_remote(place) else Path(place)


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a run; for the one process that trains it."""
    for part in (folder, folder / "state"):
        leftovers.sweep(part)
        for path in part.glob("new_*"):
            path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
