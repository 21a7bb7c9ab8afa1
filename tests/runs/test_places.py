"""Nothing destroys a run: what a start may remove or rename, and what it refuses."""

import json
import os
from pathlib import Path

import pytest
from tiny_runs import copied

from videorec.config import Experiment, Train, UserError
from videorec.models.lrcn import LRCN
from videorec.runs.mirror import Mirror
from videorec.runs.run import Run
from videorec.storage import files

CLASSES = ("a", "b")
EXPERIMENT = Experiment("x", model=LRCN())
ANEW = Experiment("x", model=LRCN(), train=Train(resume=False))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def finish_epoch(run: Run, epoch: int = 1) -> None:
    """As after an epoch, without a model."""
    (run.folder / "state" / "state.json").write_text("[]")
    (run.folder / "model.keras").write_bytes(b"model")


@pytest.mark.parametrize("experiment", [EXPERIMENT, ANEW], ids=["resume", "anew"])
@pytest.mark.parametrize(
    "inside",
    [
        {"config.json": '{"architectures": ["BertModel"], "model_type": "bert"}', "model.safetensors": "x"},
        {"config.json": "no JSON", "thesis.tex": "x"},
        {"config.json": "[]"},
        {"thesis.tex": "x", "figures/1.png": "x"},
    ],
    ids=["hugging_face", "damaged", "list", "thesis"],
)
def test_folders_of_other_things_are_left_alone(tmp_path, inside, experiment):
    for name, text in inside.items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_text(text)
    before = contents(tmp_path / "x")
    with pytest.raises(UserError, match=r"x is no run, but holds other files: .*Choose another --name"):
        Run.create(tmp_path / "x", experiment, CLASSES)
    assert contents(tmp_path / "x") == before


def test_an_old_run_is_renamed_with_all_that_lies_in_it(tmp_path):
    for number in (1, 2):
        run = Run.create(tmp_path / "x", ANEW, CLASSES)
        finish_epoch(run)
        (run.folder / "notes.txt").write_text(f"mine {number}")
    Run.create(tmp_path / "x", ANEW, CLASSES)
    assert sorted(os.listdir(tmp_path)) == ["x", "x.old-1", "x.old-2"]
    assert [(tmp_path / f"x.old-{n}" / "notes.txt").read_text() for n in (1, 2)] == ["mine 1", "mine 2"]
    assert (tmp_path / "x.old-1" / "model.keras").exists() and not (tmp_path / "x" / "model.keras").exists()


def test_what_was_only_begun_is_not_kept(tmp_path):
    run = Run.create(tmp_path / "x", EXPERIMENT, CLASSES)
    (run.folder / "notes.txt").write_text("mine")
    Run.create(tmp_path / "x", ANEW, ("b", "c"))
    assert os.listdir(tmp_path) == ["x"] and (run.folder / "notes.txt").read_text() == "mine"
    assert Run(run.folder).classes == ("b", "c")


def test_files_are_written_where_they_change_and_leftovers_go(tmp_path):
    run = Run.create(tmp_path / "x", EXPERIMENT, CLASSES)
    finish_epoch(run)
    for name in ("state/new_best.npz", "state/new_epoch_0002.weights.h5", "new_model.keras"):
        (run.folder / name).write_text("half")
    for path in run.folder.iterdir():
        os.utime(path, (1, 1))
    Run.create(tmp_path / "x", EXPERIMENT, CLASSES)
    times = {path.name: path.stat().st_mtime for path in run.folder.iterdir() if path.is_file()}
    assert times == {"config.json": 1, "classes.txt": 1, "model.keras": 1}
    assert [path.name for path in (run.folder / "state").iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    ("gone", "said"),
    [("config.json", "has no config.json any more"), ("state", "has no state/ any more")],
)
def test_a_run_that_lost_a_part_is_not_trained_over(tmp_path, gone, said):
    run = Run.create(tmp_path / "x", EXPERIMENT, CLASSES)
    finish_epoch(run)
    (run.folder / gone).rename(tmp_path / "elsewhere")
    before = contents(run.folder)
    with pytest.raises(UserError, match=rf"{said}.*--train\.init.*--train\.no-resume starts anew and keeps the old run"):
        Run.create(tmp_path / "x", EXPERIMENT, CLASSES)
    assert contents(run.folder) == before
    Run.create(tmp_path / "x", ANEW, CLASSES)
    assert contents(tmp_path / "x.old-1") == before


def test_a_list_of_checkpoints_that_is_gone(tmp_path):
    """After the first epoch was killed there is none yet: that starts again."""
    run = Run.create(tmp_path / "x", EXPERIMENT, CLASSES)
    (run.folder / "model.keras").write_bytes(b"model")
    (run.folder / "state" / "epoch_0001.weights.h5").write_bytes(b"weights")
    Run.create(tmp_path / "x", EXPERIMENT, CLASSES)
    (run.folder / "state" / "epoch_0002.weights.h5").write_bytes(b"weights")
    with pytest.raises(UserError, match=r"has no state/state\.json any more"):
        Run.create(tmp_path / "x", EXPERIMENT, CLASSES)


def test_all_checkpoints_damaged(quick_runs, tmp_path):
    run = copied(Run(quick_runs / "a"), tmp_path / "x")
    for file in (run.folder / "state").glob("*.h5"):
        file.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"all its checkpoints in state/ are damaged\. --train\.no-resume starts anew"):
        Run.create(run.folder, run.experiment, run.classes)


def test_classes_of_two_runs_are_noticed(quick_runs, tmp_path):
    run = copied(Run(quick_runs / "a"), tmp_path / "x")
    with open(run.folder / "classes.txt", "a", encoding="utf-8") as file:
        file.write("ninth\n")
    with pytest.raises(UserError, match=r"mixed from two runs: model\.keras has 8 outputs, classes\.txt 9 names"):
        Run(run.folder).load_model()
    (run.folder / "classes.txt").write_text("".join(f"other {number}\n" for number in range(8)))
    with pytest.raises(UserError, match=r"mixed from two runs: recipe\.json and classes\.txt name other classes"):
        Run(run.folder).load_model()


def test_a_remote_run_is_renamed_there_too(s3, synthetic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = f"{s3}/runs/x"
    run = Run.create(place, ANEW, CLASSES)
    finish_epoch(run)
    run.push()
    run = Run.create(place, ANEW, ("b", "c"))
    assert files.read(f"{place}.old-1/model.keras") == b"model" and not files.exists(f"{place}/model.keras")
    assert files.read(f"{place}/classes.txt") == b"b\nc\n" and files.read(f"{place}.old-1/classes.txt") == b"a\nb\n"
    assert "model.keras" in json.loads(files.read(f"{place}.old-1/files.json"))
    assert Run.open(f"{place}.old-1").classes == CLASSES and Mirror(place).folder == run.folder
