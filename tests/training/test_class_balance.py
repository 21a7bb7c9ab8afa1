"""train.py on classes of unequal sizes: the losses of a model that stays as it is, against NumPy."""

import csv
from pathlib import Path

import numpy as np
import pytest
from moments import write_set
from tiny_runs import BACKBONE, TINY, history, trained

from videorec.config import UserError
from videorec.data import pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.moments import tables
from videorec.data.moments.frame_labels import frame_labels
from videorec.data.moments.windows import pieces
from videorec.data.problems import Problems
from videorec.runs.run import Run

COMMON = f"--train.schedule constant --train.monitor last --train.label-smoothing 0.1 --data.no-augment {BACKBONE}"
LEARNS = "--train.learning-rate 0.02 --train.epochs 6"  # which class is the more frequent one
FIXED = "--train.optimizer sgd --train.learning-rate 1e-12 --train.epochs 1"
FIGURES = ("accuracy", "val_loss", "val_accuracy")


def smoothed_crossentropy(targets, log_p):
    """Of the last axis, with a tenth of the target spread over all classes."""
    return -((0.9 * targets + 0.1 / targets.shape[-1]) * log_p).sum(axis=-1)


# === Clips ===


@pytest.fixture(scope="module")
def manifest(synthetic, tmp_path_factory) -> Path:
    """Of `synthetic`: 4 training videos that go left, 1 that goes up, and 2 validation videos of each."""
    path, left_over = tmp_path_factory.mktemp("unequal") / "manifest.csv", {"left": 4, "up": 1}
    with open(synthetic, newline="", encoding="utf-8") as source, open(path, "w", newline="", encoding="utf-8") as copy:
        rows, table = csv.DictReader(source), csv.writer(copy)
        table.writerow(["path", "label", "split"])
        for row in rows:
            if row["label"] not in left_over or row["split"] == "test":
                continue
            if row["split"] == "train":
                left_over[row["label"]] -= 1
            if left_over[row["label"]] >= 0 or row["split"] == "val":
                table.writerow([synthetic.parent / row["path"], row["label"], row["split"]])
    return path


@pytest.fixture(scope="module")
def clips(manifest, tmp_path_factory):
    """`clips(balance)`: the run of an LRCN that has learnt a little and learns no more; batches of 2, 2, 1."""
    folder = tmp_path_factory.mktemp("clips")

    common = (
        f"{TINY} {COMMON} --data.path {manifest} --train.batch 2 --model.units 8 --model.dropout 0 --model.output-dropout 0"
    )
    common += f" --train.step-gain linear --train.cache-dir {folder}/cache"
    learnt = trained("lrcn", f"{common} {LEARNS}", "learnt", folder / "runs")

    def train(balance: str, name: str | None = None) -> Run:
        args = f"{common} {FIXED} --train.init {learnt.place} --train.class-balance {balance}"
        return trained("lrcn", args, name or f"b{balance}", folder / "runs")

    return train


@pytest.fixture(scope="module")
def plain_clips(clips) -> Run:
    return clips("0")


def losses_of(run: Run, split: str) -> tuple[np.ndarray, np.ndarray]:
    """`(N,)` loss of each clip, and `(N, C)` its label."""
    data = run.experiment.data
    videos = sources.load(data, run.experiment.train.seed, run.record).split(split)
    reader = ClipReader(data, Problems(len(videos), 0.0))
    (inputs, _, _), *more = pipeline.evaluation(videos, data, reader, clips=1, crops=1, batch=99).as_numpy_iterator()
    logits = np.float64(run.load_model().predict_on_batch(inputs)["steps"])  # (N, S, C)
    assert not more
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    targets, gains = pipeline.one_hot(videos, run.classes), np.linspace(0, 1, data.frames)
    return smoothed_crossentropy(targets[:, None], log_p) @ gains / gains.sum(), targets


@pytest.mark.parametrize("balance", ["1", "0.5"])
def test_loss_of_clips(clips, plain_clips, balance, caplog):
    caplog.set_level("INFO")
    run = clips(balance)
    assert caplog.text.count("weights of the classes in the training loss") == 1
    assert "(left, 4 clips) to" in caplog.text and "(up, 1 clips); mean 1" in caplog.text
    losses, targets = losses_of(run, "train")
    assert targets.sum(axis=0).tolist() == [4, 1]
    weights = targets @ (5 / (2 * np.array([4, 1]))) ** float(balance)
    (figures,), (plain,) = history(run), history(plain_clips)
    assert figures["loss"] == pytest.approx((losses * weights).sum() / weights.sum(), rel=2e-3)  # features of half precision
    assert plain["loss"] == pytest.approx(losses.mean(), rel=2e-3)
    assert figures["loss"] > 1.1 * plain["loss"]
    for name in FIGURES:
        assert figures[name] == pytest.approx(plain[name], abs=1e-6), name
    assert figures["val_loss"] == pytest.approx(losses_of(run, "val")[0].mean(), rel=2e-3)


