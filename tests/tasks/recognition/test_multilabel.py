"""Videos with several labels, `a;b`, from training to the exported file."""

import contextlib
import csv
import dataclasses
import io
import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import average_precision_score
from tiny_runs import TINY, curves, history, measured, tags, trained

from export import common, saved_model, tflite, verify
from videorec.config import Data, Evaluate, Experiment, UserError
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.selection import Selection
from videorec.runs.run import Run
from videorec.tasks import fusion
from videorec.tasks.recognition import evaluation, report, training

CLASSES = ("blue", "left", "top")
SUBSETS = [labels for n in range(1, 8) if (labels := tuple(name for k, name in enumerate(CLASSES) if n >> k & 1))]
SMALL = f"{TINY} --model.target multilabel --model.units 16"


def write_labelled(path: Path, labels: tuple[str, ...], rng: np.random.Generator) -> None:
    """6 frames of noise; each label adds light of its own: to the top half, the left half, the blue channel."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (40, 40))
    for _ in range(6):
        frame = rng.integers(0, 60, (40, 40, 3))  # BGR
        frame[:20] += 80 * ("top" in labels)
        frame[:, :20] += 60 * ("left" in labels)
        frame[..., 0] += 55 * ("blue" in labels)
        writer.write(frame.astype(np.uint8))
    writer.release()


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    """A manifest of 42 videos: every set of one to three labels, 4 times in train, once in val and test."""
    folder, rng = tmp_path_factory.mktemp("labelled"), np.random.default_rng(0)
    rows = ["path,label,split"]
    for split, times in (("train", 4), ("val", 1), ("test", 1)):
        for number in range(times):
            for labels in SUBSETS:
                name = f"{split}{number}_{''.join(labels)}.avi"
                write_labelled(folder / name, labels, rng)
                rows.append(f"{name},{';'.join(labels)},{split}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory, labelled, training_seed) -> Run:
    """A run that has learnt the three labels."""
    args = f"{SMALL} --data.path {labelled} --train.epochs 18 --train.learning-rate 5e-3 --train.class-balance 1"
    return trained("quickstart", f"{args} --train.seed {training_seed}", runs=tmp_path_factory.mktemp("multilabel"))


@pytest.fixture(scope="module")
def shown(run) -> str:
    """What evaluate.py shows of it; its files lie in the run folder."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        measured(run, "--evaluate.clips 2")
    return text.getvalue()


def made(videos, classes, scores, **options) -> report.RecognitionReport:
    protocol = report.describe(Data(), Evaluate(clips=2), {"r": 1.0}, Experiment(), Selection([], "test"))
    return report.make(videos, classes, scores, protocol, Problems(len(videos), 1.0), target="multilabel", **options)


def test_learns_every_label(run, shown):
    assert run.classes == CLASSES and run.experiment.model.target == "multilabel"
    losses = [entry["loss"] for entry in history(run)]
    assert history(run)[0].keys() == {"loss", "accuracy", "map", "val_loss", "val_accuracy", "val_map"}
    assert losses[0] == pytest.approx(3 * np.log(2), abs=1)  # three coins
    assert min(losses) < 0.6 * losses[0]
    results = json.loads((run.folder / "results.json").read_text())
    assert results["map"] > 0.75 and results["accuracy"] > 0.6 and set(results["per_class"]) == set(CLASSES)


def test_tensorboard_has_no_confusion(run):
    assert {"loss", "accuracy", "map"} <= curves(run, "val")
    assert "7 classes/confusion" not in tags(run, "val")


def test_results_of_a_run(run, shown):
    results = json.loads((run.folder / "results.json").read_text())
    with open(run.folder / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == results["videos"] == 7
    targets = np.array([[name in row["label"].split(";") for name in CLASSES] for row in rows])
    scores = np.array([[float(row[f"p({name})"]) for name in CLASSES] for row in rows])
    expected = [average_precision_score(targets[:, c], scores[:, c]) for c in range(3)]
    assert results["map"] == pytest.approx(np.mean(expected)) and results["left_out_of_map"] == []
    assert results["accuracy"] == pytest.approx(np.mean(targets[np.arange(7), scores.argmax(axis=1)]))
    assert not {"confusion", "mean_class_accuracy"} & results.keys() and not (run.folder / "confusion.png").exists()
    assert f"accuracy {results['accuracy']:.4f}   mAP {results['map']:.4f}" in shown and "accuracy: hit@1" in shown
    for row, p in zip(rows, scores, strict=True):
        predicted = row["predicted"].split(";")
        assert all((name in predicted) == (p[c] > 0.5) for c, name in enumerate(CLASSES) if abs(p[c] - 0.5) > 1e-5)


def test_exports_equal_keras(run, tmp_path):
    import tensorflow as tf

    place = str(run.folder)
    assert saved_model.main([place]) == 0 and tflite.main([place]) == 0 and verify.main([place]) == 0
    clips = np.stack([clip["rgb"] for clip in common.serving_of(run).examples(3)])  # (B, T, 20, 20, 3)
    steps = keras.ops.convert_to_numpy(run.load_model()({"rgb": clips[:, :, 2:18, 2:18]})["steps"]).astype("float64")
    expected = (1 / (1 + np.exp(-steps))).mean(axis=1)
    got = tf.saved_model.load(str(run.folder / "saved_model")).signatures["serving_default"](frames=tf.constant(clips))
    assert got["probabilities"].shape == (3, 3)
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-5)
    runner = tf.lite.Interpreter(str(run.folder / "model.tflite")).get_signature_runner()
    np.testing.assert_allclose(runner(frames=clips[:1])["probabilities"], expected[:1], atol=1e-5)


