"""A damaged and an unreadable video, named alike by check, train with TensorBoard, evaluate and predict."""

import csv
import json

import pytest
from grey_videos import write_video
from tiny_runs import QUICK, events, measured, trained

import predict
from videorec.tools import check
from videorec.tools.benchmark import damage, damage_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of five videos; of each class one is cut short, and in `a` one is no video. The split is by folder."""
    place = tmp_path_factory.mktemp("verdicts") / "videos"
    for split, count in (("train", 3), ("test", 2)):
        for label in "ab":
            for k in range(count):
                write_video(
                    place / split / label / f"{k}.avi", 12 + 4 * k + 2 * (split == "test") + (label == "a"), size=(120, 160)
                )
    for path in (place / "train/a/2.avi", place / "test/b/1.avi"):
        path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    (place / "test/a/text.avi").write_text("no video")
    return place


def test_every_command_says_the_same(folder, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    assert check.main([str(folder), "--out", "check.csv"]) == 1
    with open("check.csv", encoding="utf-8", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    cut, tested, text = (str(folder / name) for name in ("train/a/2.avi", "test/b/1.avi", "test/a/text.avi"))
    assert {path: row["verdict"] for path, row in rows.items() if row["verdict"] != "good"} == {
        **{cut: "damaged", tested: "damaged"},
        text: "unreadable",
    }
    run = trained("quickstart", f"--data.path {folder} {QUICK} --data.val 0 --data.max-unreadable 0.3 --train.epochs 1")
    assert "2 of 11 videos are damaged and used as far as they can be decoded" in caplog.text
    board = events(run)
    shown = {
        kind: board.Tensors(f"{kind} videos")[-1].tensor_proto.string_val[0].decode() for kind in ("damaged", "unreadable")
    }
    assert {line.split(": ")[0] for line in shown["damaged"].splitlines()} == {f"    {cut}", f"    {tested}"}
    assert shown["unreadable"] == f"    {text}: text, not a video"
    results = measured(run)
    assert list(results["damaged"]) == [tested] and list(results["unreadable"]) == [text]
    assert results["damaged"][tested] == rows[tested]["problem"]
    assert predict.main([run.place, str(folder), "--json", "answers.json", "--csv", "answers.csv"]) == 0
    answers = {entry["video"]: entry for entry in json.loads((tmp_path / "answers.json").read_text())}
    assert {path for path, entry in answers.items() if "damage" in entry} == {cut, tested}
    assert answers[cut]["damage"] == rows[cut]["problem"] and answers[text]["error"] == "text, not a video"
    with open("answers.csv", encoding="utf-8", newline="") as file:
        assert {row["video"]: row["damage"] for row in csv.DictReader(file)}[tested] == rows[tested]["problem"]
    assert "2 damaged: the answer is of what can be decoded" in caplog.text


# === The trial of many damaged files ===


def test_damage_follows_from_the_seed(tmp_path):
    source = write_video(tmp_path / "a.avi")
    changes = [damage_files.damage(source, tmp_path / f"{k}.avi", seed) for k, seed in enumerate((*range(30), *range(30)))]
    assert set(changes) == set(damage_files.CHANGES) and changes[:30] == changes[30:]
    for k in range(30):
        assert (tmp_path / f"{k}.avi").read_bytes() == (tmp_path / f"{k + 30}.avi").read_bytes()
    assert sum((tmp_path / f"{k}.avi").read_bytes() != source.read_bytes() for k in range(30)) > 25


def test_the_table_counts_what_is_lost_and_what_is_said():
    cases = [
        damage.Case("a", "s", "cut off", (24, 20), 0),
        damage.Case("b", "s", "cut off", (24, 20), 0),
        damage.Case("c", "s", "bits", (24, 24), 20),
        damage.Case("d", "s", "header", (24, 24), 0),
    ]
    check_says = {"a": "damaged and odd", "b": "good", "c": "good", "d": "good"}
    values = {figure.name: (figure.value, figure.met) for figure in damage._of_cases(cases, check_says)}
    assert values["files that lose frames"][0] == "2"
    assert values["of them, such that nothing is said of"] == ("1", False)
    assert values["of them, such that no decoder tells from whole ones"][0] == "1"
    said = {"check": check_says, "train": dict.fromkeys("abcd", "good"), "evaluate": dict.fromkeys("abcd", "good")}
    said["predict"] = {"a": "damaged", "b": "good", "c": "good", "d": "good"}
    rows = {figure.name: figure.value for figure in damage._of_commands(["train hangs"], said, 4, 1)}
    assert rows["hangs"] == "1" and rows["crashes"] == "0"
    assert rows["files of which two commands say different things"] == "1"
