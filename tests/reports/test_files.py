"""The files of an evaluation: replaced together, each run's own and other data apart."""

import contextlib
import json
import os
from pathlib import Path

import pytest

from videorec.config import Data, UserError
from videorec.config.dense import DenseData
from videorec.reports import places
from videorec.reports.files import as_json, companions, write_files

FIRST = {"results.json": as_json({"accuracy": 0.5}), "predictions.csv": b"one", "confusion.png": b"png"}
SECOND = {"results.json": as_json({"accuracy": 0.75}), "predictions.csv": b"two", "forecasts/00000_a.gif": b"gif"}


def contents(folder: Path) -> dict[str, bytes]:
    """All files that are not hidden."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(".")}


def test_companions_of_an_earlier_evaluation_go(tmp_path):
    (tmp_path / "mine.png").write_bytes(b"a user's")
    write_files(FIRST, tmp_path)
    assert set(contents(tmp_path)) == {*FIRST, "mine.png"}
    write_files(SECOND, tmp_path)
    assert set(contents(tmp_path)) == {*SECOND, "mine.png"}
    results = json.loads((tmp_path / "results.json").read_text())
    assert results == {"accuracy": 0.75, "files": ["forecasts/00000_a.gif", "predictions.csv"]}
    write_files(FIRST, tmp_path)
    assert set(contents(tmp_path)) == {*FIRST, "mine.png"} and not (tmp_path / "forecasts").exists()


def test_companions_of_older_versions_go(tmp_path):
    (tmp_path / "forecasts").mkdir()
    for name in ("leads.png", "forecasts/1_a.png", "forecasts/1_a.gif", "forecasts/mine.png"):
        (tmp_path / name).write_bytes(b"old")
    (tmp_path / "results.json").write_text(json.dumps({"pictures": {"1_a": "a @0"}}))
    write_files(FIRST, tmp_path)
    assert set(contents(tmp_path)) == {*FIRST, "forecasts/mine.png"}


def test_nothing_else_is_removed(tmp_path):
    """Whatever a results.json names: it may come from anywhere."""
    run = tmp_path / "run"
    for name in ("model.keras", "state/state.json", "predictions.csv"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(b"x")
    (tmp_path / "predictions.csv").write_bytes(b"x")
    named = [
        "model.keras",
        "../predictions.csv",
        "state/state.json",
        str(tmp_path / "predictions.csv"),
        "forecasts/../x.png",
        3,
        None,
    ]
    (run / "results.json").write_text(json.dumps({"files": named}))
    assert companions(run) == []
    for text in ("[]", "{", '{"files": 3}', '{"pictures": 3}', "3"):
        (run / "results.json").write_text(text)
        assert companions(run) == []
    write_files({"results.json": as_json({})}, run)
    assert {"model.keras", "state/state.json", "predictions.csv"} <= set(contents(run))  # not of an evaluation that is named
    assert (tmp_path / "predictions.csv").exists()


@pytest.mark.parametrize("stop", range(12))
def test_no_figures_stand_beside_predictions_of_others(tmp_path, stop, monkeypatch):
    """A kill before each operation on the file system: what is left is one evaluation, or says that it is none."""
    write_files(FIRST, tmp_path)
    before = contents(tmp_path)
    done = 0

    def killed(operation):
        def act(*args, **options):
            nonlocal done
            done += 1
            if done > stop:
                raise KeyboardInterrupt
            return operation(*args, **options)

        return act

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(os, name, killed(getattr(os, name)))
        patch.setattr(Path, "unlink", killed(Path.unlink))
        with contextlib.suppress(KeyboardInterrupt):
            write_files(SECOND, tmp_path)
    after = contents(tmp_path)
    results = json.loads(after["results.json"])
    if "unfinished" not in results:
        whole = before if results["accuracy"] == 0.5 else {**SECOND, "results.json": after["results.json"]}
        assert after == whole
    write_files(SECOND, tmp_path)
    assert set(contents(tmp_path)) == set(SECOND)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="The results cannot be written to .*file.*--out"):
        write_files(FIRST, tmp_path / "file")


# === Where they lie ===


def test_figures_of_other_data_have_a_folder_of_their_own(tmp_path):
    run = tmp_path / "runs" / "x"
    for place in ("a/clips", "b/clips"):
        (tmp_path / place).mkdir(parents=True)
    first, second = (Data(path=str(tmp_path / place)) for place in ("a/clips", "b/clips"))
    assert places.folder_of(run, first, own=True) == run
    assert places.folder_of(run, first, own=False) == run / "results/clips"
    assert places.folder_of(run, second, own=False) == run / "results/clips-2"
    for data, name in ((first, "clips"), (second, "clips-2"), (first, "clips")):
        assert places.folder_of(run, data, own=False) == run / "results" / name
    other_split = Data(path=first.path, official_split=2)
    assert places.folder_of(run, other_split, own=False) == run / "results/clips-3"


def test_one_folder_for_all_spellings(tmp_path, monkeypatch):
    (tmp_path / "clips").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "clips")
    monkeypatch.chdir(tmp_path)
    spelled = ("clips", "./clips/", str(tmp_path / "clips"))
    assert {places.folder_of("r", Data(path=path), False).name for path in spelled} == {"clips"}


def test_a_folder_that_somebody_else_made_is_left_alone(tmp_path):
    (tmp_path / "results/clips").mkdir(parents=True)
    (tmp_path / "results/clips/mine.txt").write_text("mine")
    assert places.folder_of(tmp_path, Data(path="clips"), False) == tmp_path / "results/clips-2"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/other.csv", "other"),
        ("s3://bucket/folder/clips/", "clips"),
        ("synthetic", "synthetic"),
        ("a b:c", "a_b_c"),
        ("/", "data_"),
        ("/data/..hidden", "hidden"),
        ("new_clips", "data_new_clips"),
        ("/data/v1.5", "v1.5"),
        ("/data/ürbän", "ürbän"),
        (os.fsdecode(b"/data/caf\xe9"), "caf"),
        ("x" * 300, "x" * 80),
    ],
)
def test_names(path, name, tmp_path):
    assert places.plain_name(path) == name
    folder = places.folder_of(tmp_path, DenseData(path=path), False)
    assert folder.parent == tmp_path / "results" and folder.is_dir()
