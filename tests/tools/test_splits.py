"""`videorec.tools.splits`: official splits from one command, against their own results by hand."""

import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import cv2
import keras
import numpy as np
import pytest

import evaluate
import train
from videorec import cli
from videorec.config import UserError
from videorec.config import file as config_file
from videorec.tools import script, splits, splits_record, splits_work

SMALL = (
    "--data.frames 4 --data.resize 16 16 --data.crop 16 16 --data.workers 2 --model.units 4 --train.batch 8 --train.epochs 1 "
    "--train.warmup-epochs 0 --evaluate.clips 2 --evaluate.crops 3"
)


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory) -> Path:
    """Lists in UCF101's form: two classes, six groups; split k tests the groups 2 k - 1 and 2 k. Some videos mislead."""
    folder = tmp_path_factory.mktemp("ucf101")
    rng = np.random.default_rng(0)
    videos = [(c, g, i) for c in ("Bright", "Dark") for g in range(1, 7) for i in (1, 2)]
    for label, group, number in videos:
        misleads = group == 1 or (group == 4 and number == 2)
        write(folder / path(label, group, number), 190 if (label == "Bright") != misleads else 60, rng)
    (folder / "classInd.txt").write_text("1 Bright\n2 Dark\n")
    for k in (1, 2, 3):
        test = [video for video in videos if (video[1] + 1) // 2 == k]
        train = [f"{path(*video)} {1 + (video[0] == 'Dark')}\n" for video in videos if video not in test]
        (folder / f"trainlist0{k}.txt").write_text("".join(train))
        (folder / f"testlist0{k}.txt").write_text("".join(f"{path(*video)}\n" for video in test))
    return folder


def path(label: str, group: int, number: int) -> str:
    return f"{label}/v_{label}_g{group:02d}_c{number:02d}.avi"


def write(file: Path, grey: int, rng: np.random.Generator) -> None:
    """A video of 10 noisy frames of 24 x 32, this grey on average."""
    file.parent.mkdir(exist_ok=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 24))
    for _ in range(10):
        writer.write(rng.normal(grey, 15, (24, 32, 3)).clip(0, 255).astype(np.uint8))
    writer.release()


def results_of(folder: Path, *splits: int) -> dict[int, dict]:
    return {k: json.loads((folder / f"runs/x-split{k}/results.json").read_text()) for k in splits}


def row(text: str, name: str) -> list[float]:
    """The numbers of a row of the last table."""
    return [float(x) for x in re.findall(rf"^│ {name} .*$", text, re.M)[-1].replace("│", " ").split()[1:]]


def in_this_process(name: str, args: Sequence[str], log: BinaryIO) -> int:
    """In place of `script.run`: TensorFlow is imported once, not four times."""
    keras.backend.clear_session()
    return {"train.py": train.main, "evaluate.py": evaluate.main}[name](list(args))


