"""Dense labels in the forms in which data sets publish them.

Segments of length 0 (MultiTHUMOS has 7) are kept, so that counts are the published ones; they cover no frame.
"""

import json
import logging
import re
from collections import Counter
from pathlib import Path

from videorec.config import UserError, nearest
from videorec.data import labels
from videorec.data.csv_rows import number, read_rows
from videorec.data.moments.tables import DenseVideo, Segment, dense_video
from videorec.data.spelling import Spelling
from videorec.data.text_files import read_lines, read_text
from videorec.storage import files, outside

log = logging.getLogger(__name__)
SUBSETS = {"training": "train", "testing": "test"}
# The validation videos of THUMOS'14 are the ones with segments to train on.
THUMOS_SPLITS = {"video_validation_": "train", "video_test_": "test"}


def read_json(
    path: str | Path, videos: str | Path = ".", class_list: str | Path | None = None, file: str = "{}.mp4"
) -> list[DenseVideo]:
    """MultiTHUMOS as one JSON file: `{video: {"subset", "duration", "actions": [[class, start, end], ...]}}`, in seconds.

    The form of github.com/piergiaj/super-events-cvpr18, `subset` being training or testing.

    Args:
        path: the JSON file.
        videos: folder of the videos.
        class_list: MultiTHUMOS's `class_list.txt`, a line `index name` a class. Default: the indices are the labels.
        file: name of a video's file, {} for its name.

    Raises:
        UserError: naming the file and the video, for another form, an unknown class, an end before its start, or a video
            without any label.
    """
    names = None if class_list is None else _class_names(class_list)
    with outside.reading(path):
        content = json.loads(read_text(path), object_pairs_hook=_without_doubles)
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: an object {{video: ...}} is expected. Received: {type(content).__name__} of no video")
    dense_videos = []
    for name, entry in content.items():
        split, duration, segments = _entry(entry, names, f"{path}, {name}")
        dense_videos.append(dense_video(files.join(videos, file.format(name)), segments, split=split, duration=duration))
    _log_empty(path, dense_videos)
    return dense_videos


def _without_doubles(pairs: list[tuple[str, object]]) -> dict:
    """A JSON object, of whose equal names Python would keep the last in silence."""
    if len(dict(pairs)) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise ValueError(f"{names.most_common(1)[0][0]!r} is listed twice")
    return dict(pairs)


def _entry(entry: dict, names: dict[int, str] | None, where: str) -> tuple[str, float, list[Segment]]:
    """Split, duration in seconds, and segments of one video of a JSON file."""
    try:
        subset, duration, actions = entry["subset"], number(str(entry["duration"]), "duration", where), entry["actions"]
        segments = [_segment(_label(c, names, where), str(start), str(end), where) for c, start, end in actions]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{where}: subset, duration and actions [[class, start, end], ...] are expected. Received: {str(entry)[:80]}"
        ) from error
    if subset not in SUBSETS:
        raise UserError(f"{where}: unknown subset {subset!r}. {nearest(str(subset), SUBSETS)}")
    if not segments:
        raise UserError(f"{where}: a video needs at least one label. Received: none")
    return SUBSETS[subset], duration, segments


def _class_names(path: str | Path) -> dict[int, str]:
    names = {}
    for line, where in _lines(path, "index name"):
        match = re.fullmatch(r"(\d+)\s+(\S.*)", line)
        if not match:
            raise UserError(f"{where}: `index name` is expected. Received: {line!r}")
        index, name = int(match.group(1)), labels.label(match.group(2), where)
        if index in names or name in names.values():
            raise UserError(f"{where}: class {index if index in names else name} is listed twice.")
        names[index] = name
    return names


def _label(index: int, names: dict[int, str] | None, where: str) -> str:
    if names is None:
        return labels.label(str(index), where)
    if index not in names:
        raise UserError(f"{where}: class {index} is not in the class list, which has {min(names)} to {max(names)}")
    return names[index]


