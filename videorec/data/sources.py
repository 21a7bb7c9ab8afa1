"""Where videos come from: class-per-folder, a manifest, the official UCF101 and HMDB51 lists, or built-in."""

import dataclasses
import functools
import logging
from collections.abc import Callable
from pathlib import Path

from videorec.config import Data, Experiment, UserError, nearest
from videorec.data import early_clue, labels, manifest, same_files, selection, synthetic, verdicts
from videorec.data.folders import class_folders
from videorec.data.manifest import Video
from videorec.data.official_lists import has_official_splits, official_videos
from videorec.data.prepared.index import Prepared, is_prepared
from videorec.data.record import Record, base_of, entry_of, size_of, some
from videorec.data.seen import Trained
from videorec.data.selection import Selection
from videorec.data.splitting import VideoSet, classes_of, complete_splits
from videorec.storage import files, remote

log = logging.getLogger(__name__)

BUILT_IN = {"synthetic": synthetic.write, "synthetic_early": early_clue.write}  # what --data.path calls them


def load(data: Data, seed: int = 0, record: Record | None = None) -> VideoSet:
    """Find the videos that `data` describes, with train, val and test set and checked.

    Args:
        seed: of a split that is drawn.
        record: of the run that goes on, whose split and classes are kept; None: of a new one.

    Raises:
        UserError: nothing there, one class only, a label in test or val that training has not, a group or a file on two sides.
    """
    everything = find(data)
    videos = _without(everything, data)
    known = {label for video in everything for label in video.labels}
    for name in labels.all_canonical(data.exclude):
        if name in known:
            log.info("left out: class %s", name)
        else:
            log.warning("--data.exclude %s: %s has no such class. %s", name, data.path, nearest(name, known))
    if not videos:
        raise UserError(f"No video is left of {data.path} after --data.exclude {' '.join(data.exclude)}.")
    same = same_files.representatives(video.path for video in videos)
    if record is not None:
        dataset = selection.going_on(same_files.in_one_group(videos, same), data, *_place(data), record)
        same_files.check(dataset.videos, same)
        return dataset
    videos = _drawn(videos, same, data, seed)
    used = verdicts.kept(videos, data)
    base, size = _place(data)
    return VideoSet(tuple(used), classes_of(used, data.path), selection.others(videos, used), base, size=size)


def _drawn(videos: list[Video], same: dict[str, str], data: Data, seed: int) -> list[Video]:
    """The videos with their split, no group and no file on two sides."""
    manifest.check_groups(videos)
    videos = complete_splits(same_files.in_one_group(videos, same), seed, data.val)
    same_files.check(videos, same)
    manifest.check_groups(videos)
    return videos


def choose(data: Data, split: str, trained: Experiment, record: Record | None = None) -> Selection:
    """The videos that a run is measured on, see `selection.select`.

    Args:
        trained: the run's experiment.
        record: of the run's videos; None: an older run without one.

    Raises:
        UserError: nothing there, or no video in that split.
    """

    videos = _without(find(data), data)
    videos = same_files.in_one_group(videos, same_files.representatives(video.path for video in videos))
    base, size = _place(trained.data)
    own = Trained(trained.data, base, record, functools.partial(draw, trained), trained.train.seed, size)
    chosen = selection.select(videos, data, *_place(data), split, own)
    return dataclasses.replace(chosen, videos=verdicts.kept(chosen.videos, data))


def draw(trained: Experiment) -> Record:
    """The record of an older run without one, as it would be drawn of the data of now.

    Raises:
        UserError: they are not at hand.
    """
    videos = _without(find(trained.data), trained.data)
    same = same_files.representatives(video.path for video in videos)
    base, size = _place(trained.data)
    return VideoSet(tuple(_drawn(videos, same, trained.data, trained.train.seed)), (), (), base, size=size).record()


def base_of_record(data: Data) -> str:
    """The folder that the paths of a record start from."""
    return _place(data)[0]


def load_for_evaluation(data: Data, split: str, trained: Experiment, record: Record | None = None) -> list[Video]:
    """The videos of `choose`."""
    return choose(data, split, trained, record).videos


def warn_of_seen(videos: list[Video], split: str, other: Experiment, record: Record | None) -> None:
    """Warn of videos that a run which is fused was trained on, though they are in another split of the run that is measured."""
    known = record.by_key if record else {}
    base = _place(other.data)[0]
    seen = [video.path for video in videos if (one := known.get(entry_of(video, base).key)) and one.split not in (split, None)]
    if seen:
        log.warning("%d of %d videos are in another split of the run %s: %s", len(seen), len(videos), other.name, some(seen))


def _place(data: Data) -> tuple[str, Callable[[str], int | None]]:
    """The folder that the paths of a record start from, and what gives the size of a video."""
    base = str(built_in(data.path).parent) if data.path in BUILT_IN else base_of(data.path, data.videos)
    return base, Prepared(base).size if is_prepared(base) else size_of


def _without(videos: list[Video], data: Data) -> list[Video]:
    """Those of other classes than `data.exclude`."""
    left_out = set(labels.all_canonical(data.exclude))
    return [video for video in videos if not set(video.labels) & left_out]


def find(data: Data) -> list[Video]:
    """The videos of the source that `data.path` names; the split is None where the source does not give it."""
    for option, path in (("--data.path", data.path), ("--data.videos", data.videos)):
        remote.check_scheme(str(path or ""), option)
    if data.path in BUILT_IN:
        return manifest.read(built_in(data.path))
    if is_prepared(data.path):
        return Prepared(data.path).videos()
    if files.is_remote(data.path):
        if data.path.endswith(".csv"):
            return manifest.read(data.path, data.videos)
        return class_folders(data.path, data.group)
    path = Path(data.path).expanduser()
    if path.suffix == ".csv":
        return manifest.read(path, data.videos)
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise UserError(
            f"--data.path must be a folder of videos, a manifest (.csv), or one of {', '.join(BUILT_IN)}. "
            f"Received: {data.path}, which {what}."
        )
    base = data.videos or path
    base = base if files.is_remote(base) else Path(base).expanduser()
    if has_official_splits(data.path):
        return official_videos(path, base, data.official_split)
    return class_folders(path, data.group)


def built_in(name: str) -> Path:
    """The manifest of the built-in videos of a name in `BUILT_IN`, written at the first use (half a minute at most)."""
    folder = Path("~/.cache/videorec").expanduser() / name
    try:
        return BUILT_IN[name](folder)
    except OSError as error:
        raise UserError(f"The built-in videos `{name}` cannot be written to {folder}: {error}") from error