def test_another_balance_is_another_run(clips, plain_clips):
    with pytest.raises(UserError, match=r"holds a run with other settings:\n  train\.class_balance: 0\.0 -> 1\.0"):
        clips("1", name="b0")


# === Moments ===

DENSE = "--data.resize 32 32 --data.crop 32 32 --data.fps 10 --train.batch 8"


@pytest.fixture(scope="module")
def moments(tmp_path_factory) -> Path:
    """Videos of 80 frames and a few: moments of two classes, one of them rarely, and frames without a label."""
    table = write_set(tmp_path_factory.mktemp("moments"), {"train": 4, "val": 2}, overlap=False)
    lines = table.read_text(encoding="utf-8").splitlines()
    fewer = [line for line in lines if ",red," not in line or not line.startswith(("train1", "train2", "train3"))]
    table.write_text("\n".join(fewer), encoding="utf-8")
    return table


@pytest.fixture(scope="module")
def dense(moments):
    """`dense(balance)`: the run of a model without memory, likewise; a window is longer than a video, a batch holds all."""

    common = f"{COMMON} {DENSE} --data.path {moments} --data.frames 100 --data.single --model.exclusive --model.target dense"
    common += f" --model.dropout 0 --train.cache-dir {moments.parent}/cache"
    learnt = trained("frame_average", f"{common} {LEARNS}", "learnt", moments.parent / "runs")

    def train(balance: str) -> Run:
        args = f"{common} {FIXED} --train.init {learnt.place} --train.class-balance {balance}"
        return trained("frame_average", args, f"b{balance}", moments.parent / "runs")

    return train


def frames_of(run: Run, moments: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """`(N,)` loss of each labelled frame, and `(N, C)` its label."""
    data, model, losses, labels = run.experiment.data, run.load_model(), [], []
    for video in tables.read(moments):
        if video.split == split:
            frames = np.concatenate(list(pieces(video, data, Problems(1, 0.0))))
            targets, _ = frame_labels(video, run.classes, 10.0, len(frames))
            log_p = np.log(np.float64(model.predict_on_batch({"rgb": frames[None]})["probabilities"][0]))
            labelled = targets.any(axis=1)
            assert 0 < labelled.sum() < len(frames)  # there are frames without a label
            losses.append(smoothed_crossentropy(targets, log_p)[labelled])
            labels.append(targets[labelled])
    return np.concatenate(losses), np.concatenate(labels)


def test_loss_of_frames(dense, moments, caplog):
    caplog.set_level("INFO")
    run = dense("1")
    (figures,) = history(run)
    losses, labels = frames_of(run, moments, "train")
    counts = labels.sum(axis=0)
    assert counts.max() > 2 * counts.min() > 0
    for name, count in zip(run.classes, counts, strict=True):
        assert f"({name}, {count} frames)" in caplog.text
    weights = labels @ (1 / counts)
    assert figures["loss"] == pytest.approx((losses * weights).sum() / weights.sum(), rel=2e-3)
    assert figures["val_loss"] == pytest.approx(frames_of(run, moments, "val")[0].mean(), rel=2e-3)
    (plain,) = history(dense("0"))
    assert figures["loss"] > 1.1 * plain["loss"]
    assert plain["loss"] == pytest.approx(losses.mean(), rel=2e-3)
    for name in (*FIGURES, "map"):
        assert figures[name] == pytest.approx(plain[name], abs=1e-6), name


def test_loss_of_labels_to_come(moments):
    """Its accuracy has the targets of the loss."""
    args = (
        f"{COMMON} {FIXED} {DENSE} --data.path {moments} --data.frames 6 --model.horizon 3 --model.units 8 --model.embedding 4"
    )
    args = args.replace("--model.backbone tiny", "--model.backbone None --model.filters 4 8 --model.differences")
    args += " --model.dropout 0 --model.output-dropout 0 --train.warmup-epochs 0 --train.ema None"
    runs = [
        trained("anticipation", f"{args} --train.class-balance {balance}", f"a{balance}", moments.parent / "runs")
        for balance in (0, 1)
    ]
    (plain,), (weighted,) = map(history, runs)
    for name in FIGURES:
        assert weighted[name] == pytest.approx(plain[name], abs=1e-6), name
    assert 0 < plain["accuracy"] < 1 and weighted["loss"] != pytest.approx(plain["loss"], rel=1e-5)