def read_class_files(folder: str | Path, videos: str | Path = ".", file: str = "{}.mp4") -> list[DenseVideo]:
    """A text file a class, a line `video start end` a segment, in seconds: MultiTHUMOS's and THUMOS'14's own form.

    The label is the name of the file, without `_val` or `_test` at its end (THUMOS). Lines that occur twice count once.
    The split is that of the video's name (`video_validation_...`: train, `video_test_...`: test), or None. The file
    `Ambiguous` marks what counts nowhere.

    Args:
        folder: of the text files (`annotations`).
        videos, file: as in `read_json`.

    Raises:
        UserError: naming file and line, for another form, or an end before its start.
    """
    try:
        texts = [name for name in files.names(folder) if name.endswith(".txt") and not name.startswith(".")]
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read: {error}") from error
    if not texts:
        raise UserError(f"{folder}: a file CLASS.txt a class is expected. Received: no .txt file")
    rows: dict[str, dict[Segment, None]] = {}
    repeated = 0
    for text in texts:
        place = files.join(folder, text)
        label = labels.label(re.sub(r"_(val|test)$", "", text.removesuffix(".txt")), place)
        for line, where in _lines(place, "video start end"):
            match = re.fullmatch(r"(.+?)\s+(\S+)\s+(\S+)", line)
            if not match:
                raise UserError(f"{where}: `video start end` is expected. Received: {line!r}")
            name, start, end = match.groups()
            segment = _segment(label, start, end, where)
            repeated += segment in rows.setdefault(name, {})
            rows[name].setdefault(segment)
    if repeated:
        log.info("%s: %d lines that occur twice count once", folder, repeated)
    dense_videos = [dense_video(files.join(videos, file.format(name)), rows[name], split=_split(name)) for name in sorted(rows)]
    _log_empty(folder, dense_videos)
    return dense_videos


def _split(name: str) -> str | None:
    return next((split for start, split in THUMOS_SPLITS.items() if name.startswith(start)), None)


def read_frame_table(path: str | Path, fps: float, videos: str | Path = ".", file: str = "{}.mp4") -> list[DenseVideo]:
    """A CSV table with `video,start_frame,end_frame,label`, others ignored: segments in frames instead of seconds; `a;b` in
    `label` means two labels.

    `end_frame` is the first frame after the segment, so that segments which meet share no frame. The form of the segments
    of the FIR-Image-Action data set (25 fps); as a table of seconds:
    `tables.write("dense.csv", read_frame_table("segments.csv", 25, "recordings"))`.

    Args:
        fps: frames a second of the videos.
        videos, file: as in `read_json`.

    Raises:
        UserError: naming file and line, for a missing column or value, or an end before its start; `fps` not above 0.
    """
    if not 0 < fps < float("inf"):
        raise UserError(f"fps must be above 0. Received: {fps}")
    rows: dict[str, list[Segment]] = {}
    spelled = Spelling(path)
    for row, where in read_rows(path, ("video", "start_frame", "end_frame", "label")):
        names = labels.labels(row["label"], where)
        if not row["video"] or not names:
            raise UserError(f"{where}: video and label must not be empty. Received: {row}")
        video = files.join(videos, spelled.here(videos, file.format(row["video"]), where))
        for name in names:
            segment = _segment(name, row["start_frame"], row["end_frame"], where)
            seconds = Segment(name, segment.start / fps, segment.end / fps, where)
            rows.setdefault(video, []).append(seconds)
    spelled.report()
    dense_videos = [dense_video(video, segments) for video, segments in rows.items()]
    _log_empty(path, dense_videos)
    return dense_videos


def _segment(label: str, start: str, end: str, where: str) -> Segment:
    first, last = number(start, "start", where), number(end, "end", where)
    if last < first:
        raise UserError(f"{where}: end must not come before start. Received: start={start}, end={end}")
    return Segment(label, first, last, where)


def _lines(path: str | Path, form: str) -> list[tuple[str, str]]:
    """The lines that are not empty, with file and line."""
    lines = read_lines(path)
    if not lines:
        raise UserError(f"{path}: a line `{form}` is expected for each entry. Received: an empty file")
    return lines


def _log_empty(path: str | Path, videos: list[DenseVideo]) -> None:
    empty = sum(segment.start == segment.end for video in videos for segment in video.segments)
    if empty:
        log.warning("%s: %d segments have length 0 and cover no frame", path, empty)
