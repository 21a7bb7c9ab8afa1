"""Where dense labels come from: tables in seconds or frames, MultiTHUMOS as one JSON file or as text files."""

import dataclasses
import logging
import os
from collections.abc import Sequence

from videorec.config import UserError, nearest
from videorec.config.dense import DenseData
from videorec.data import manifest, same_files, selection, splitting, verdicts
from videorec.data.csv_rows import column_names
from videorec.data.labels import all_canonical
from videorec.data.moments import published, tables
from videorec.data.moments.tables import DenseVideo
from videorec.data.prepared.index import is_prepared
from videorec.data.record import Record, size_of
from videorec.data.seen import Trained, seen_in_training, tell_seen
from videorec.data.selection import Selection
from videorec.data.splitting import VideoSet
from videorec.storage import files

log = logging.getLogger(__name__)
FORMS = (
    "--data.path must name the labels of moments: a table (.csv) path,label,start,end or video,start_frame,end_frame,label, "
    "a .json file, or a folder of text files CLASS.txt"
)


def load(data: DenseData, seed: int = 0, record: Record | None = None) -> VideoSet:
    """The videos with their segments, train, val and test set and checked; `VideoSet.videos` are `DenseVideo`s.

    Args:
        seed: of a split that is drawn.
        record: of the run that goes on, whose split and classes are kept; None: of a new one.

    Raises:
        UserError: nothing there, missing videos, one class only, a label in test or val that training has not, a group or
            a file on two sides, segments that overlap where they must not, many that end after their video.
    """
    videos = find(data)
    same, base = same_files.representatives(video.path for video in videos), _base(_at_home(data))
    if record is not None:
        dataset = selection.going_on(same_files.in_one_group(videos, same), data, base, size_of, record)
        same_files.check(dataset.videos, same)
        return dataset
    videos = _drawn(videos, same, data, seed)
    used = verdicts.kept(videos, data)
    return VideoSet(tuple(used), splitting.classes_of(used, data.path), selection.others(videos, used), base)


def _drawn(videos: list[DenseVideo], same: dict[str, str], data: DenseData, seed: int) -> list[DenseVideo]:
    """The videos with their split, no group and no file on two sides."""
    videos = splitting.complete_splits(same_files.in_one_group(videos, same), seed, data.val)
    same_files.check(videos, same)
    manifest.check_groups(videos)
    return videos


def choose(data: DenseData, split: str, trained: DenseData, seed: int, record: Record | None = None) -> Selection:
    """The videos that a run is measured on, see `selection.select`.

    Args:
        trained: the data that the run was trained on.
        seed: of the run, which a split that is drawn follows from.
        record: of the run's videos; None: an older run without one.

    Raises:
        UserError: as `load`, or no video in that split.
    """
    videos = find(data)
    videos = same_files.in_one_group(videos, same_files.representatives(video.path for video in videos))
    chosen = selection.select(videos, data, _base(_at_home(data)), size_of, split, _trained(trained, seed, record))
    return dataclasses.replace(chosen, videos=verdicts.kept(chosen.videos, data))


def warn_of_seen(
    videos: Sequence[DenseVideo], split: str, trained: DenseData, seed: int, record: Record | None, run: str
) -> None:
    """Warn of videos that another run, which is averaged in, was trained on or validated with.

    Args:
        split: that is measured; those of the same split of that run are as expected.
        trained, seed, record: of that run, as for `choose`.
        run: its place.
    """
    seen = seen_in_training([video.path for video in videos], size_of, _trained(trained, seed, record))
    tell_seen(seen and seen | {split: []}, len(videos), run)


def _trained(data: DenseData, seed: int, record: Record | None) -> Trained:
    """What is known of a run's own data."""
    base = _base(_at_home(data))

    def drawn() -> Record:
        videos = find(data)
        same = same_files.representatives(video.path for video in videos)
        return VideoSet(tuple(_drawn(videos, same, data, seed)), (), (), base).record()

    return Trained(data, base, record, drawn, seed)


def load_for_evaluation(
    data: DenseData, split: str, trained: DenseData, seed: int, record: Record | None = None
) -> list[DenseVideo]:
    """The videos of `choose`."""
    return choose(data, split, trained, seed, record).videos


