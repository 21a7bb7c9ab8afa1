"""`videorec.tools.folds`: no group on two sides, every video measured once, figures against counts by hand."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

import evaluate
import train
from videorec.config import UserError
from videorec.data import manifest
from videorec.data.manifest import Video
from videorec.tools import folds, folds_work, script

SMALL = (
    "--data.frames 3 --data.resize 16 16 --data.crop 16 16 --data.val 0 --data.workers 1 --model.units 3 --train.batch 8 "
    "--train.epochs 1 --train.warmup-epochs 0"
)


def table(folder: Path, groups: int = 4) -> Path:
    """Two classes, a video of each in every group; the last group is the test of the manifest."""
    rng = np.random.default_rng(0)
    rows = []
    for group in range(groups + 1):
        for label, grey in (("bright", 190), ("dark", 60)):
            path = folder / f"{label}{group}.avi"
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (24, 24))
            for _ in range(4):
                writer.write(rng.normal(grey, 15, (24, 24, 3)).clip(0, 255).astype(np.uint8))
            writer.release()
            rows.append(Video(str(path), (label,), split="test" if group == groups else None, group=f"g{group}"))
    manifest.write(folder / "m.csv", rows)
    return folder / "m.csv"


def in_this_process(name, args, log):
    """In place of `script.run`: TensorFlow is imported once."""
    keras.backend.clear_session()
    return {"train.py": train.main, "evaluate.py": evaluate.main}[name](list(args))


def answers(path: Path) -> list[tuple[str, str]]:
    with open(path, encoding="utf-8") as file:
        return [(row["label"], row["predicted"]) for row in csv.DictReader(file)]


def test_folds_and_what_all_videos_got(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(script, "run", in_this_process)
    args = f"quickstart --data.path {table(tmp_path)} --folds 2 {SMALL}".split()
    assert folds.main([*args, "--name", "a"]) == 0
    assert folds.main([*args, "--name", "b", "--fuse", "a", "--train.learning-rate", "0.01"]) == 0
    record = json.loads((tmp_path / "runs/b-folds.json").read_text())
    assert folds.main([*args, "--name", "c", "--fuse", "a", "--weights", "0", "1"]) == 0
    for k in (1, 2):  # of a alone
        assert answers(tmp_path / f"runs/c-fold{k}-seed0/fused/predictions.csv") == answers(
            tmp_path / f"runs/a-fold{k}-seed0/predictions.csv"
        )
    for title, below in (("alone", ""), ("fused", "fused/")):
        rows = [answers(tmp_path / f"runs/b-fold{k}-seed0/{below}predictions.csv") for k in (1, 2)]
        flat = [row for fold in rows for row in fold]
        assert len(flat) == 8  # the test videos of the manifest are left out
        right = Counter(true for true, said in flat if true == said)
        measured = record["all_videos"][title]["0"]
        assert measured["accuracy"] == pytest.approx(sum(right.values()) / 8)
        assert measured["mean_class_accuracy"] == pytest.approx((right["bright"] / 4 + right["dark"] / 4) / 2)
        assert measured["folds"] == [pytest.approx(np.mean([t == s for t, s in fold])) for fold in rows]
    assert folds.main([*args, "--name", "c", "--fuse", "a", "--weights", "1", "0"]) == 0  # evaluated anew, not as it was
    for k in (1, 2):
        assert answers(tmp_path / f"runs/c-fold{k}-seed0/fused/predictions.csv") == answers(
            tmp_path / f"runs/c-fold{k}-seed0/predictions.csv"
        )
    sides = [{v.path: v.split for v in manifest.read(tmp_path / f"runs/b-folds/fold{k}.csv")} for k in (1, 2)]
    assert all(sorted(side[path] for side in sides) == ["test", "train"] for path in sides[0])
    assert "2 folds by group, fused with a" in capsys.readouterr().out

    monkeypatch.setattr(script, "run", lambda *_: pytest.fail("a fold that is done was repeated"))
    assert folds.main([*args, "--name", "a"]) == 0
    with pytest.raises(UserError, match="fold1.csv names other videos or folds"):
        folds.main([*args, "--name", "a", "--with-test"])
    with pytest.raises(UserError, match="--fuse takes folds of the same videos.*a-folds/fold1.csv, which names other videos"):
        folds.main([*args, "--name", "d", "--with-test", "--fuse", "a"])
    with pytest.raises(UserError, match="e-folds/fold1.csv, which does not exist"):
        folds.main([*args, "--name", "f", "--fuse", "e"])
    (tmp_path / "runs/a-folds.json").write_text('{"splits": {}}')  # that of official splits
    with pytest.raises(UserError, match="a-folds.json cannot be read .*what is finished is only evaluated again"):
        folds.main([*args, "--name", "a"])


def test_what_the_seeds_get_together(tmp_path, monkeypatch, capsys):
    """Against the mean of the columns of their files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(script, "run", in_this_process)
    args = f"quickstart --data.path {table(tmp_path)} --folds 2 --name a --seeds 0 1 2 {SMALL}".split()
    assert folds.main(args) == 0
    record = json.loads((tmp_path / "runs/a-folds.json").read_text())["all_videos"]["alone"]
    assert list(record) == ["0", "1", "2", "fused"]
    right = []
    for fold in (1, 2):
        paths = [tmp_path / f"runs/a-fold{fold}-seed{seed}/predictions.csv" for seed in (0, 1, 2)]
        files = [list(csv.reader(path.read_text().splitlines())) for path in paths]
        together = sum(np.array([row[4:] for row in rows[1:]], float) for rows in files)
        said = np.array(["bright", "dark"])[together.argmax(axis=1)]
        right.append([label == row[1] for label, row in zip(said, files[0][1:], strict=True)])
    assert record["fused"]["folds"] == [pytest.approx(np.mean(fold)) for fold in right]
    assert record["fused"]["accuracy"] == pytest.approx(np.mean(np.concatenate(right))) and record["fused"]["videos"] == 8
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [line.split()[1] for line in lines[-5:]] == ["0", "1", "2", "mean", "fused"]


