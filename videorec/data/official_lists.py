"""The official lists of UCF101 and HMDB51: which video is trained on and which is tested, in three splits."""

import os
import re
from pathlib import Path

from videorec.config import UserError
from videorec.data import labels
from videorec.data.manifest import Video
from videorec.data.spelling import Spelling
from videorec.data.text_files import read_lines
from videorec.storage import files

HMDB51 = re.compile(r"(.+)_test_split([123])\.txt")
HMDB51_USES = {"1": "train", "2": "test", "0": None}


def has_official_splits(path: str) -> bool:
    """Whether `path` is a folder with the split lists of UCF101 or HMDB51."""
    folder = Path(path).expanduser()
    return not files.is_remote(path) and (_is_ucf101(folder) or bool(_hmdb51_lists(folder)))


def official_videos(lists: Path, base: str | Path, number: int) -> list[Video]:
    """The videos of one official split, those of train first.

    Args:
        lists: a folder that `has_official_splits`.
        base: the folder of the videos, local or remote.
        number: 1, 2 or 3.

    Raises:
        UserError: a list is missing, a line in it is not as the data set's authors write it, or a video is listed twice.
    """
    spelled = Spelling(lists)
    listed = (_ucf101 if _is_ucf101(lists) else _hmdb51)(lists, base, number, spelled)
    spelled.report()
    seen: dict[str, str] = {}
    for video, where in listed:
        if video.path in seen:
            raise UserError(f"{where}: {video.path} is listed twice, first in {seen[video.path]}.")
        seen[video.path] = where
    return [video for video, _ in listed]


# === UCF101 ===


def _is_ucf101(folder: Path) -> bool:
    return (folder / "classInd.txt").exists()


def _ucf101(lists: Path, base: str | Path, number: int, spelled: Spelling) -> list[tuple[Video, str]]:
    """`trainlist01.txt` (path and 1-based label) and `testlist01.txt` (path, its label in later editions); the class is the
    folder that the video lies in."""
    numbers = _ucf101_classes(lists / "classInd.txt")
    listed = []
    for split, name in (("train", f"trainlist{number:02d}.txt"), ("test", f"testlist{number:02d}.txt")):
        for line, where in read_lines(lists / name):
            # Names may hold blanks; in a list of tests, which needs no numbers, a name ends with its suffix.
            match = re.fullmatch(r"(.+?)\s+(\d+)" if split == "train" else r"(.+?\.\w+)\s+(\d+)", line)
            path, index = match.groups() if match else (line, None)
            path = spelled.here(base, path, where)
            label = _ucf101_class(path, line, where, numbers)
            if split == "train" and index is None:
                raise UserError(f"{where}: expected a video and the number of its class. Received: {line!r}")
            if index is not None and numbers[label] != int(index):
                raise UserError(f"{where}: {label} is class {numbers[label]} in classInd.txt, not {index}: {line!r}")
            match = re.search(r"_g(\d+)_", path)
            group = f"{label} g{match.group(1)}" if match else None
            listed.append((Video(_or_frames(files.join(base, path)), (label,), split=split, group=group), where))
    return listed


def _ucf101_classes(path: Path) -> dict[str, int]:
    """The number of each class: lines `1 ApplyEyeMakeup`."""
    numbers: dict[str, int] = {}
    for line, where in read_lines(path):
        match = re.fullmatch(r"(\d+)\s+(\S.*)", line)
        if not match:
            raise UserError(f"{where}: expected the number of a class and its name. Received: {line!r}")
        index, label = int(match.group(1)), labels.label(match.group(2), where)
        if label in numbers or index in numbers.values():
            raise UserError(f"{where}: {'the class' if label in numbers else 'the number'} is listed twice: {line!r}")
        numbers[label] = index
    return numbers


def _ucf101_class(path: str, line: str, where: str, numbers: dict[str, int]) -> str:
    """The folder that the video lies in, or that lies above, is named as the class."""
    above = [labels.label(part, where) for part in path.split("/")[:-1]]
    known = [part for part in above if part in numbers]
    if len(set(known)) != 1:
        which = f"of several classes in classInd.txt ({', '.join(known)})" if known else "of no class in classInd.txt"
        raise UserError(f"{where}: {line!r} is {which}: the folder of a video is its class, CLASS/VIDEO.")
    return known[0]


# === HMDB51 ===


def _hmdb51_lists(folder: Path) -> dict[Path, re.Match]:
    """The lists of all three splits, hidden files (`._brush_hair_test_split1.txt`) left out."""
    paths = sorted(path for path in folder.glob("*_test_split[123].txt") if not path.name.startswith("."))
    return {path: HMDB51.fullmatch(path.name) for path in paths}


def _hmdb51(lists: Path, base: str | Path, number: int, spelled: Spelling) -> list[tuple[Video, str]]:
    """`CLASS_test_split1.txt`: a video and 1 (train), 2 (test) or 0 (not used) a line; videos lie in `CLASS/`."""
    named = {path: match.group(1) for path, match in _hmdb51_lists(lists).items() if match.group(2) == str(number)}
    if not named:
        raise UserError(f"{lists} holds no list *_test_split{number}.txt. Choose --data.official-split 1, 2 or 3.")
    missing = sorted({match.group(1) for match in _hmdb51_lists(lists).values()} - set(named.values()))
    if missing:
        raise UserError(f"{lists}: {missing[0]}_test_split{number}.txt is missing; other splits of this class are there.")
    listed = []
    for file, folder in named.items():
        label = labels.label(folder, str(file))
        for line, where in read_lines(file):
            match = re.fullmatch(r"(.+?)\s+([012])", line)
            if not match:
                raise UserError(f"{where}: expected `video 0|1|2`. Received: {line!r}")
            split = HMDB51_USES[match.group(2)]
            if split is None:
                continue
            name = spelled.here(files.join(base, folder), match.group(1), where)
            # Clips of one film share the name before the class; the group serves to keep validation apart from training.
            group = f"{split} {name.split(f'_{folder}_')[0]}"
            listed.append((Video(_or_frames(files.join(base, folder, name)), (label,), split=split, group=group), where))
    return listed


def _or_frames(path: str) -> str:
    """The listed video, or the folder of its frames that stands in its place under the same name without suffix."""
    folder = os.path.splitext(path)[0]
    return folder if not files.is_remote(path) and not os.path.exists(path) and os.path.isdir(folder) else path
