"""A run that lies elsewhere (s3://, az://, hdfs://): worked on in a local folder, and kept the same on both sides.

`files.json`, there, names each file of the run with its SHA-256; `.common.json`, here, keeps what both sides last had in
common. A file that differs from that on one side is newer there and is copied; one that differs on both sides is a conflict.
So one machine may evaluate or export a run while another trains it.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from videorec.config import UserError
from videorec.storage import copies, files

FOLDER = "~/.cache/videorec/runs"
INDEX = "files.json"
# Uploaded last, in this order: they name what came before, so that an interrupted upload leaves a state that is whole.
LAST = ("state/state.json", "config.json")

Checksums = dict[str, str]  # {name below the run folder: SHA-256}


class Mirror:
    """The local folder of a remote run.

    Args:
        url: of the run, RUNS/NAME.

    Attributes:
        folder: the local folder.
    """

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        runs, name = self.url.rsplit("/", 1)
        self.folder = Path(FOLDER).expanduser() / hashlib.sha256(runs.encode()).hexdigest()[:12] / name
        self._record = self.folder / ".common.json"

    def pull(self) -> None:
        """Fetch what is newer there; nothing where no whole run is there.

        Raises:
            UserError: it cannot be read, or a file has changed on both sides.
        """
        try:
            with self._turn():
                theirs, mine, common = self._theirs(), self._mine(), self._common()
                if "config.json" not in theirs:
                    self._keep({})
                    return
                newer = [
                    name for name in theirs if theirs[name] not in (mine.get(name), common.get(name) if name in mine else "")
                ]
                self._check([name for name in newer if name in mine and mine[name] != common.get(name)])
                for name in newer:
                    files.copy(files.join(self.url, name), self.folder / name)
                    common[name] = _sha256(self.folder / name)
                for name in [name for name in common if name not in theirs]:
                    if mine.get(name) == common.pop(name):
                        files.remove(self.folder / name)
                self._keep(common | {name: sha for name, sha in theirs.items() if mine.get(name) == sha})
        except OSError as error:
            kept = f" A local copy lies in {self.folder}" if self.folder.is_dir() else ""
            raise UserError(f"The run {self.url} cannot be read: {error}.{kept}") from error

    def push(self) -> None:
        """Upload what is newer here.

        Raises:
            UserError: it cannot be written, or a file has changed on both sides; nothing is lost here.
        """
        try:
            with self._turn():
                theirs, mine, common = self._theirs(), self._mine(), self._common()
                if "config.json" not in theirs:  # nothing, or an upload that never ended
                    theirs, common = {}, {}
                newer = [name for name in mine if mine[name] not in (theirs.get(name), common.get(name))]
                self._check([name for name in newer if theirs.get(name) != common.get(name)])
                gone = [name for name in common if name not in mine and theirs.get(name) == common[name]]
                for name in sorted(newer, key=lambda name: (*(name == last for last in reversed(LAST)), name)):
                    if (self.folder / name).exists():  # another process may have replaced an old checkpoint meanwhile
                        files.copy(self.folder / name, files.join(self.url, name))
                index = {name: sha for name, sha in theirs.items() if name not in gone} | {name: mine[name] for name in newer}
                if newer or gone:
                    files.write(files.join(self.url, INDEX), json.dumps(index, indent=1).encode())
                for name in gone:
                    files.remove(files.join(self.url, name))
                kept = {name: sha for name, sha in common.items() if name not in gone}
                self._keep(kept | {name: sha for name, sha in mine.items() if index.get(name) == sha})
        except OSError as error:
            raise UserError(
                f"The run cannot be uploaded to {self.url}: {error}. Nothing is lost: it is whole in {self.folder}, and the "
                "same command uploads it once that is mended."
            ) from error

    def clear(self) -> None:
        """Begin anew: what is there is no run any more, and the next `push` replaces it.

        Raises:
            UserError: it cannot be written.
        """
        try:
            with self._turn():
                theirs = self._theirs()
                for name in (*reversed(LAST), INDEX):
                    files.remove(files.join(self.url, name))
                for name in theirs:
                    files.remove(files.join(self.url, name))
                self._keep({})
        except OSError as error:
            raise UserError(f"The run {self.url} cannot be replaced: {error}") from error

    # === The two sides ===

    def _theirs(self) -> Checksums:
        try:
            theirs = json.loads(files.read(files.join(self.url, INDEX)))
            outside = [name for name in theirs if os.path.isabs(name) or ".." in Path(name).parts or "://" in name]
            if outside or not isinstance(theirs, dict):
                raise ValueError(f"it names {outside[0]!r}, which is no file of the run" if outside else "it is no object")
            return theirs
        except FileNotFoundError:  # nothing, or files that were brought there by other means
            return {name: hashlib.sha256(files.read(files.join(self.url, name))).hexdigest() for name in _below(self.url)}
        except ValueError as error:
            raise OSError(f"{INDEX} is damaged ({error}); remove it") from error

    def _mine(self) -> Checksums:
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        names = {path.relative_to(self.folder): path for path in paths}
        # Names that begin so are not finished.
        whole = {name: path for name, path in names.items() if not any(part.startswith((".", "new_")) for part in name.parts)}
        return {name.as_posix(): _sha256(path) for name, path in sorted(whole.items())}

    def _common(self) -> Checksums:
        try:
            return json.loads(self._record.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}

    def _keep(self, common: Checksums) -> None:
        files.write(self._record, json.dumps(common).encode())

    def _check(self, conflicts: list[str]) -> None:
        if conflicts:
            raise UserError(
                f"The run has changed at {self.url} and in {self.folder} since both were the same: "
                f"{', '.join(sorted(conflicts)[:5])}. Keep one of the two: remove or rename the other."
            )

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time."""
        files.make_folder(self.folder.parent)
        with open(self.folder.with_name(f"{self.folder.name}.lock"), "w", encoding="utf-8") as turn:
            copies.lock(turn)
            yield


def run_names(folder: str) -> list[str]:
    """The runs in a remote folder; none where it cannot be listed."""
    try:
        return [name for name in files.names(folder) if files.exists(files.join(folder, name, "config.json"))]
    except OSError:
        return []


def _below(folder: str, name: str = "") -> Iterator[str]:
    """Names of all files below a remote folder."""
    with contextlib.suppress(FileNotFoundError):
        for entry in files.names(files.join(folder, name) if name else folder):
            full = f"{name}/{entry}" if name else entry
            if files.is_folder(files.join(folder, full)):
                yield from _below(folder, full)
            else:
                yield full


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
