"""What lies in a folder: its videos, its folders of pictures, and what is left out, counted with the reason.

Every command lists folders with this walk, so that all of them use, and leave out, the same files.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from videorec.data.decode import Reader
from videorec.data.file_kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_hidden, kind_of_special, reason_not_to_open
from videorec.data.pictures import Unreadable
from videorec.storage import files

log = logging.getLogger(__name__)

REASONS, EXAMPLES = 20, 3  # named in one message
TRIED = 3  # files of an unknown suffix
LONGEST_SUFFIX = 8  # characters: what follows the last point of `lecture 2.Tuesday evening` is none
# Not tried: FFmpeg takes such files for pictures, sound or noise; .lrv and .thm are small copies of videos, by the camera.
OTHERS = frozenset(
    ".heic .heif .avif .tga .psd .exr .jp2 .jxl .ppm .pgm .pbm .pnm .svg .dds .ico .dng .nef .cr2 .arw .jfif .npy .npz "
    ".h5 .hdf5 .mat .pkl .pt .pth .ckpt .safetensors .keras .tflite .onnx .tfrecord .parquet .zip .tar .gz .tgz .bz2 .xz "
    ".7z .rar .iso .exe .wav .mp3 .flac .m4a .aac .opus .wma .mid .pdf .doc .docx .xls .xlsx .ppt .pptx .db .sqlite "
    ".csv .json .jsonl .xml .html .md .rst .log .yaml .yml .toml .ini .py .pyc .sh .ipynb .srt .vtt .ass .sub .idx .cdg "
    ".part .crdownload .tmp .lrv .thm".split()
)
BESIDE, BACK, AGAIN, LOST, SPECIAL, CLOSED, HIDDEN, OUTSIDE = (
    "pictures beside videos",
    "links to folders that are listed already",
    "links to files that are listed already",
    "links that lead nowhere",
    "named pipes, sockets or devices",
    "folders that cannot be read",
    "hidden videos",
    "videos outside the folders of classes or splits",
)


@dataclass
class _Level:
    """The files of one folder, by what they are for; all are paths."""

    folder: str
    taken: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


class Listing:
    """Walks folders, local or remote: of a local one at any depth, of a remote one the files directly in it.

    Links are followed, but none that leads back into what is listed anyway. What is hidden is left out. Files of an unknown
    suffix are videos where FFmpeg opens one of the first three.

    Args:
        suffixes: of the files that are taken, lower case, with the point.
        pictures: False: files alone.

    Attributes:
        unused: the paths that were left out, by reason (a suffix, or words).
    """

    def __init__(self, suffixes: Set[str] = VIDEO_SUFFIXES, pictures: bool = True):
        self.suffixes, self.pictures = suffixes, pictures
        self.unused: dict[str, list[str]] = defaultdict(list)
        self._opens: dict[str, bool] = {}  # whether files of an unknown suffix are videos
        self._homes: list[str] = []  # real paths below which everything is listed without links
        self._links: set[str] = set()  # paths of files that are links
        self._linked: set[str] = set()  # real paths of the folders that were read because links lead there

    def reserve(self, folder: str) -> None:
        """No link is followed into this folder, nor to one above it, because it is listed itself."""
        if not files.is_remote(folder):
            self._homes.append(os.path.realpath(folder))

    def walk(self, folder: str | Path) -> list[str]:
        """The files, and the folders that hold pictures and no such file, sorted by folder and name; each file once.

        Raises:
            OSError: a remote folder cannot be read.
        """
        if files.is_remote(folder):
            return self._remote(str(folder))
        self.reserve(str(folder))
        levels = list(self._levels(str(Path(folder))))
        known = self._tried(path for level in levels for path in level.unknown)
        paths = []
        for level in levels:
            taken = level.taken + [path for path in level.unknown if path in known]
            paths += taken
            if level.pictures and not taken:
                paths.append(level.folder)
            else:
                self.unused[BESIDE] += level.pictures
        return [str(path) for path in sorted(map(Path, self._once(paths)))]

    def holds_any(self, folder: str) -> bool:
        """Whether there is something to use below a local folder, of a known suffix; pictures directly in it are not."""
        return any(level.taken or (level.pictures and level.folder != folder) for level in self._levels(folder))

    # === What there is ===

    def _remote(self, folder: str) -> list[str]:
        """Telling folders takes a request a name: they are left out with the rest."""
        paths = [files.join(folder, name) for name in files.names(folder) if not is_hidden(name)]
        for path in paths:
            if _suffix(path) not in self.suffixes and _suffix(path):
                self.unused[_suffix(path)].append(path)
        return [path for path in paths if _suffix(path) in self.suffixes]

    def _levels(self, root: str) -> Iterator[_Level]:
        """Each folder with its files: those of the tree itself, then those that links lead to."""
        pending, links = [root], []
        while pending or links:
            if not pending:
                link = links.pop()
                real = os.path.realpath(link)
                if self._leads_back(real):
                    self.unused[BACK].append(link)
                    continue
                self._linked.add(real)
                pending.append(link)
            level = _Level(pending.pop())
            try:
                with os.scandir(level.folder) as entries:
                    entries = sorted(entries, key=lambda entry: entry.name, reverse=True)
            except OSError:
                self.unused[CLOSED].append(level.folder)
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and not is_hidden(entry.name):
                    self._enter(entry.path, pending)
                elif self._is_link_to_folder(entry):
                    links.append(entry.path)
                elif not entry.is_dir(follow_symlinks=False):
                    self._sort_in(entry, level)
            yield level

    def _enter(self, folder: str, pending: list[str]) -> None:
        if self._linked and os.path.realpath(folder) in self._linked:
            self.unused[BACK].append(folder)
        else:
            pending.append(folder)

    def _is_link_to_folder(self, entry: os.DirEntry) -> bool:
        return entry.is_symlink() and not is_hidden(entry.name) and os.path.isdir(entry.path)

    def _leads_back(self, real: str) -> bool:
        """Whether a folder is listed already, or holds one that is; what is hidden in such a folder is not listed."""
        if real in self._linked:
            return True
        for home in self._homes:
            if home == real or home.startswith(real.rstrip("/") + "/"):
                return True
            if real.startswith(home.rstrip("/") + "/") and not any(map(is_hidden, real[len(home) :].split("/"))):
                return True
        return False

    def _sort_in(self, entry: os.DirEntry, level: _Level) -> None:
        """One file."""
        suffix = _suffix(entry.name)
        if is_hidden(entry.name):
            if suffix in self.suffixes and not entry.name.startswith("._"):
                self.unused[HIDDEN].append(entry.path)
            return
        if entry.is_symlink():
            self._links.add(entry.path)
        try:
            special = not entry.is_file(follow_symlinks=False) and kind_of_special(entry.path)
        except OSError:
            if suffix not in self.suffixes:  # a video that is lost is listed: reading it says so
                self.unused[LOST].append(entry.path)
                return
            special = None
        if special:
            self.unused[SPECIAL].append(entry.path)
        elif suffix in self.suffixes:
            level.taken.append(entry.path)
        elif suffix in IMAGE_SUFFIXES and self.pictures:
            level.pictures.append(entry.path)
        else:
            level.unknown.append(entry.path)

    # === What is used ===

    def _tried(self, paths: Iterator[str]) -> set[str]:
        """Those of unknown suffixes that are videos; the others are noted."""
        groups, known = defaultdict(list), set()
        for path in paths:
            groups[_suffix(path)].append(path)
        for suffix, group in groups.items():
            if suffix not in self._opens:
                tried = suffix not in OTHERS and suffix not in IMAGE_SUFFIXES and self.suffixes >= VIDEO_SUFFIXES
                self._opens[suffix] = tried and any(_is_video(path) for path in group[:TRIED])
                if self._opens[suffix]:
                    log.info("%s: FFmpeg opens it, so files %s are videos too", group[0], _with(suffix))
            if self._opens[suffix]:
                texts = set() if suffix else {path for path in group if reason_not_to_open(Path(path))}
                known.update(path for path in group if path not in texts)
                group = [path for path in group if path in texts]
            if group:
                self.unused[suffix or "without a suffix"] += group
        return known

    def _once(self, paths: Sequence[str]) -> Iterator[str]:
        """Without the links to files that are among the paths."""
        real = {folder: os.path.realpath(folder) for folder in {os.path.dirname(path) for path in paths}}
        places = (os.path.split(path) for path in paths if path not in self._links)
        seen = {os.path.join(real[folder], name) for folder, name in places}
        for path in paths:
            if path in self._links:
                target = os.path.realpath(path)
                if target in seen:
                    self.unused[AGAIN].append(path)
                    continue
                seen.add(target)
            yield path

    # === What is said ===

    def note_link_back(self, link: str) -> None:
        """A link that the caller does not follow."""
        self.unused[BACK].append(link)

    def note_outside(self, path: str) -> None:
        """A file that lies where only the folders of classes (or splits) are looked into."""
        suffix = _suffix(path)
        self.unused[OUTSIDE if suffix in self.suffixes else suffix or "without a suffix"].append(path)

    def describe_unused(self, folder: str) -> str:
        """`not used: .txt: 12 (a.txt, b/c.txt, d.txt, ...); pictures beside videos: 1 (a.jpg)`; empty where all is used."""
        counted = sorted(((reason, paths) for reason, paths in self.unused.items() if paths), key=lambda item: -len(item[1]))
        parts = []
        for reason, paths in counted[:REASONS]:
            names = ", ".join(_below(path, folder) for path in sorted(paths)[:EXAMPLES])
            parts.append(f"{reason}: {len(paths)} ({names}{', ...' if len(paths) > EXAMPLES else ''})")
        rest = sum(len(paths) for _, paths in counted[REASONS:])
        return f"not used: {'; '.join([*parts, *([f'for other reasons: {rest}'] if rest else [])])}" if parts else ""

    def warn(self, folder: str) -> None:
        """Say once what is not used."""
        if unused := self.describe_unused(folder):
            log.warning("%s: %s", folder, unused)


def walk(folder: str | Path, suffixes: Set[str] = VIDEO_SUFFIXES, pictures: bool = True) -> list[str]:
    """What `Listing.walk` gives of one folder, without a word about the rest."""
    return Listing(suffixes, pictures).walk(folder)


def _suffix(path: str) -> str:
    suffix = os.path.splitext(path)[1].lower()
    return suffix if len(suffix) <= LONGEST_SUFFIX and suffix[1:].isalnum() else ""


def _with(suffix: str) -> str:
    return f"with {suffix}" if suffix else "without a suffix"


def _below(path: str, folder: str) -> str:
    return path.removeprefix(f"{folder.rstrip('/')}/") if files.is_remote(path) else os.path.relpath(path, folder)


def _is_video(path: str) -> bool:
    """Whether two frames can be read: a file that shows one is a picture, or sound with a cover."""
    if reason_not_to_open(Path(path)):
        return False
    try:
        return len(Reader(path)) >= 2
    except Unreadable:
        return False
