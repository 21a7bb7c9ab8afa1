"""The files of a report: how they are made, and written."""

import contextlib
import io
import json
import os
import re
from pathlib import Path

from matplotlib.figure import Figure

from videorec.config import UserError
from videorec.storage import files, leftovers

RESULTS = "results.json"
UNFINISHED = "unfinished"
# What evaluations leave beside results.json; nothing else is ever removed.
_COMPANION = re.compile(r"(predictions|segments)\.csv|(confusion|per_class|leads)\.png|forecasts/[^/]+\.(png|gif)")
_ALWAYS = ("predictions.csv", "segments.csv", "confusion.png", "per_class.png", "leads.png")


def as_json(results: dict) -> bytes:
    """The content of `results.json`.

    Raises:
        ValueError: a number that JSON has not (NaN, infinity): None says that a figure is not defined.
    """
    return (json.dumps(results, indent=2, allow_nan=False) + "\n").encode()


def as_png(figure: Figure) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def as_csv(text: str) -> bytes:
    """The content of a CSV file: UTF-8; names of files that are not appear with backslashes."""
    return text.encode("utf-8", "backslashreplace")


def write_files(contents: dict[str, bytes], folder: str | Path) -> None:
    """Files by name into a local folder, each whole or not at all.

    Those of an evaluation (with `results.json`, which lists the others) are replaced together: all are written under other
    names; `results.json` then says that it is not finished; the companions of the evaluation before go, the new ones come, and
    `results.json` comes last. So figures never stand beside the predictions of others.

    Raises:
        UserError: they cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with leftovers.working_folder(folder, "report") as staged:
            names = [name for name in contents if name != RESULTS]
            if RESULTS in contents:
                contents = {**contents, RESULTS: as_json(json.loads(contents[RESULTS]) | {"files": sorted(names)})}
            for name, content in contents.items():
                files.write(staged / name, content)
            if RESULTS in contents:
                _make_room(folder, names)
                names.append(RESULTS)
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged / name, folder / name)
    except OSError as error:
        raise UserError(f"The results cannot be written to {folder}: {error}. Choose another folder with --out") from error


def _make_room(folder: Path, coming: list[str]) -> None:
    """Mark what is there as unfinished, and remove the companions of an earlier evaluation that no new ones replace."""
    old = companions(folder)
    if not old and not (folder / RESULTS).exists():
        return
    what = "an evaluation was stopped while its files were written: run it again"
    files.write(folder / RESULTS, as_json({UNFINISHED: what, "files": sorted({*old, *coming})}))
    for name in old:
        if name not in coming:
            (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (folder / name).parent.rmdir()  # where nothing else is in it


def companions(folder: Path) -> list[str]:
    """The files that the evaluation whose `results.json` lies in a folder made beside it; of older ones, all that they may have
    made."""
    try:
        results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        shown = [f"forecasts/{name}{end}" for name in results.get("pictures", ()) for end in (".png", ".gif")]
        named = [name for name in results.get("files", [*_ALWAYS, *shown]) if isinstance(name, str)]
    except (OSError, ValueError, AttributeError, TypeError):
        return []
    return [name for name in named if _COMPANION.fullmatch(name) and (folder / name).is_file()]
