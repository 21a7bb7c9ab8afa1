"""Damaged files before check, train, evaluate and predict: does a command crash or hang, and do all say the same of a file?

Not a measure of speed, and no part of `all`: `python -m videorec.tools.benchmark damage --files 1000`. The commands run as a
user runs them, each in a process of its own. A loss is silent where frames are missing and nothing is said of the file.
"""

import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videorec.data.decode import Reader
from videorec.data.index import INDEX
from videorec.data.pictures import Unreadable
from videorec.tools.benchmark import damage_files
from videorec.tools.benchmark.figures import Figure

PART = "damage"
ROOT = Path(__file__).resolve().parents[3]
HANG_SECONDS = 3600
GOOD = 16  # whole videos, so that there is something to train on
SMALL = "--data.frames 8 --data.resize 48 48 --data.crop 48 48 --model.units 8 --train.epochs 1"
SETTINGS = f"{SMALL} --data.max-unreadable 1 --train.no-resume"


@dataclass(frozen=True)
class Case:
    """A damaged file: the source, what was done to it, and what comes of its frames.

    Args:
        frames: of the source, and of the file as it is read.
        changed: of the frames that both have, those whose pictures differ.
    """

    path: str
    source: str
    change: str
    frames: tuple[int, int]
    changed: int


def measure(files: int = 1000, folder: Path | None = None, seed: int = 0) -> list[Figure]:
    """The table, every number of which but the first two ought to be 0.

    Args:
        files: damaged ones.
        folder: sources. Default: made here.
        seed: of the changes.
    """
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as made:
        videos, runs = Path(made) / "videos", Path(made) / "runs"
        sources = damage_files.videos_below(folder) if folder else damage_files.sources(Path(made) / "sources")
        changes = _make(sources, videos, files, seed)
        failures = _commands(videos, runs)
        verdicts = _verdicts(videos, runs) if not failures else {}
        cases = _cases(videos, changes)
    return [*_of_commands(failures, verdicts, files, len(sources)), *_of_cases(cases, verdicts.get("check", {}))]


# === Files ===


def _make(sources: list[Path], videos: Path, files: int, seed: int) -> dict[str, tuple[Path, str]]:
    """Damaged videos of two classes, and a few whole ones; by path the source and the change."""
    changes = {}
    for label in ("a", "b"):
        (videos / label).mkdir(parents=True)
    for number in range(files):
        source = sources[number % len(sources)]
        target = videos / "ab"[number // len(sources) % 2] / f"{number:05d}-{source.name}"
        changes[str(target)] = (source, damage_files.damage(source, target, seed + number))
    whole = [source for source in sources if not source.is_dir()]
    for number in range(GOOD):
        source = whole[number % len(whole)]
        target = videos / "ab"[number % 2] / f"whole{number}-{source.name}"
        target.write_bytes(source.read_bytes() + b"\0" * number)  # the same file twice would be one video
    return changes


def _cases(videos: Path, changes: dict[str, tuple[Path, str]]) -> list[Case]:
    INDEX.fill(changes, 64_000_000, 2, lambda done, total: None)
    pictures = {source: _pictures(source) for source, _ in changes.values()}

    def case(path: str) -> Case:
        source, change = changes[path]
        true, read = pictures[source], _pictures(Path(path))
        changed = sum(not np.array_equal(one, other) for one, other in zip(true, read, strict=False))
        return Case(path, source.name, change, (len(true), len(read)), changed)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(case, changes))


def _pictures(path: Path) -> list[np.ndarray]:
    """Every frame as a small picture; those up to where reading breaks off."""
    frames = []
    try:
        for retrieve in Reader(path):
            frames.append(retrieve()[::4, ::4].copy())
    except Unreadable:
        pass
    return frames


# === Commands ===


def _commands(videos: Path, runs: Path) -> list[str]:
    """Run them all; those that crashed or hung, with the end of what they said."""
    run = str(runs / "damage")
    python = [sys.executable]
    commands = {
        "check": [*python, "-m", "videorec.tools.check", str(videos), "--out", str(runs / "check.csv")],
        "train": [*python, str(ROOT / "train.py"), "quickstart", "--name", "damage", "--runs", str(runs)]
        + ["--data.path", str(videos), *SETTINGS.split()],
        **{
            f"evaluate {split}": [
                *python,
                str(ROOT / "evaluate.py"),
                run,
                "--evaluate.split",
                split,
                "--out",
                f"{runs}/{split}",
            ]
            for split in ("train", "val", "test")
        },
        "predict": [*python, str(ROOT / "predict.py"), run, str(videos), "--json", str(runs / "predict.json")],
    }
    runs.mkdir()
    failures = []
    for name, command in commands.items():
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, timeout=HANG_SECONDS, encoding="utf-8", errors="replace"
            )
        except subprocess.TimeoutExpired:
            failures.append(f"{name} hangs")
            continue
        if done.returncode not in (0, 1) or "Traceback" in done.stderr:
            failures.append(f"{name} ends with {done.returncode}: {done.stderr[-300:]}")
    return failures


