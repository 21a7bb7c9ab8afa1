"""Folders with one sub-folder a class, and folders whose sub-folders are the splits; local or remote."""

import logging
import os
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from videorec.config import UserError
from videorec.data import labels, splitting
from videorec.data.file_kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_hidden
from videorec.data.listing import EXAMPLES, Listing
from videorec.data.manifest import Video
from videorec.storage import files

log = logging.getLogger(__name__)

# The names of folders that are splits, lower case.
SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
SPLIT_WORDS = "train/, val/ and test/ (also training/, valid/, validation/, testing/)"


def class_folders(path: str | Path, group: str | None = None) -> list[Video]:
    """`path/CLASS/video`, or `path/SPLIT/CLASS/video`, see `Listing`; a local folder of pictures is a video too.

    What is not used is counted in the log, and so is whether folders such as `train` were taken for splits or for classes.

    Args:
        group: regular expression for the group of a video, see `splitting.group_of`.

    Raises:
        UserError: the folder cannot be read or holds no videos, a class holds images directly, or folders such as `train` and
            `test` may be splits as well as classes.
    """
    path = str(path).rstrip("/") if files.is_remote(path) else str(Path(path))
    listing = Listing()
    listing.reserve(path)
    try:
        videos = [
            Video(video, (name,), split=split, group=splitting.group_of(_below(video, path), group) if group else None)
            for split, root in _roots(path, listing)
            for label, folder in _folders(root, listing).items()
            for name in [labels.label(label, folder)]
            for video in _of_class(folder, listing)
        ]
    except OSError as error:
        raise UserError(f"The folder {path} cannot be read: {error}") from error
    if not videos:
        unused = listing.describe_unused(path)
        raise UserError(f"{path} holds no videos. {_expected(path)}{f' In it, {unused}' if unused else ''}")
    listing.warn(path)
    _warn_of_splits_below(path, videos)
    return videos


def _folders(path: str, listing: Listing | None = None) -> dict[str, str]:
    """The sub-folders by name; what else lies there is noted in the listing."""
    folders = {}
    for name in files.names(path):
        place = files.join(path, name)
        if is_hidden(name):
            continue
        if files.is_folder(place):
            if os.path.islink(place) and listing is not None and _holds(place, path):
                listing.note_link_back(place)
            else:
                folders[name] = place
        elif listing is not None:
            listing.note_outside(place)
    return folders


def _of_class(folder: str, listing: Listing) -> list[str]:
    videos = listing.walk(folder)
    if str(Path(folder)) in videos:
        raise UserError(
            f"{folder} holds images directly. A video given as frames is a folder of its own below its class: "
            f"{folder}/VIDEO/0001.jpg"
        )
    if not videos:
        listing.unused["folders without videos"].append(folder)
    return videos


def _warn_of_splits_below(path: str, videos: Sequence[Video]) -> None:
    """Of `CLASS/train/video`: splits stand above classes."""
    folders = dict.fromkeys(os.path.dirname(video.path) for video in videos if video.split is None)
    places = [_below(folder, path).split("/") for folder in folders]
    below = ["/".join(place[:2]) for place in places if len(place) > 1 and place[1].lower() in SPLIT_OF]
    if below:
        rule = "%s: folders below a class are no splits, and all its videos are divided anew: %s. A split stands above: %s"
        first, second = below[0], "/".join(reversed(below[0].split("/")))
        log.warning(rule, path, _some(list(dict.fromkeys(below))), f"{second} in place of {first}")


# === Splits ===


def split_folders(path: str, listing: Listing) -> dict[str, list[str]]:
    """The folders that are splits by their names, case ignored, by split; none without one for train.

    Args:
        listing: takes note of what lies beside them.

    Raises:
        UserError: other folders hold files that the listing takes.
    """
    folders = _folders(path)
    named = _named_as_splits(folders)
    if "train" not in named.values():
        if named:
            log.warning("%s: without a folder train/, %s are no splits: all that is there is one set", path, _some(list(named)))
        return {}
    others = [name for name in folders if name not in named and _has_videos(folders[name], listing.suffixes)]
    if others:
        raise _mixture(path, list(named), others)
    return _by_split(path, named, listing)


def _roots(path: str, listing: Listing) -> list[tuple[str | None, str]]:
    """The folders that hold the classes, each with its split; the path itself where it names no splits."""
    folders = _folders(path)
    named = _named_as_splits(folders)
    if not named:
        return [(None, path)]
    direct = [name for name in named if _holds_media(folders[name])]
    others = [name for name in folders if name not in named and _has_videos(folders[name], listing.suffixes)]
    if others and (direct or len(set(named.values())) == 1):
        log.info("%s: %s are classes like %s, no splits", path, _some(list(named)), _some(others))
        return [(None, path)]
    if others:
        raise _mixture(path, list(named), others)
    if direct:
        raise UserError(
            f"{files.join(path, direct[0])} holds videos directly, which have no class. {_expected(path)} Splits are folders "
            f"{SPLIT_WORDS} with the classes below each."
        )
    return [(split, root) for split, roots in _by_split(path, named, listing).items() for root in roots]


def _named_as_splits(names: Iterable[str]) -> dict[str, str]:
    return {name: SPLIT_OF[name.lower()] for name in names if name.lower() in SPLIT_OF}


def _by_split(path: str, named: dict[str, str], listing: Listing) -> dict[str, list[str]]:
    for name, folder in _folders(path, listing).items():
        if name not in named:
            listing.unused["folders beside the splits"].append(folder)
    log.info("%s: splits by folder: %s", path, ", ".join(f"{name}/ is {split}" for name, split in named.items()))
    splits = [split for split in dict.fromkeys(SPLIT_OF.values()) if split in named.values()]
    return {split: [files.join(path, name) for name, own in named.items() if own == split] for split in splits}


def _mixture(path: str, named: Sequence[str], others: Sequence[str]) -> UserError:
    return UserError(
        f"{path} holds folders that are splits by their names ({_some(named)}) and others with videos ({_some(others)}). "
        "Move the others below a split or elsewhere; or rename the first where they are no splits; or list the videos in a "
        "manifest (.csv)."
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:EXAMPLES]) + (f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else "")


def _holds_media(folder: str) -> bool:
    """Whether videos or pictures lie in it directly."""
    media = VIDEO_SUFFIXES | IMAGE_SUFFIXES
    return any(os.path.splitext(name)[1].lower() in media for name in files.names(folder) if not is_hidden(name))


def _has_videos(folder: str, suffixes: Set[str]) -> bool:
    """Whether it holds videos at any depth (of a remote folder: at the first two levels)."""
    if not files.is_remote(folder):
        return Listing(suffixes).holds_any(folder)
    return _holds_media(folder) or any(_holds_media(below) for below in _folders(folder).values())


def _holds(folder: str, path: str) -> bool:
    """Whether a folder, links followed, is the path or one above it."""
    return os.path.commonpath([os.path.realpath(folder), os.path.realpath(path)]) == os.path.realpath(folder)


def _below(video: str, path: str) -> str:
    return video.removeprefix(f"{path}/") if files.is_remote(path) else os.path.relpath(video, path)


def _expected(path: str) -> str:
    if files.is_remote(path):
        return "A remote path is a manifest (.csv), one sub-folder a class, or prepared."
    return "Expected one sub-folder a class, with the videos (.mp4 .avi .mkv ...) or folders of frames below it."
