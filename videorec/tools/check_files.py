"""What is wrong with each video file, from what reading it from end to end showed."""

from collections.abc import Iterator
from dataclasses import dataclass

from videorec import terminal
from videorec.data.facts import Facts
from videorec.data.index import INDEX
from videorec.data.manifest import Video

# The kinds of problems, the worst first, with the title of their list.
KINDS = {
    "unreadable": "cannot be read",
    "damaged": "damaged: read in part, or with errors",
    "segment": "segments that begin after the end of their video",
    "size": "frames whose size changes within the video",  # OpenCV shows it for folders of frames only
    "count": "another number of frames than the file declares",
    "length": "a length that their frames do not fill",
    "clock": "time stamps that are no clock's",
    "skips": "time stamps with room for more frames",
    "short": "a single frame",
    "values": "pictures of other values than 8 bits",
}
FAULTS = ("unreadable", "damaged", "segment")  # which the exit status tells


@dataclass(frozen=True)
class Row:
    """What reading one file gave. `declared` is the file's own figure, None where its container has none; a folder of frames
    has no rate. `fps` is measured on the time stamps, `seconds` from the first frame to the end of the last."""

    path: str
    frames: int
    declared: int | None
    fps: float | None
    width: int
    height: int
    seconds: float | None
    verdict: str
    problem: str


def by_file(videos: list[Video]) -> dict[str, list[Video]]:
    """The rows of a manifest by file: a file is decoded once, however many segments of it are listed."""
    files: dict[str, list[Video]] = {}
    for video in videos:
        files.setdefault(video.path, []).append(video)
    return files


def check_all(files: dict[str, list[Video]], workers: int, max_pixels: int) -> Iterator[tuple[Row, list[str]]]:
    """`check` of every file, in order; those that are not in the index yet are read side by side.

    Args:
        files: the manifest's rows by file.
        workers: files read at once.
        max_pixels: of a frame.
    """
    with terminal.Bar("checking") as progress:
        facts = INDEX.fill(files, max_pixels, workers, progress)
    for path, rows in files.items():
        yield check(path, facts[path], rows)


def check(path: str, facts: Facts, segments: list[Video]) -> tuple[Row, list[str]]:
    """One file, or folder of frames: what it holds, and the kinds of its problems, the worst first.

    Args:
        path, facts: the file.
        segments: the manifest's rows of it.
    """
    problems = {"unreadable": facts.unreadable, "damaged": facts.damage, **facts.remarks}
    if not facts.unreadable:
        problems["segment"] = _late_segments(segments, facts.seconds)
    kinds = [kind for kind in KINDS if problems.get(kind)]
    listed = "; ".join(problems[kind] for kind in kinds)
    row = Row(
        path=path,
        frames=facts.frames,
        declared=facts.declared,
        fps=facts.rate,
        width=facts.width,
        height=facts.height,
        seconds=facts.seconds,
        verdict=facts.verdict,
        problem=listed,
    )
    return row, kinds


def _late_segments(segments: list[Video], seconds: float | None) -> str:
    """Rows whose start lies beyond the end: training would find no frame there."""
    late = [video for video in segments if video.start is not None and seconds is not None and video.start >= seconds]
    if not late:
        return ""
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    return f"the segment from {late[0].start:g} s{more} begins after the end ({seconds:.2f} s)"