def _verdicts(videos: Path, runs: Path) -> dict[str, dict[str, str]]:
    """By command, by path: good, damaged or unreadable."""
    with open(runs / "check.csv", encoding="utf-8", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    said = {path: row["verdict"] + (" and odd" if row["problem"] else "") for path, row in rows.items()}
    results = [json.loads((runs / split / "results.json").read_text(encoding="utf-8")) for split in ("train", "val", "test")]
    evaluated = {kind: {name for result in results for name in result[kind]} for kind in ("unreadable", "damaged")}
    predictions = json.loads((runs / "predict.json").read_text(encoding="utf-8"))
    answers = {p["video"]: "unreadable" if "error" in p else "damaged" if p.get("damage") else "good" for p in predictions}
    trained = _trained(runs / "damage" / "tensorboard" / "train")
    return {
        "check": said,
        "train": {path: _kind(path, trained) for path in rows},
        "evaluate": {path: _kind(path, evaluated) for path in rows},
        "predict": answers,
    }


def _kind(path: str, named: dict[str, set[str]]) -> str:
    return next((kind for kind, names in named.items() if path in names), "good")


def _trained(folder: Path) -> dict[str, set[str]]:
    """What TensorBoard says of the videos of a training."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # takes a second to import

    events = EventAccumulator(str(folder))
    events.Reload()
    named = {}
    for kind in ("unreadable", "damaged"):
        texts = events.Tensors(f"{kind} videos") if f"{kind} videos" in events.Tags()["tensors"] else []
        lines = texts[-1].tensor_proto.string_val[0].decode().splitlines() if texts else []
        named[kind] = {line.removeprefix("* ").split(": ", 1)[0] for line in lines}
    return named


# === Figures ===


def _of_commands(failures: list[str], verdicts: dict[str, dict[str, str]], files: int, sources: int) -> list[Figure]:
    hangs = sum(failure.endswith("hangs") for failure in failures)
    differing = [path for path, said in verdicts.get("check", {}).items() if len(_of_all(path, said, verdicts)) > 1]
    counts = Counter(said.split()[0] for said in verdicts.get("check", {}).values())
    summary = ", ".join(f"{counts[kind]} {kind}" for kind in ("good", "damaged", "unreadable"))
    first = f"{differing[0]}: {_of_all(differing[0], verdicts['check'][differing[0]], verdicts)}" if differing else ""
    crashes = len(failures) - hangs
    return [
        Figure(PART, "damaged files", f"{files}", f"of {sources} sources; with {GOOD} whole ones: {summary}", "", None),
        Figure(PART, "crashes", f"{crashes}", "; ".join(failures)[:400], "0", crashes == 0),
        Figure(PART, "hangs", f"{hangs}", "check, train, evaluate three splits, predict", "0", hangs == 0),
        Figure(PART, "files of which two commands say different things", f"{len(differing)}", first, "0", not differing),
    ]


def _of_all(path: str, said: str, verdicts: dict[str, dict[str, str]]) -> set[str]:
    return {said.split()[0]} | {verdicts[command].get(path, "not named") for command in ("train", "evaluate", "predict")}


def _of_cases(cases: list[Case], said: dict[str, str]) -> list[Figure]:
    lost = [case for case in cases if case.frames[1] < case.frames[0]]
    silent = [case for case in lost if said.get(case.path) == "good"]
    changed = [case for case in cases if case.frames[0] == case.frames[1] and case.changed]
    unseen = [case for case in changed if said.get(case.path) == "good"]
    half = [case for case in unseen if case.changed > case.frames[0] / 2]
    untouched = [case for case in cases if case.frames[0] == case.frames[1] and not case.changed]
    return [
        Figure(PART, "files that lose frames", f"{len(lost)}", _listed(lost), "", None),
        Figure(PART, "of them, such that nothing is said of", f"{len(silent)}", _listed(silent), "0", not silent),
        Figure(PART, "files with all frames, some changed", f"{len(changed)}", _listed(changed), "", None),
        Figure(
            PART,
            "of them, such that no decoder tells from whole ones",
            f"{len(unseen)}",
            f"{len(half)} with more than half their frames changed; {_listed(unseen)}",
            "",
            None,
        ),
        Figure(PART, "files whose frames are all as they were", f"{len(untouched)}", _listed(untouched), "", None),
    ]


def _listed(cases: list[Case]) -> str:
    kinds = Counter(f"{case.source}, {case.change}" for case in cases)
    return "; ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
