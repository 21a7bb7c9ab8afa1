"""Videos of a folder, local or remote, with one sub-folder a class."""

import os
from pathlib import Path

from videorec.config import UserError
from videorec.data import manifest, splitting
from videorec.data.decode import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from videorec.data.manifest import Video
from videorec.storage import files


def remote_class_folders(path: str, group: str | None = None) -> list[Video]:
    """`path/CLASS/video`, or `path/{train,val,test}/CLASS/video`, of video files directly below their class.

    Raises:
        UserError: the folder cannot be read, or holds no videos.
    """
    try:
        top = _remote_folders(path)
        has_splits = "train" in top and bool(_remote_folders(files.join(path, "train")))
        videos = []
        for split in [name for name in manifest.SPLITS if name in top] if has_splits else [None]:
            root = files.join(path, split) if split else path
            for label in _remote_folders(root):
                for name in files.names(files.join(root, label)):
                    if Path(name).suffix.lower() in VIDEO_SUFFIXES:
                        video = files.join(root, label, name)
                        key = splitting.group_of(video.removeprefix(f"{path}/"), group) if group else None
                        videos.append(Video(video, (label,), split=split, group=key))
    except OSError as error:
        raise UserError(f"--data.path {path} cannot be read: {error}") from error
    if not videos:
        raise UserError(f"{path} holds no videos. A remote path is a manifest (.csv), one sub-folder a class, or prepared.")
    return videos


def _remote_folders(path: str) -> list[str]:
    names = [name for name in files.names(path) if not name.startswith(".")]
    return [name for name in names if files.is_folder(files.join(path, name))]


def class_folders(path: Path, group: str | None = None) -> list[Video]:
    """`path/CLASS/video`, or `path/{train,val,test}/CLASS/video`; a folder of images below a class is one video."""
    splits = [name for name in manifest.SPLITS if (path / name).is_dir()]
    has_splits = "train" in splits and not any(_is_media(entry) for entry in (path / "train").iterdir())
    videos = []
    for split in splits if has_splits else [None]:
        root = path / split if split else path
        for folder in sorted(_folders(root)):
            for video in _videos_below(folder):
                name = splitting.group_of(os.path.relpath(video, path), group) if group else None
                videos.append(Video(str(video), (folder.name,), split=split, group=name))
    if not videos:
        raise UserError(
            f"{path} holds no videos. Expected one sub-folder a class, with the videos ({' '.join(sorted(VIDEO_SUFFIXES))}) "
            "or folders of frames below it."
        )
    return videos


def _folders(root: Path) -> list[Path]:
    try:
        return [entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    except OSError as error:
        raise UserError(f"The folder {root} cannot be read: {error}") from error


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES


def _videos_below(folder: Path) -> list[Path]:
    """Video files, and folders that hold images, at any depth; sorted."""
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        suffixes = {name: Path(name).suffix.lower() for name in names if not name.startswith(".")}
        found += [Path(parent) / name for name, suffix in suffixes.items() if suffix in VIDEO_SUFFIXES]
        if any(suffix in IMAGE_SUFFIXES for suffix in suffixes.values()):
            if Path(parent) == folder:
                raise UserError(
                    f"{folder} holds images directly. A video given as frames is a folder of its own below its class: "
                    f"{folder}/VIDEO/0001.jpg"
                )
            found.append(Path(parent))
    return sorted(found)
