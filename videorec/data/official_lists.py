"""The official lists of UCF101 and HMDB51: which video is trained on and which is tested, in three splits."""

import os
import re
from pathlib import Path

from videorec.config import UserError
from videorec.data.manifest import Video
from videorec.storage import files


def has_official_splits(path: str) -> bool:
    """Whether `path` is a folder with the split lists of UCF101 or HMDB51."""
    folder = Path(path).expanduser()
    return not files.is_remote(path) and (_is_ucf101(folder) or _is_hmdb51(folder))


def official_videos(lists: Path, base: str | Path, number: int) -> list[Video]:
    """The videos of one official split, those of train first.

    Args:
        lists: a folder that `has_official_splits`.
        base: the folder of the videos, local or remote.
        number: 1, 2 or 3.

    Raises:
        UserError: a list is missing, or a line in it is not as the data set's authors write it.
    """
    return (_ucf101 if _is_ucf101(lists) else _hmdb51)(lists, base, number)


def _is_ucf101(folder: Path) -> bool:
    return (folder / "classInd.txt").exists()


def _is_hmdb51(folder: Path) -> bool:
    return any(folder.glob("*_test_split[123].txt"))


def _ucf101(lists: Path, base: str | Path, number: int) -> list[Video]:
    """`trainlist01.txt` (path and 1-based label) and `testlist01.txt` (path alone); the class is the path's folder."""
    known = {line.split()[-1] for line in _lines(lists / "classInd.txt")}
    videos = []
    for split, name in (("train", f"trainlist{number:02d}.txt"), ("test", f"testlist{number:02d}.txt")):
        for line in _lines(lists / name):
            path = line.split()[0]
            label = path.split("/")[0]
            if label not in known:
                raise UserError(f"{lists / name}: {line!r} is of no class in classInd.txt.")
            match = re.search(r"_g(\d+)_", path)
            group = f"{label} g{match.group(1)}" if match else None
            videos.append(Video(_or_frames(files.join(base, path)), (label,), split=split, group=group))
    return videos


def _hmdb51(lists: Path, base: str | Path, number: int) -> list[Video]:
    """`CLASS_test_split1.txt`: a video and 1 (train), 2 (test) or 0 (not used) a line; videos lie in `CLASS/`."""
    videos = []
    for file in sorted(lists.glob(f"*_test_split{number}.txt")):
        label = file.name.removesuffix(f"_test_split{number}.txt")
        for line in _lines(file):
            name, use = line.rsplit(maxsplit=1)
            if use not in ("0", "1", "2"):
                raise UserError(f"{file}: expected `video 0|1|2`. Received: {line!r}")
            if use == "0":
                continue
            split = "train" if use == "1" else "test"
            # Clips of one film share the name before the class; the group serves to keep validation apart from training.
            group = f"{split} {name.split(f'_{label}_')[0]}"
            videos.append(Video(_or_frames(files.join(base, label, name)), (label,), split=split, group=group))
    if not videos:
        raise UserError(f"{lists} holds no list *_test_split{number}.txt. Choose --data.official-split 1, 2 or 3.")
    return videos


def _or_frames(path: str) -> str:
    """The listed video, or the folder of its frames that stands in its place under the same name without suffix."""
    folder = os.path.splitext(path)[0]
    return folder if not files.is_remote(path) and not os.path.exists(path) and os.path.isdir(folder) else path


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise UserError(f"The list {path} cannot be read: {error}") from error
