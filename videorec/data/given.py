"""The videos that a command line names: files, folders, globs, lists in text files and manifests."""

import glob
import logging
import os
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from videorec.config import UserError
from videorec.data import manifest
from videorec.data.file_kinds import VIDEO_SUFFIXES
from videorec.data.listing import Listing
from videorec.data.manifest import Video
from videorec.data.spelling import Spelling
from videorec.data.text_files import read_lines
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
        yield from _of_folder(path, suffixes)


def _of_manifest(path: str) -> list[Video]:
    rows = manifest.read(path, labelled=False)
    if any(video.labels for video in rows):
        log.info("the labels in %s are not used: evaluate.py compares with them", path)
    return [Video(os.path.normpath(v.path) if not files.is_remote(v.path) else v.path, (), v.start, v.end) for v in rows]


def _of_list(path: str, suffixes: Set[str]) -> Iterator[Video]:
    paths, spelled, base = [], Spelling(path), os.path.dirname(path)
    for line, where in read_lines(path, names=True):
        remote.check_scheme(line, where)
        paths.append(files.join(base, spelled.here(base, line, where)))
    spelled.report()
    if not any(files.is_remote(p) or os.path.exists(p) for p in paths):
        first = f", the first: {paths[0]}" if paths else ""
        raise UserError(f"{path} must list videos, a path a line. None of its {len(paths)} exists{first}")
    for listed in paths:
        if os.path.isdir(listed):
            yield from _of_folder(listed, suffixes)
        else:
            yield Video(listed, ())


def _of_folder(folder: str, suffixes: Set[str]) -> list[Video]:
    listing = Listing(suffixes)
    try:
        paths = listing.walk(folder)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read: {error}") from error
    if not paths:
        unused, depth = listing.describe_unused(folder), "" if files.is_remote(folder) else ", at any depth"
        raise UserError(f"{folder} holds no videos and no folders of pictures{depth}{f'; {unused}' if unused else ''}")
    listing.warn(folder)
    return [Video(path, ()) for path in paths]


def _true_path(path: str) -> str:
    return path if files.is_remote(path) else os.path.realpath(path)