def find(data: DenseData) -> list[DenseVideo]:
    """The videos that the source names, checked; the split is None where it does not give it."""
    data = _at_home(data)
    if is_prepared(data.videos or data.path):
        raise UserError(
            f"Dense labels are learnt from video files or folders of frames. {data.videos or data.path} was made by "
            "videorec.tools.prepare: give --data.videos the folder that it was made from."
        )
    videos = _without(read(data), data)
    if data.group:
        videos = [_in_group(video, data) for video in videos]
    tables.check_files(videos)
    tables.check_ends(videos, durations(videos, data))
    return tables.single_label(videos, data.slack) if data.single else videos


def read(data: DenseData) -> list[DenseVideo]:
    """The segments, read in the form that the source has.

    Raises:
        UserError: there is none, or it is in none of the forms.
    """
    place = str(data.path)
    if not files.exists(place):
        raise UserError(f"{FORMS}. Received: {place}, which does not exist")
    if place.endswith(".json"):
        return published.read_json(place, _base(data), data.class_list, data.file)
    if place.endswith(".csv"):
        return _table(data)
    inside = files.join(place, "annotations")
    folder = inside if files.exists(inside) else place
    try:
        texts = any(name.endswith(".txt") and not name.startswith(".") for name in files.names(folder))
    except OSError as error:
        raise UserError(f"{FORMS}. Received: {place}, which is none of them ({error.strerror})") from error
    if not texts:
        raise UserError(f"{FORMS}. Received: {place}, in which there is no .txt file")
    return published.read_class_files(folder, _base(data), data.file)


def _table(data: DenseData) -> list[DenseVideo]:
    if "start_frame" in column_names(data.path):
        return published.read_frame_table(data.path, data.table_fps, _base(data), data.file)
    return tables.read(data.path, data.videos)


def _base(data: DenseData) -> str:
    """Where relative paths of videos start: the folder of the file `data.path`, or the folder that it is."""
    if data.videos:
        return data.videos
    return (os.path.dirname(data.path) or ".") if data.path.endswith((".csv", ".json")) else data.path


def _at_home(data: DenseData) -> DenseData:
    """With ~ as the home folder."""
    names = ("path", "videos", "class_list")
    return dataclasses.replace(data, **{name: os.path.expanduser(getattr(data, name) or "") or None for name in names})


def _without(videos: Sequence[DenseVideo], data: DenseData) -> list[DenseVideo]:
    known, left_out = set(tables.labels(videos)), all_canonical(data.exclude)
    for name in left_out:
        if name in known:
            log.info("left out: class %s (its frames stay, without this label)", name)
        else:
            log.warning("--data.exclude %s: %s has no such class. %s", name, data.path, nearest(name, known))
    if known <= set(left_out):
        after = f" after --data.exclude {' '.join(data.exclude)}" if data.exclude else f" but {tables.AMBIGUOUS}"
        raise UserError(f"{data.path} has no label{after}.")
    kept = [tuple(segment for segment in video.segments if segment.label not in left_out) for video in videos]
    return [dataclasses.replace(video, segments=segments) for video, segments in zip(videos, kept, strict=True)]


def _in_group(video: DenseVideo, data: DenseData) -> DenseVideo:
    """In the group that its path says, from the folder of videos on: what lies above it is the same for all."""
    if video.group:
        return video
    name, base = video.path, _base(data).rstrip("/") + "/"
    return dataclasses.replace(video, group=splitting.group_of(name.removeprefix(base), data.group))


def durations(videos: Sequence[DenseVideo], data: DenseData) -> dict[str, float]:
    """Seconds by path, from the annotation, the file's time stamps, or the number of images of a folder at `data.fps`; without
    those that have none (remote videos, videos that cannot be read)."""
    seconds_of = {video.path: video.duration for video in videos if video.duration is not None}
    facts = verdicts.measured([video for video in videos if video.duration is None], data)
    for path, known in facts.items():
        if not known.unreadable:  # which is reported when its frames are wanted
            seconds_of[path] = known.frames / data.of(data.stream).fps if known.seconds is None else known.seconds
    return seconds_of
