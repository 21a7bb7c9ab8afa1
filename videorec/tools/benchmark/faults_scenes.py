"""What is killed in the faults part: commands on small data, what they leave, and what must hold of it at any moment."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from videorec.config import UserError
from videorec.data import synthetic
from videorec.runs.run import Run

SMALL = "--data.frames 4 --data.resize 20 20 --data.crop 16 16 --data.workers 2 --train.batch 8 --train.epochs 3"
NETWORK = "--model.backbone tiny --model.weights None --model.units 8 --train.warmup-epochs 0"
CACHED = "--model.trainable-from none --train.cache-views 2 --train.cache-dir"
DENSE = f"{SMALL} {NETWORK} --model.target dense --data.fps 10 {CACHED} CACHE"
FORECASTER = "--data.frames 3 --model.horizon 2 --model.filters 4 --train.batch 8 --train.epochs 3 --train.warmup-epochs 0"


@dataclass(frozen=True)
class Scene:
    """A command that is killed.

    Args:
        script: its module.
        line: its command line, of the work folder and of the name of what it makes.
        result: what it leaves when it has ended, to be compared with what an undisturbed one leaves.
        problems: what is wrong with what lies there after a kill.
        begin: what must be there before.
    """

    script: str
    line: Callable[[Path, str], str]
    result: Callable[[Path, str], object]
    problems: Callable[[Path, str], list[str]]
    begin: Callable[[Path, str], None] = lambda work, name: None


def make_data(work: Path) -> None:
    """Videos of eight classes, a table of their moments, and sequences of frames."""
    videos = synthetic.write(work / "videos", train=2, val=1, test=1)
    rows = [line.split(",") for line in videos.read_text(encoding="utf-8").splitlines()[1:]]
    dense = [f"{path},{label},0.1,0.9,{split}" for path, label, split, _ in rows]
    (work / "videos" / "table.csv").write_text("\n".join(["path,label,start,end,split", *dense]) + "\n", encoding="utf-8")
    (work / "sequences").mkdir()
    for number in range(12):
        bars = np.zeros((8, 8, 8), np.uint8)
        for t in range(8):
            bars[t, :, (number + t) % 8] = 255
        np.savez(work / "sequences" / f"{number:02d}.npz", frames=bars)


def _train(preset: str, data: str, settings: str) -> Scene:
    def line(work: Path, name: str) -> str:
        own = settings.replace("CACHE", f"{work}/cache-{name}")
        return f"{preset} --name {name} --runs {work}/runs --data.path {work}/{data} {own}"

    return Scene(
        "train", line, lambda work, name: trained(work / "runs" / name), lambda work, name: broken(work / "runs" / name)
    )


# === Runs ===


def trained(folder: Path) -> dict[str, object]:
    """The whole state of a run: every array of the last checkpoint and of the best model, the figures of all epochs."""
    run = Run(folder)
    state = run.last_state()
    history = [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in state["counters"]["history"]]
    contents = {"epoch": state["epoch"], "history": history, "best": state["counters"]["best"]}
    with h5py.File(folder / "state" / state["weights"]) as file:
        contents |= {f"state {name}": digest for name, digest in _arrays(file)}
    with zipfile.ZipFile(run.model_path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
        contents |= {f"model {name}": digest for name, digest in _arrays(file)}
    return contents | {name: (folder / name).read_bytes() for name in ("classes.txt", "recipe.json")}


def _arrays(file: h5py.File) -> Iterator[tuple[str, str]]:
    arrays = []
    file.visititems(lambda name, entry: arrays.append((name, entry)) if isinstance(entry, h5py.Dataset) else None)
    for name, entry in arrays:
        yield name, hashlib.sha256(np.ascontiguousarray(entry[()]).tobytes()).hexdigest()


def broken(folder: Path) -> list[str]:
    """What is wrong with a run at any moment; nothing with one that was only begun."""
    if not (folder / "config.json").exists():
        return []
    try:
        run = Run(folder)
        lost = bool(run.states()) and run.last_state() is None
    except UserError as error:
        return [str(error)]
    cut = run.model_path.exists() and not run.has_whole_model()
    return ["no checkpoint is whole"] * lost + ["model.keras is cut"] * cut


# === Other commands ===


def _copy_run(work: Path, name: str) -> None:
    shutil.copytree(work / "runs" / "reference-recognition", work / "runs" / name)


def _copy_evaluated_run(work: Path, name: str) -> None:
    """With the files of an earlier evaluation, of one video."""
    _copy_run(work, name)
    folder = work / "runs" / name
    (folder / "results.json").write_text('{"videos": 1, "files": ["predictions.csv", "confusion.png"]}', encoding="utf-8")
    (folder / "predictions.csv").write_text("video\none\n", encoding="utf-8")
    (folder / "confusion.png").write_bytes(b"earlier")


def evaluated(work: Path, name: str) -> dict[str, object]:
    """The figures, and what training wrote."""
    folder = work / "runs" / name
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    del results["protocol"]
    return {"results": results, "predictions": (folder / "predictions.csv").read_bytes(), **trained(folder)}


def _evaluate_problems(work: Path, name: str) -> list[str]:
    folder = work / "runs" / name
    problems = broken(folder)
    if (folder / "results.json").exists():
        try:
            results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
            if "unfinished" not in results:
                rows = (folder / "predictions.csv").read_text(encoding="utf-8").splitlines()
                same = len(rows) == results["videos"] + 1
                same &= ((folder / "confusion.png").read_bytes() == b"earlier") == (results["videos"] == 1)
                problems += [] if same else ["the files beside results.json are of another evaluation"]
        except (OSError, ValueError, KeyError) as error:
            problems.append(f"results.json, or what stands beside it, is not whole: {error}")
    return problems


def _digests(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _export_problems(work: Path, name: str) -> list[str]:
    folder = work / "runs" / name / "saved_model"
    whole = (folder / "saved_model.pb").is_file() and (folder / "variables" / "variables.index").is_file()
    return broken(folder.parent) + ([] if whole or not folder.exists() else ["the SavedModel is not whole"])


SCENES = {
    "recognition": _train("quickstart", "videos/manifest.csv", f"{SMALL} --model.units 8 --train.warmup-epochs 0"),
    "cached": _train("quickstart", "videos/manifest.csv", f"{SMALL} --model.units 8 --train.warmup-epochs 0 {CACHED} CACHE"),
    "dense": _train("lrcn", "videos/table.csv", DENSE),
    "forecasting": _train("convlstm_forecaster", "sequences", FORECASTER),
    "prepare": Scene(
        "videorec.tools.prepare",
        lambda work, name: f"{work}/videos/manifest.csv {work}/{name} --videos-per-shard 8 --short-side 32 --workers 2",
        lambda work, name: _digests(work / name),
        lambda work, name: [],
    ),
    "evaluate": Scene("evaluate", lambda work, name: f"{work}/runs/{name}", evaluated, _evaluate_problems, _copy_evaluated_run),
    "export": Scene(
        "export.saved_model",
        lambda work, name: f"{work}/runs/{name}",
        lambda work, name: sorted(path.name for path in (work / "runs" / name / "saved_model").rglob("*")),
        _export_problems,
        _copy_run,
    ),
}