def test_stored_features_of_a_frozen_backbone(tmp_path, labelled):
    args = f"{SMALL} --data.path {labelled} --model.trainable-from none --train.epochs 1 --train.cache-dir {tmp_path}/cache"
    run = trained("quickstart", args, runs=tmp_path)
    assert "val_map" in history(run)[-1]
    assert run.load_model().output["probabilities"].shape == (None, 3)


# === Reports by hand ===

VIDEOS = [Video("0", ("a", "b")), Video("1", ("b",)), Video("2", ("a",)), Video("3", ("a", "b"))]
SCORES = np.array([[0.9, 0.6, 0.1, 0.2], [0.6, 0.3, 0.55, 0.1], [0.4, 0.2, 0.1, 0.3], [0.7, 0.8, 0.6, 0.5]])


def scores(videos, streams=None) -> evaluation.Scores:
    return evaluation.Scores(videos, videos, np.arange(len(videos)), frozenset({"sampling"}), streams or {})


def test_report_against_hand_counts(capsys):
    """a: positives 0, 2, 3, ranked 1, 4, 2 of 4. b: positives 0, 1, 3, ranked 2, 3, 1. No video has c or d."""
    two = made(VIDEOS, tuple("abcd"), scores(SCORES, {"rgb": SCORES, "flow": SCORES[:, ::-1]}), hit_at=(1, 2))
    results = two.results()
    a, b = (1 + 1 + 3 / 4) / 3, 1.0
    assert results["map"] == pytest.approx((a + b) / 2) and results["left_out_of_map"] == ["c", "d"]
    assert results["accuracy"] == results["clip_accuracy"] == 0.75  # video 1: a, which it is not
    assert results["hit_at"] == {"1": 0.75, "2": 0.75}
    assert results["per_class"]["a"] == {
        "videos": 3,
        "average_precision": pytest.approx(a, abs=1e-6),
        "precision": pytest.approx(2 / 3, abs=1e-6),
        "recall": pytest.approx(2 / 3, abs=1e-6),
    }
    assert results["per_class"]["c"] == {"videos": 0, "average_precision": None, "precision": 0.0, "recall": 0.0}
    assert results["streams"]["rgb"] == {"accuracy": 0.75, "map": results["map"]}
    assert results["streams"]["flow"]["accuracy"] == 0.0
    assert results["protocol"]["threshold"] == 0.5 and "map" in results["protocol"]["figures"]
    assert "mean_class_accuracy" not in results["protocol"]["figures"]
    assert two.kind.predicted(SCORES[3], two.classes) == ("b;a;c", "0.800000;0.700000;0.600000")  # 0.5 is not above
    assert two.kind.predicted(SCORES[2], two.classes) == ("", "")
    two.show(Console(width=300))
    shown = capsys.readouterr().out
    assert "without a video: c, d" in shown and "flow alone: accuracy 0.0000" in shown


def test_only_runs_of_one_target_are_fused(run, tmp_path, labelled):
    other = Run(run.folder)
    plain = dataclasses.replace(run.experiment.model, target="clip")
    other.experiment = dataclasses.replace(run.experiment, model=plain)
    with pytest.raises(UserError, match="must learn the same. .*x learns .*multilabel; .*x learns .*target clip"):
        fusion.check_alike(run, other)


def test_one_class_a_clip_says_what_it_leaves(labelled, run, caplog):
    caplog.set_level("INFO")
    training.load(run.experiment)
    assert "--model.target" not in caplog.text
    model = dataclasses.replace(run.experiment.model, target="clip")
    training.load(dataclasses.replace(run.experiment, model=model))
    assert caplog.text.count("24 videos have several labels") == caplog.text.count("--model.target multilabel") == 1