def test_trained_splits_and_their_mean(ucf101, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(script, "run", in_this_process)
    args = f"quickstart --name x --data.path {ucf101} {SMALL} --train.learning-rate 0.01 --splits 1 3".split()
    assert splits.main(args) == 0
    text = capsys.readouterr().out
    measured = results_of(tmp_path, 1, 3)
    for k, results in measured.items():
        assert results["protocol"]["official_split"] == k
        assert (results["videos"], results["clips"]) == (8, 16)
        predictions = (tmp_path / f"runs/x-split{k}/predictions.csv").read_text()
        assert set(re.findall(r"_g(\d\d)_", predictions)) == {f"{2 * k - 1:02d}", f"{2 * k:02d}"}
    keys = ("accuracy", "clip_accuracy", "mean_class_accuracy", "top5")
    by_hand = [sum(results[key] for results in measured.values()) / 2 for key in keys]
    assert row(text, "mean") == pytest.approx([*by_hand, 16], abs=6e-5)
    squares = [sum((r[key] - mean) ** 2 for r in measured.values()) for key, mean in zip(keys, by_hand, strict=True)]
    assert row(text, "deviation") == pytest.approx([total**0.5 for total in squares], abs=6e-5)
    record = json.loads((tmp_path / "runs/x-splits.json").read_text())
    assert record["mean"]["accuracy"] == pytest.approx(by_hand[0]) and record["mean_over"] == [1, 3]
    assert "2 clips x 3 crops, 4 frames uniform" in text

    monkeypatch.setattr(script, "run", lambda *_: pytest.fail("a split that is done was repeated"))
    before = (tmp_path / "runs/x-splits.json").read_text()
    assert splits.main(args) == 0
    assert row(capsys.readouterr().out, "mean") == row(text, "mean")
    assert (tmp_path / "runs/x-splits.json").read_text() == before


# === With scripts that only pretend ===


class Scripts:
    """Stand-ins for train.py and evaluate.py: they write what a run folder needs, and keep what was called."""

    def __init__(self):
        self.calls, self.status, self.accuracy = [], {}, {1: 0.5, 2: 0.75, 3: 1.0}

    def __call__(self, name, args, log):
        if name == "train.py":
            self.experiment = cli.parse_experiment(list(args), "")
        number = self.experiment.data.official_split
        self.calls.append((name, number))
        log.write(b"said something\n")
        status = self.status.get((name, number), 0)
        if isinstance(status, BaseException):
            raise status
        folder = Path("runs") / self.experiment.name
        folder.mkdir(parents=True, exist_ok=True)
        if name == "train.py":
            (folder / "config.json").write_text(config_file.as_text(self.experiment))
        elif not status:
            (folder / "results.json").write_text(json.dumps(self.results(number)))
        return status

    def results(self, number: int) -> dict:
        value = self.accuracy[number]
        figures = {"accuracy": value, "clip_accuracy": value / 2, "mean_class_accuracy": value, "top5": 1.0}
        protocol = {"split": "test", "data": "lists", "clips_per_video": 25, "crops_per_clip": 10, "frames": 16}
        return {
            **figures,
            "hit_at": {"1": value, "5": 1.0, "3": 0.9},
            "videos": 10,
            "clips": 250,
            "protocol": {**protocol, "sampling": "dense"},
        }

    def numbers(self) -> list[int]:
        """Splits that were trained since the last call."""
        numbers = [number for name, number in self.calls if name == "train.py"]
        self.calls.clear()
        return numbers


@pytest.fixture
def scripts(tmp_path, monkeypatch) -> Scripts:
    """In an empty working directory."""
    monkeypatch.chdir(tmp_path)
    scripts = Scripts()
    monkeypatch.setattr(script, "run", scripts)
    return scripts


@pytest.fixture
def hmdb51(tmp_path_factory) -> str:
    """Lists in HMDB51's form."""
    folder = tmp_path_factory.mktemp("hmdb51")
    for label in ("run", "sit"):
        for k in (1, 2, 3):
            lines = [f"film{i}_{label}_f_cm_np1_ba_med_0.avi {1 + (i == k)}\n" for i in range(1, 4)]
            (folder / f"{label}_test_split{k}.txt").write_text("".join(lines))
    return str(folder)


def test_mean_and_sample_deviation(scripts, hmdb51, capsys):
    assert splits.main(["lrcn", "--data.path", hmdb51]) == 0
    text = capsys.readouterr().out
    assert row(text, "1") == [0.5, 0.25, 0.5, 1.0, 0.9, 10]
    assert row(text, "mean") == [0.75, 0.375, 0.75, 1.0, 0.9, 30]
    assert row(text, "deviation") == [0.25, 0.125, 0.25, 0.0, 0.0]  # ((1/16 + 0 + 1/16) / 2) ** 0.5
    assert "25 clips x 10 crops" in text and "Mean over splits 1, 2, 3;" in text and "(n - 1)" in text
    record = json.loads(Path("runs/lrcn-splits.json").read_text())
    assert record["deviation"]["accuracy"] == statistics.stdev([0.5, 0.75, 1.0])
    assert record["mean"]["hit_at_3"] == pytest.approx(0.9)


def test_only_what_is_not_done_is_repeated(scripts, hmdb51):
    args = ["lrcn", "--data.path", hmdb51]
    scripts.status = {("evaluate.py", 2): KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        splits.main(args)
    assert scripts.numbers() == [1, 2]
    scripts.status = {}
    assert splits.main(args) == 0 and scripts.numbers() == [2, 3]
    assert splits.main(args) == 0 and scripts.numbers() == []
    assert splits.main([*args, "--data.workers", "3"]) == 0 and scripts.numbers() == []
    assert splits.main([*args, "--evaluate.clips", "25"]) == 0 and scripts.numbers() == [1, 2, 3]
    assert splits.main([*args, "--evaluate.clips", "25", "--splits", "2", "--train.no-resume"]) == 0
    assert scripts.numbers() == [2]
    results = Path("runs/lrcn-split3/results.json")  # evaluated by hand in between, on something else
    results.write_text(results.read_text().replace('"videos": 10', '"videos": 4'))
    assert splits.main([*args, "--evaluate.clips", "25"]) == 0 and scripts.numbers() == [3]


def test_an_interrupted_second_evaluation_is_taken_up(scripts, hmdb51):
    """The run's configuration has the new settings already, its results have not."""
    args = ["lrcn", "--data.path", hmdb51, "--splits", "1"]
    assert splits.main(args) == 0
    scripts.status = {("evaluate.py", 1): KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        splits.main([*args, "--evaluate.crops", "10"])
    scripts.status = {}
    scripts.numbers()
    assert splits.main([*args, "--evaluate.crops", "10"]) == 0 and scripts.numbers() == [1]


def test_a_retrained_run_is_evaluated_again(scripts, hmdb51):
    args = ["lrcn", "--data.path", hmdb51, "--splits", "1"]
    assert splits.main(args) == 0 and scripts.numbers() == [1]
    config = Path("runs/lrcn-split1/config.json")
    config.write_text(config.read_text().replace('"epochs": 40', '"epochs": 50'))
    assert splits.main(args) == 0 and scripts.numbers() == [1]


def test_a_split_that_fails_is_named_and_the_others_are_kept(scripts, hmdb51, capsys, caplog):
    args = ["lrcn", "--name", "x", "--data.path", hmdb51]
    scripts.status = {("train.py", 1): 2, ("evaluate.py", 3): -9}
    assert splits.main(args) == 1
    assert row(capsys.readouterr().out, "mean") == [0.75, 0.375, 0.75, 1.0, 0.9, 10]
    assert "split 1: train.py failed with status 2. Log: runs/x-split1.log" in caplog.text
    assert "split 3: evaluate.py was ended by SIGKILL. Log: runs/x-split3.log" in caplog.text
    assert Path("runs/x-split1.log").read_text() == "said something\n"
    assert json.loads(Path("runs/x-splits.json").read_text())["mean_over"] == [2]
    scripts.numbers()
    scripts.status = {}
    assert splits.main(args) == 0 and scripts.numbers() == [1, 3]


def test_splits_done_one_by_one_have_a_mean(scripts, hmdb51, capsys):
    args = ["lrcn", "--data.path", hmdb51]
    for number in ("3", "1"):
        assert splits.main([*args, "--splits", number]) == 0
    assert scripts.numbers() == [3, 1]
    capsys.readouterr()
    assert splits.main([*args, "--splits", "1", "3"]) == 0 and scripts.numbers() == []
    assert row(capsys.readouterr().out, "mean")[0] == 0.75


def test_what_each_stream_adds(scripts, hmdb51, capsys):
    both = scripts.results

    def results(number):
        streams = {"rgb": {"accuracy": number / 4}, "flow": {"accuracy": number / 8}}
        return both(number) | {"streams": streams}

    scripts.results = results
    assert splits.main(["lrcn", "--data.path", hmdb51]) == 0
    assert json.loads(Path("runs/lrcn-splits.json").read_text())["mean"]["flow_accuracy"] == 0.25
    assert "rgb" in capsys.readouterr().out


def test_settings_reach_the_scripts(hmdb51):
    args = ["--data.path", hmdb51, "--data.crop", "20", "30", "--evaluate.crops", "10"]
    first, third = splits_work.plan("lrcn", "a", (1, 3), args)
    assert (first.experiment.name, third.experiment.name) == ("a-split1", "a-split3")
    assert third.experiment.data.official_split == 3 and third.experiment.data.crop == (20, 30)
    assert third.experiment.evaluate.crops == 10
    assert cli.parse_experiment(list(third.command), "") == third.experiment


def test_sources_without_official_lists(tmp_path, hmdb51, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    for source in (str(tmp_path), "synthetic", str(tmp_path / "m.csv")):
        with pytest.raises(UserError, match="must be a folder with official lists: UCF101's .* has no official splits"):
            splits.main(["lrcn", "--data.path", source])
    with pytest.raises(UserError, match="Choose the official splits with --splits"):
        splits.main(["lrcn", "--data.path", hmdb51, "--data.official-split", "2"])
    with pytest.raises(UserError, match="No preset is called 'lrnc'"):
        splits.main(["lrnc", "--data.path", hmdb51])
    assert not (tmp_path / "runs").exists()


def test_a_damaged_record(scripts, hmdb51):
    Path("runs").mkdir()
    Path("runs/lrcn-splits.json").write_text("{")
    with pytest.raises(UserError, match=r"lrcn-splits\.json cannot be read"):
        splits.main(["lrcn", "--data.path", hmdb51])


def test_record_without_any_split_done(tmp_path, capsys):
    from rich.console import Console

    record = {"1": {"status": "train.py failed with status 2", "log": "x.log"}}
    splits_record.write(str(tmp_path / "x.json"), record, [1])
    assert splits_record.read(str(tmp_path / "x.json")) == record
    splits_record.show(record, [1], Console())
    assert capsys.readouterr().out == ""