def test_the_mean_of_several_seeds_may_be_what_none_says():
    def said(*rows):
        names = ("a", "b", "c")
        return [folds_work.Answer(f"v{k}", "c", names[np.argmax(p)], names, p) for k, p in rows]

    seeds = [said((0, (0.5, 0.1, 0.4)), (1, (1.0, 0.0, 0.0))), said((0, (0.1, 0.5, 0.4)))]
    (together,) = folds_work.mean(seeds)  # v1 could not be read with one of the seeds
    assert (together.video, together.label, together.predicted) == ("v0", "c", "c")
    assert together.probabilities == pytest.approx((0.3, 0.3, 0.4))


def test_no_group_is_divided_and_classes_are_even():
    videos = [Video(f"/v/{g}-{k}", (("a", "b", "b")[k % 3],), group=f"g{g}") for g in range(12) for k in range(6)]
    chosen = dict(folds_work.divided(videos, 4))
    assert len(chosen) == 72
    of_group = {video.group: {n for v, n in chosen.items() if v.group == video.group} for video in videos}
    assert all(len(numbers) == 1 for numbers in of_group.values())
    assert Counter((n, v.labels) for v, n in chosen.items()) == {
        (n, (x,)): 6 * c for n in range(1, 5) for x, c in (("a", 1), ("b", 2))
    }
    random.Random(1).shuffle(videos)
    assert dict(folds_work.divided(videos, 4)) == chosen
    with pytest.raises(UserError, match="must be 12 at most"):
        folds_work.divided(videos, 13)


def test_figures_by_hand():
    fold = [("a", "a"), ("a", "b"), ("b", "b"), ("a", "a")]
    measured = folds_work.figures([fold, [("b", "a")], []])
    assert measured == {
        "videos": 5,
        "accuracy": 0.6,
        "mean_class_accuracy": pytest.approx((2 / 3 + 1 / 2) / 2),
        "folds": [0.75, 0, None],
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--train.seed 3", "use --seeds"),
        ("--model.target multilabel", "one class a clip"),
        ("--data.path synthetic", "must be a manifest"),
        ("--folds 1", "folds"),
        ("--fuse quickstart", "other folds than these"),
        ("--weights 1 2", "go with --fuse"),
    ],
)
def test_what_is_refused(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        folds.main(["quickstart", *words.split()])
