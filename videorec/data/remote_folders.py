"""Videos of a remote folder with one sub-folder a class."""

from pathlib import Path

from videorec.config import UserError
from videorec.data import manifest, splitting
from videorec.data.manifest import Video
from videorec.data.sources import VIDEO_SUFFIXES
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
