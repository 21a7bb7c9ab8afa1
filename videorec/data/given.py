"""The videos that a command line names: files, folders, globs, lists in text files and manifests."""

import glob
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from videorec.config import UserError
from videorec.data import manifest
from videorec.data.file_kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from videorec.data.folders import walk
from videorec.data.manifest import Video
from videorec.storage import files, remote

log = logging.getLogger(__name__)

KINDS = 5  # of files, named in one message


def videos(words: Sequence[str], suffixes: Set[str] = VIDEO_SUFFIXES) -> list[Video]:
    """The videos that `words` name, each once, in their order.

    A word is a file; a folder, whose videos at any depth are taken, and whose other files the log counts; a glob in quotes; a
    list (.txt) with a path a line, which starts from the list's folder; or a manifest (.csv), with or without labels, whose
    segments are kept. A file that does not exist is a video too, unless none does: reading it says so.

    Args:
        suffixes: of the files that are taken from folders, lower case, with the point.

    Raises:
        UserError: nothing there, naming the words; a list or manifest that cannot be read; a URL that is not fetched.
    """
    named = [video for word in words for video in _of_word(word, suffixes)]
    if not any(files.is_remote(video.path) or os.path.exists(video.path) for video in named):
        paths = list(dict.fromkeys(video.path for video in named))
        more = f" and {len(paths) - KINDS} more" if len(paths) > KINDS else ""
        raise UserError(f"Videos, folders, lists (.txt) or manifests (.csv) that exist are needed. Received: "
                        f"{', '.join(paths[:KINDS]) or 'none'}{more}: no such file")  # fmt: skip
    once = {(_true_path(video.path), video.start, video.end): video for video in reversed(named)}
    if len(once) < len(named):
        log.info("%d of %d are the same file once more: each is taken once", len(named) - len(once), len(named))
    return list(reversed(once.values()))


def _of_word(word: str, suffixes: Set[str]) -> Iterator[Video]:
    remote.check_scheme(word)
    path = word if files.is_remote(word) else str(Path(word).expanduser())
    if files.is_remote(path):
        yield from _of_remote(path, suffixes)
    elif os.path.exists(path) or not glob.has_magic(path):
        yield from _of_path(path, suffixes)
    else:
        matches = sorted(glob.glob(path, recursive=True), key=Path)
        if not matches:
            raise UserError(f"No file matches {word}")
        for match in matches:
            yield from _of_path(match, suffixes)


def _of_path(path: str, suffixes: Set[str]) -> Iterator[Video]:
    suffix = Path(path).suffix.lower()
    if os.path.isdir(path):
        yield from _of_folder(path, suffixes)
    elif suffix == ".csv":
        yield from _of_manifest(path)
    elif suffix == ".txt" and os.path.exists(path):
        yield from _of_list(path, suffixes)
    else:
        yield Video(path, ())


def _of_remote(path: str, suffixes: Set[str]) -> Iterator[Video]:
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".csv":
        yield from _of_manifest(path)
    elif suffix in suffixes:
        yield Video(path, ())
    else:
        try:
            paths = walk(path, suffixes)
        except OSError as error:
            raise UserError(f"The folder {path} cannot be read: {error}") from error
        if not paths:
            raise UserError(f"{path} holds no videos ({' '.join(sorted(suffixes))})")
        yield from (Video(video, ()) for video in paths)


def _of_manifest(path: str) -> list[Video]:
    rows = manifest.read(path, labelled=False)
    if any(video.labels for video in rows):
        log.info("the labels in %s are not used: evaluate.py compares with them", path)
    return [Video(os.path.normpath(v.path) if not files.is_remote(v.path) else v.path, (), v.start, v.end) for v in rows]


def _of_list(path: str, suffixes: Set[str]) -> Iterator[Video]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape").split("\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    paths = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            remote.check_scheme(line.strip(), f"{path}, line {number}")
            paths.append(files.join(os.path.dirname(path), line.strip()))
    if not any(files.is_remote(p) or os.path.exists(p) for p in paths):
        first = f", the first: {paths[0]}" if paths else ""
        raise UserError(f"{path} must list videos, a path a line. None of its {len(paths)} exists{first}")
    for listed in paths:
        if os.path.isdir(listed):
            yield from _of_folder(listed, suffixes)
        else:
            yield Video(listed, ())


# === Folders ===


def _of_folder(folder: str, suffixes: Set[str]) -> Iterator[Video]:
    """Pictures beside videos are no video of their own."""
    paths = walk(folder, suffixes)
    parents = {os.path.dirname(path) for path in paths if not os.path.isdir(path)}
    paths = [path for path in paths if path not in parents]
    if not paths:
        kinds = " ".join(sorted(suffixes))
        raise UserError(f"{folder} holds no videos ({kinds}) and no folders of pictures, at any depth{_unused(folder, paths)}")
    others = _unused(folder, paths)
    if others:
        log.info("%s: %d videos%s", folder, len(paths), others)
    yield from (Video(path, ()) for path in paths)


def _unused(folder: str, taken: Sequence[str]) -> str:
    """What else lies in the folder, as `; not used: 3 .txt, 1 .jpg`; empty where there is nothing else."""
    taken, kinds = set(taken), Counter()
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = (name for name in folders if not name.startswith("."))
        for name in (name for name in names if not name.startswith(".")):
            suffix = os.path.splitext(name)[1].lower()
            frame = str(Path(parent)) in taken and suffix in IMAGE_SUFFIXES
            if not frame and str(Path(parent, name)) not in taken:
                kinds[suffix or "without a suffix"] += 1
    listed = [f"{count} {suffix}" for suffix, count in kinds.most_common(KINDS)]
    rest = sum(kinds.values()) - sum(count for _, count in kinds.most_common(KINDS))
    return f"; not used: {', '.join([*listed, *([f'{rest} of other kinds'] if rest else [])])}" if kinds else ""


def _true_path(path: str) -> str:
    return path if files.is_remote(path) else os.path.realpath(path)
