"""Videos and sequences in folders, local or remote: the one walk that lists them, and folders with one sub-folder a class."""

import os
from collections.abc import Iterator, Set
from pathlib import Path

from videorec.config import UserError
from videorec.data import manifest, splitting
from videorec.data.file_kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from videorec.data.manifest import Video
from videorec.storage import files


def walk(folder: str | Path, suffixes: Set[str] = VIDEO_SUFFIXES, pictures: bool = True) -> list[str]:
    """The files with one of the suffixes, and the folders that hold pictures, sorted by folder and name.

    Of a local folder at any depth, links followed; of a remote one the files directly in it. What is hidden is left out.

    Args:
        suffixes: lower case, with the point.
        pictures: False: files alone.

    Raises:
        OSError: a remote folder cannot be read.
    """
    paths = []
    for parent, names in _levels(folder):
        kinds = {name: os.path.splitext(name)[1].lower() for name in names if not name.startswith(".")}
        paths += [files.join(parent, name) for name, suffix in kinds.items() if suffix in suffixes]
        if pictures and not files.is_remote(folder) and not IMAGE_SUFFIXES.isdisjoint(kinds.values()):
            paths.append(parent)
    return paths if files.is_remote(folder) else [str(path) for path in sorted(map(Path, paths))]


def _levels(folder: str | Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder with the names of its files. Of a remote one that level alone: telling folders takes a request a name."""
    if files.is_remote(folder):
        yield str(folder), files.names(folder)
        return
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = (name for name in folders if not name.startswith("."))
        yield parent, names


def class_folders(path: str | Path, group: str | None = None) -> list[Video]:
    """`path/CLASS/video`, or `path/{train,val,test}/CLASS/video`, see `walk`; a local folder of pictures is a video too.

    Args:
        group: regular expression for the group of a video, see `splitting.group_of`.

    Raises:
        UserError: the folder cannot be read or holds no videos, or a class holds images directly.
    """
    path, videos = str(path).rstrip("/") if files.is_remote(path) else str(Path(path)), []
    try:
        for split in _splits(path):
            root = files.join(path, split) if split else path
            for label in _folders(root):
                for video in _of_class(files.join(root, label)):
                    key = splitting.group_of(_below(video, path), group) if group else None
                    videos.append(Video(video, (label,), split=split, group=key))
    except OSError as error:
        raise UserError(f"The folder {path} cannot be read: {error}") from error
    if not videos:
        raise UserError(f"{path} holds no videos. {_expected(path)}")
    return videos


def _folders(path: str) -> list[str]:
    names = [name for name in files.names(path) if not name.startswith(".")]
    return [name for name in names if files.is_folder(files.join(path, name))]


def _splits(path: str) -> list[str | None]:
    """The splits that have folders of their own; [None] without one for train, where videos in `train` make it a class."""
    splits = [name for name in manifest.SPLITS if name in _folders(path)]
    if "train" not in splits:
        return [None]
    media = VIDEO_SUFFIXES | IMAGE_SUFFIXES
    is_class = any(os.path.splitext(name)[1].lower() in media for name in files.names(files.join(path, "train")))
    return [None] if is_class else splits


def _of_class(folder: str) -> list[str]:
    videos = walk(folder)
    if str(Path(folder)) in videos:
        raise UserError(
            f"{folder} holds images directly. A video given as frames is a folder of its own below its class: "
            f"{folder}/VIDEO/0001.jpg"
        )
    return videos


def _below(video: str, path: str) -> str:
    return video.removeprefix(f"{path}/") if files.is_remote(path) else os.path.relpath(video, path)


def _expected(path: str) -> str:
    if files.is_remote(path):
        return "A remote path is a manifest (.csv), one sub-folder a class, or prepared."
    kinds = " ".join(sorted(VIDEO_SUFFIXES))
    return f"Expected one sub-folder a class, with the videos ({kinds}) or folders of frames below it."
