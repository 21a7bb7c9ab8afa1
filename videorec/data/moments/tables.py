"""Dense labels as a table: `path,label,start,end[,split,group]`, many rows a video; and what all such labels are read into.

`start` and `end` are seconds, `a;b` in `label` means two labels. Rows of one video agree in split and group. The label
`Ambiguous` (THUMOS) is no class: the frames that it covers count nowhere.
"""

import dataclasses
import itertools
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from videorec.config import UserError, nearest
from videorec.data import labels as labels_of
from videorec.data import manifest
from videorec.data.csv_rows import number, read_rows, write_rows
from videorec.data.spelling import Spelling
from videorec.storage import files, remote

log = logging.getLogger(__name__)
COLUMNS = ("path", "label", "start", "end", "split", "group")
AMBIGUOUS = "Ambiguous"


@dataclass(frozen=True)
class Segment:
    """A label from `start` to `end`, in seconds; `where` says for messages where it was read."""

    label: str
    start: float
    end: float
    where: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class DenseVideo:
    """A video and its segments, sorted by start; `duration` in seconds where the annotation gives it.

    `ambiguous` are segments in which no frame counts.
    """

    path: str
    segments: tuple[Segment, ...]
    split: str | None = None
    group: str | None = None
    duration: float | None = None
    ambiguous: tuple[Segment, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur in it, sorted."""
        return tuple(sorted({segment.label for segment in self.segments}))


def dense_video(path: str, segments: Iterable[Segment], **others) -> DenseVideo:
    """A `DenseVideo` of segments in any order, those labelled `Ambiguous` put aside."""
    in_order = sorted(segments, key=lambda segment: (segment.start, segment.end, segment.label))
    labelled = tuple(segment for segment in in_order if segment.label != AMBIGUOUS)
    return DenseVideo(path, labelled, ambiguous=tuple(s for s in in_order if s.label == AMBIGUOUS), **others)


def read(path: str | Path, videos: str | Path | None = None, classes: Sequence[str] | None = None) -> list[DenseVideo]:
    """Read a dense table; relative video paths start from `videos`, or from the table's own folder.

    Args:
        classes: the labels there may be. Default: any.

    Raises:
        UserError: naming file and line, for an unknown column or label, a missing value, a wrong number, an end that is not
            after its start, a duplicate row, rows of a video that disagree; a group on both sides of a split.
    """
    base = videos or os.path.dirname(path) or "."
    rows: dict[str, list[Segment]] = {}
    about: dict[str, dict] = {}
    spelled = Spelling(path)
    for row, where in read_rows(path, COLUMNS[:4], COLUMNS):
        video = files.join(base, spelled.here(base, row["path"], where))
        remote.check_scheme(video, where)
        segments = _segments(row, where, classes)
        own = {"split": row.get("split", "").lower() or None, "group": row.get("group") or None}
        if own["split"] not in (None, *manifest.SPLITS):
            raise UserError(f"{where}: split must be one of {', '.join(manifest.SPLITS)} or empty. Received: {own['split']!r}")
        if about.setdefault(video, own) != own:
            raise UserError(f"{where}: the rows of a video must agree in split and group. Received: {own} after {about[video]}")
        twice = [segment for segment in segments if segment in rows.get(video, [])]
        if twice:
            raise UserError(f"{where}: {twice[0].label} from {twice[0].start} to {twice[0].end} s is listed twice.")
        rows.setdefault(video, []).extend(segments)
    spelled.report()
    dense_videos = [dense_video(video, segments, **about[video]) for video, segments in rows.items()]
    unlabelled = [video for video in dense_videos if not video.segments]
    if unlabelled:
        raise UserError(f"{unlabelled[0].ambiguous[0].where}: {unlabelled[0].path} has no label but {AMBIGUOUS}; remove it.")
    manifest.check_groups(dense_videos)
    return dense_videos


def _segments(row: dict, where: str, classes: Sequence[str] | None) -> list[Segment]:
    names = labels_of.labels(row["label"], where)
    if not row["path"] or not names:
        raise UserError(f"{where}: path and label must not be empty. Received: {row}")
    start, end = (number(row[key], key, where) for key in ("start", "end"))
    if end <= start:
        raise UserError(f"{where}: end must come after start. Received: start={row['start']}, end={row['end']}")
    if classes is not None:
        check_labels(((name, where) for name in names), classes)
    return [Segment(name, start, end, where) for name in names]


def check_labels(labels: Iterable[tuple[str, str]], classes: Sequence[str]) -> None:
    """Refuse unknown labels.

    Args:
        labels: `(label, where it was read)`.

    Raises:
        UserError: naming the first that is neither among `classes` nor `Ambiguous`.
    """
    for label, where in labels:
        if label not in classes and label != AMBIGUOUS:
            raise UserError(f"{where}: unknown label {label!r}. {nearest(label, classes)}")


def check_known(videos: Iterable[DenseVideo], classes: Sequence[str]) -> None:
    """Refuse segments whose label is not among `classes`, as `check_labels` does."""
    check_labels(((segment.label, segment.where or video.path) for video in videos for segment in video.segments), classes)


def write(path: str | Path, videos: Sequence[DenseVideo]) -> None:
    """Write a dense table, times exactly. Video paths are written absolute, URLs as they are.

    Segments of length 0, which `read` does not take, are left out and counted in the log.

    Raises:
        UserError: the file cannot be written.
    """
    rows = [
        (
            video.path if files.is_remote(video.path) else os.path.abspath(video.path),
            *(labels_of.joined([segment.label]), _seconds(segment.start), _seconds(segment.end)),
            *(video.split, video.group),
        )
        for video in videos
        for segment in (*video.segments, *video.ambiguous)
    ]
    written = [row for row in rows if row[2] != row[3]]
    write_rows(path, COLUMNS, written)
    if len(written) < len(rows):
        log.warning("%s: %d segments of length 0 are left out", path, len(rows) - len(written))


def _seconds(value: float) -> str:
    """To a millisecond where that is the number itself, else all its digits: two segments stay two."""
    short = f"{value:.3f}"
    return short if float(short) == value else repr(float(value))


def labels(videos: Iterable[DenseVideo]) -> list[str]:
    """All labels, sorted: the classes, where no list of them is given."""
    return sorted({segment.label for video in videos for segment in video.segments})


def check_files(videos: Sequence[DenseVideo]) -> None:
    """Refuse videos that are missing.

    Raises:
        UserError: naming them.
    """
    missing = [video for video in videos if not files.exists(video.path)]
    if missing:
        first = next(iter((*missing[0].segments, *missing[0].ambiguous)), None)
        where = f" ({first.where})" if first and first.where else ""
        raise UserError(
            f"{len(missing)} of {len(videos)} videos are missing: {', '.join(video.path for video in missing[:5])}{where}. "
            "Relative paths start from the folder of videos, or of the table."
        )


def check_ends(
    videos: Sequence[DenseVideo],
    durations: Mapping[str, float] | None = None,
    slack: float = 1.0,
    max_share: float = 0.01,
) -> list[tuple[DenseVideo, Segment]]:
    """The segments that end more than `slack` seconds after the end of their video, logged and returned.

    Published annotations have a few (MultiTHUMOS: 65 of 38,690); they are shortened to its end. Many are a mistake, of
    the unit for example.

    Args:
        durations: seconds of each video by path. Default: the videos' own; a video without one is not checked.
        max_share: share of such segments above which it is an error.

    Raises:
        UserError: more than `max_share` of the segments are such.
    """
    known = durations or {video.path: video.duration for video in videos if video.duration is not None}
    checked = [(video, segment) for video in videos if video.path in known for segment in video.segments]
    beyond = [(video, segment) for video, segment in checked if segment.end > known[video.path] + slack]
    if beyond:
        video, segment = beyond[0]
        message = (
            f"{len(beyond)} of {len(checked)} segments end after the end of their video. First: {segment.where}: "
            f"{segment.label} from {segment.start:g} to {segment.end:g} s, {video.path} has {known[video.path]:g} s."
        )
        if len(beyond) > max_share * len(checked):
            raise UserError(f"{message} Are start and end in seconds?")
        log.warning("%s They are shortened to its end.", message)
    return beyond


def single_label(videos: Sequence[DenseVideo], slack: float = 0.0) -> list[DenseVideo]:
    """The videos with at most one label at a time.

    Args:
        slack: seconds; an overlap of two segments of at most this is taken for imprecision, and the earlier one ends where the
            later one begins.

    Raises:
        UserError: two segments overlap by more, naming both.
    """
    return [dataclasses.replace(video, segments=_one_at_a_time(video, slack)) for video in videos]


def _one_at_a_time(video: DenseVideo, slack: float) -> tuple[Segment, ...]:
    segments = list(video.segments)
    for k, (earlier, later) in enumerate(itertools.pairwise(video.segments)):
        shared = min(earlier.end, later.end) - later.start
        # Nanoseconds, so that sums of decimals which meet do not overlap.
        inside = later.end <= earlier.end or later.start <= earlier.start  # shortened, nothing of one would be left
        if shared > slack + 1e-9 or (shared > 1e-9 and inside):
            raise UserError(
                f"{later.where}: segments must not overlap where a frame has one label. Received for {video.path}: "
                f"{later.label} from {later.start:g} to {later.end:g} s in {earlier.label} from {earlier.start:g} to "
                f"{earlier.end:g} s ({earlier.where}). Overlaps of at most --data.slack seconds are taken for imprecision."
            )
        segments[k] = dataclasses.replace(earlier, end=min(earlier.end, later.start))
    return tuple(segments)
