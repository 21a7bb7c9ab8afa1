"""Where videos come from: class-per-folder, a manifest, the official UCF101 and HMDB51 lists, or `synthetic`."""

import dataclasses
import logging
import os
import re
from collections import defaultdict
from pathlib import Path

from videorec.config import Data, Experiment, Footage, UserError
from videorec.data import manifest, splitting, synthetic
from videorec.data.manifest import Video
from videorec.storage import files

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset(".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .wmv .flv .ogv .gif .ts .3gp".split())
IMAGE_SUFFIXES = frozenset(".jpg .jpeg .png .bmp .tif .tiff .webp".split())
VALIDATION_SHARE = 0.15


@dataclasses.dataclass(frozen=True)
class VideoSet:
    """All videos of a data set, each with its split, and the class names in the order of the model's outputs."""

    videos: tuple[Video, ...]
    classes: tuple[str, ...]

    def split(self, name: str) -> list[Video]:
        """The videos of `train`, `val` or `test`, in manifest order."""
        return [video for video in self.videos if video.split == name]

    def describe(self) -> str:
        """Numbers of classes, and of videos in each split."""
        counts = ", ".join(f"{len(self.split(split))} {split}" for split in manifest.SPLITS)
        return f"{len(self.classes)} classes; videos: {counts}"


def load(data: Data, seed: int = 0) -> VideoSet:
    """Find the videos that `data` describes, with train, val and test set and checked.

    Raises:
        UserError: nothing there, one class only, a label in test or val that training has not, a group on two sides.
    """
    videos = [v for v in find(data) if not set(v.labels) & set(data.exclude)]
    for name in data.exclude:
        log.info("left out: class %s", name)
    if not videos:
        raise UserError(f"No video is left of {data.path} after --data.exclude {' '.join(data.exclude)}.")
    manifest.check_groups(videos)
    videos = complete_splits(videos, seed)
    manifest.check_groups(videos)
    return VideoSet(tuple(videos), classes_of(videos, data.path))


def load_for_evaluation(data: Data, split: str, trained: Experiment) -> list[Video]:
    """The videos of one split; all videos of another source than the trained one where that names no splits.

    Raises:
        UserError: nothing there, or no video in that split.
    """
    videos = [v for v in find(data) if not set(v.labels) & set(data.exclude)]
    return of_split(videos, data, split, trained.data, trained.train.seed)


def of_split(videos: list, data: Footage, split: str, trained: Footage, seed: int) -> list:
    """What `load_for_evaluation` gives of all videos that `data` names (anything with path, labels, split and group)."""
    same_source = (data.path, data.videos) == (trained.path, trained.videos)
    if all(video.split is None for video in videos) and not same_source:
        log.info("%s names no splits: all %d videos", data.path, len(videos))
        return videos
    if same_source or split == "val":
        videos = complete_splits(videos, seed)
    chosen = [video for video in videos if video.split == split]
    if not chosen:
        known = sorted({str(video.split) for video in videos})
        raise UserError(f"{data.path} has no {split} videos. Choose --evaluate.split {' or '.join(known) or 'another'}.")
    return chosen


def find(data: Data) -> list[Video]:
    """The videos of the source that `data.path` names; the split is None where the source does not give it."""
    from videorec.data.prepared import Prepared, is_prepared  # it decodes, and decoding needs this module
    from videorec.data.remote_folders import remote_class_folders  # it needs this module too

    if data.path == "synthetic":
        return manifest.read(synthetic_folder())
    if is_prepared(data.path):
        return Prepared(data.path).videos()
    if files.is_remote(data.path):
        if data.path.endswith(".csv"):
            return manifest.read(data.path, data.videos)
        return remote_class_folders(data.path.rstrip("/"), data.group)
    path = Path(data.path).expanduser()
    if path.suffix == ".csv":
        return manifest.read(path, data.videos)
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise UserError(
            f"--data.path must be a folder of videos, a manifest (.csv) or `synthetic`. Received: {data.path}, which {what}."
        )
    base = data.videos or path
    base = base if files.is_remote(base) else Path(base).expanduser()
    if _is_ucf101(path):
        return _ucf101(path, base, data.official_split)
    if _is_hmdb51(path):
        return _hmdb51(path, base, data.official_split)
    return class_folders(path, data.group)


def has_official_splits(path: str) -> bool:
    """Whether `path` is a folder with the split lists of UCF101 or HMDB51."""
    folder = Path(path).expanduser()
    return not files.is_remote(path) and (_is_ucf101(folder) or _is_hmdb51(folder))


def _is_ucf101(folder: Path) -> bool:
    return (folder / "classInd.txt").exists()


def _is_hmdb51(folder: Path) -> bool:
    return any(folder.glob("*_test_split[123].txt"))


def synthetic_folder() -> Path:
    """The manifest of the built-in synthetic videos, written at the first use (a few seconds)."""
    folder = Path("~/.cache/videorec/synthetic").expanduser()
    try:
        return synthetic.write(folder)
    except OSError as error:
        raise UserError(f"The synthetic videos cannot be written to {folder}: {error}") from error


# === Class per folder ===


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


# === Official lists ===


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
            # Clips of one film share the name before the class; the group serves to cut validation off training.
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


# === Splits and classes ===


def complete_splits(videos: list[Video], seed: int) -> list[Video]:
    """Split what the source leaves open: everything, or a validation part of training; always by group."""
    given = {video.split for video in videos}
    if given == {None}:
        log.info("no split given: cutting train, val and test by group, about 70/15/15")
        return splitting.assign(videos, seed=seed)
    if None in given:
        some = next(video for video in videos if video.split is None)
        raise UserError(f"Either every video has a split or none has. Without one: {some.path}")
    if "train" not in given:
        raise UserError(f"No video is marked train. Received: {', '.join(sorted(given))}")
    if "val" in given:
        return videos
    log.info("no validation videos given: cutting %.0f %% of the training groups off", 100 * VALIDATION_SHARE)
    train = [video for video in videos if video.split == "train"]
    cut = splitting.assign(train, val=VALIDATION_SHARE, test=0.0, seed=seed)
    return cut + [video for video in videos if video.split != "train"]


def classes_of(videos: list[Video], source: str) -> tuple[str, ...]:
    labels = defaultdict(set)
    for video in videos:
        labels[video.split].update(video.labels)
    classes = sorted(labels["train"])
    if len(set().union(*labels.values())) < 2:
        raise UserError(f"At least two classes are needed. {source} has only {', '.join(classes)}.")
    for split in ("val", "test"):
        unknown = sorted(labels[split] - labels["train"])
        if unknown:
            raise UserError(
                f"Every label must occur in training. Only in {split}: {', '.join(unknown)}. Move videos of it to train, "
                f"or leave it out: --data.exclude {' '.join(unknown)}"
            )
        missing = sorted(labels["train"] - labels[split])
        if labels[split] and missing:
            log.warning("no %s video of %d classes: %s", split, len(missing), ", ".join(missing[:10]))
    return tuple(classes)
