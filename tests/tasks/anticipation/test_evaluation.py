"""Labels to come: each prediction with its own frames and labels, and accuracies by hand."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import variants
from grey_videos import declare, write_video

from videorec.config import UserError
from videorec.config.dense import DenseData
from videorec.data.moments.tables import DenseVideo, Segment
from videorec.data.moments.windows import Labelled
from videorec.data.problems import Problems
from videorec.inference.framewise import Framewise
from videorec.tasks.anticipation import evaluation as anticipation
from videorec.tasks.anticipation.evaluation import Predictions, accuracies

DATA = DenseData(fps=10.0, frames=3, resize=(32, 32), crop=(24, 24), single=True)
HORIZON = 2
CLASSES = tuple(f"{k:02d}" for k in range(25))


def numbered(folder: Path, first: int, frames: int, unlabelled=()) -> DenseVideo:
    """A folder of frames whose grey, and label, is 10 times their number, `first` and on."""
    place = folder / f"from{first}"
    place.mkdir()
    for k in range(frames):
        cv2.imwrite(str(place / f"{k}.png"), np.full((32, 32, 3), 10 * (first + k), np.uint8))
    numbers = [k for k in range(frames + 4) if first + k < 25 and k not in unlabelled]  # after the end too
    return DenseVideo(str(place), tuple(Segment(CLASSES[first + k], k / 10, (k + 1) / 10) for k in numbers))


class Counting:
    """A model that sees the number of the last frame and says that those to come count on."""

    jit_compile = "auto"
    layers = ()  # without a CNN

    def __init__(self):
        self.batches = []

    def predict_on_batch(self, inputs):
        assert inputs["rgb"].shape[1:] == (3, 24, 24, 3)
        numbers = np.round(inputs["rgb"].mean(axis=(2, 3, 4)) / 10).astype(int)  # (B, T)
        assert (np.diff(numbers) == 1).all()
        self.batches.append(len(numbers))
        coming = numbers[:, -1:] + 1 + np.arange(HORIZON)
        return {"steps": np.eye(30, dtype=np.float32)[coming]}


def predict(videos, windows=2, share=0.0):
    model, problems = Counting(), Problems(len(videos), share)
    labelled = Labelled(videos, (), CLASSES, DATA, HORIZON, single=True)
    return anticipation.predict(model, labelled, 3 * windows, problems), model, problems


# === Predictions ===


def test_each_window_meets_its_own_labels(tmp_path):
    # 13 frames: windows of 3 + 2 at 0, 2, ... 8, and one at 10 that sees the end; 8 frames: 0, 2, and 4 with 1 frame to come.
    videos = [numbered(tmp_path, 0, 13), numbered(tmp_path, 13, 8)]
    predictions, model, _ = predict(videos)
    assert predictions.current.tolist() == [2, 4, 6, 8, 10, 15, 17, 19]
    assert predictions.predicted.tolist() == [[k + 1, k + 2] for k in predictions.current]
    assert predictions.weights.tolist() == [[1, 1]] * 7 + [[1, 0]]
    counted = predictions.weights.astype(bool)
    np.testing.assert_array_equal(predictions.true[counted], predictions.predicted[counted])
    assert sorted(predictions.true[counted]) == [*range(3, 13), *range(16, 21)]  # every frame once, but for the first three
    assert model.batches == [2, 2, 1, 2, 1]  # a video at a time
    assert not model.jit_compile
    alone, model, _ = predict(videos, windows=1)
    assert model.batches == [1] * 8
    for ours, others in zip(vars(predictions).values(), vars(alone).values(), strict=True):
        np.testing.assert_array_equal(ours, others)


@pytest.mark.parametrize("form", ["backbone", "differences"])
def test_windows_are_those_of_the_model_itself(form, tmp_path, monkeypatch):
    """Though a CNN sees each frame once, the answers are of its windows alone."""
    model = variants.shaken(variants.build(f"seq2seq_attention-{form}", classes=25))
    rng, size, frames = np.random.default_rng(0), variants.frame(f"seq2seq_attention-{form}"), 140  # three pieces
    colors = rng.integers(0, 256, (frames, 1, 1, 3))
    pictures = np.broadcast_to(colors, (frames, *size[:2], 3)).astype(np.uint8)
    for k, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{k}.png"), picture[..., ::-1])
    data = dataclasses.replace(DATA, resize=size[:2], crop=size[:2])
    video = DenseVideo(str(tmp_path), (Segment(CLASSES[0], 0, 100),))
    labelled = Labelled([video], (), CLASSES, data, 3, single=True)
    whole = {"rgb": np.stack([pictures[start : start + 3] for start in range(0, frames - 3, 3)])}
    bias = model.weights[-1]
    bias.assign_sub(model(whole)["steps"].numpy().mean(axis=(0, 1)))  # or the answer is one class, whatever is seen
    given = []

    class Counted(Framewise):
        """That tells which frames it was given, and how many it may take at a time."""

        def features(self, inputs):
            given.append((inputs["rgb"].shape[1], self.at_once))
            return super().features(inputs)

    monkeypatch.setattr(anticipation, "Framewise", Counted)
    predictions = anticipation.predict(model, labelled, 13, Problems(1, 0.0))
    assert given == [(64, 13), (64, 13), (12, 13)]
    expected = model(whole)["steps"].numpy().argmax(-1)
    assert bias.shape == (25,) and len(np.unique(expected, axis=0)) > 5
    np.testing.assert_array_equal(predictions.predicted, expected)
    assert predictions.weights.sum() == frames - 3


def test_frames_without_a_label(tmp_path):
    predictions, _, _ = predict([numbered(tmp_path, 0, 10, unlabelled=(2, 8))])
    assert predictions.current.tolist() == [-1, 4, 6, -1]
    assert predictions.weights.tolist() == [[1, 1], [1, 1], [1, 0], [1, 0]]
    assert predictions.true[0].tolist() == [3, 4] and predictions.true[3, 0] == 9


@pytest.mark.parametrize("declared", [1, 5, 1000])
def test_headers_do_not_matter(tmp_path, declared):
    path = declare(write_video(tmp_path / "v.avi", 20, size=(32, 32)), declared)
    segments = tuple(Segment(CLASSES[k], k / 10, (k + 1) / 10) for k in range(24))
    predictions, _, _ = predict([DenseVideo(str(path), segments)])
    assert predictions.current.tolist() == [*range(2, 19, 2)]
    assert predictions.weights.sum() == 17


def test_unreadable_videos_are_left_out(tmp_path):
    bad = tmp_path / "bad.avi"
    bad.write_bytes(b"no video")
    videos = [DenseVideo(str(bad), (Segment("00", 0, 1),)), numbered(tmp_path, 4, 5)]
    predictions, _, problems = predict(videos, share=0.5)
    assert predictions.current.tolist() == [6] and predictions.true.tolist() == [[7, 8]]
    assert list(problems.unreadable) == [str(bad)]
    with pytest.raises(UserError, match="1 of 2 videos cannot be read"):
        predict(videos, share=0.2)


def test_nothing_to_come(tmp_path):
    short = numbered(tmp_path, 0, 3)
    with pytest.raises(UserError, match=r"No frame to come has a label: 5 frames.*at 10 frames a second.*--data.frames"):
        predict([short])
    with pytest.raises(UserError, match="No frame to come has a label"):
        predict([numbered(tmp_path, 5, 5, unlabelled=(3, 4))])


# === Accuracies ===

PREDICTIONS = Predictions(
    predicted=np.array([[1, 2, 0], [0, 0, 0], [2, 2, 1]]),
    true=np.array([[1, 1, 0], [0, 2, 0], [1, 2, 0]]),
    weights=np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0]], np.float32),
    current=np.array([1, -1, 2]),
)


def test_accuracies_by_hand():
    results = accuracies(PREDICTIONS, frequent=0)
    assert results["accuracy"] == pytest.approx(2 / 5)  # (1, 0), (0, 0) of five that count
    assert results["by_lead"] == [pytest.approx(2 / 3), 0.0, None]
    guesses = results["guesses"]
    assert guesses["current"]["accuracy"] == pytest.approx(2 / 5)  # the first window alone; -1 is never right
    assert guesses["current"]["by_lead"] == [pytest.approx(1 / 3), pytest.approx(1 / 2), None]
    assert guesses["most_frequent"]["accuracy"] == pytest.approx(1 / 5)
    assert guesses["most_frequent"]["by_lead"] == [pytest.approx(1 / 3), 0.0, None]
    assert (results["windows"], results["frames"]) == (3, 5)
    assert set(results["definitions"]) == {"accuracy", "current", "most_frequent"}
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def test_the_most_frequent_label_may_be_unknown():
    results = accuracies(PREDICTIONS, frequent=None)
    assert set(results["guesses"]) == {"current"} and "most_frequent" not in results["definitions"]


# === The most frequent label ===

ROWS = ["a,walk,0,0.3,train", "a,sit,0.5,1.5,train", "b,walk,0,0.3,train", "c,sit,0,1,val", "d,walk,0,9,test"]


def run_of(folder, rows, classes=("sit", "walk")):
    for name in "abcd":
        (folder / name).mkdir(exist_ok=True)
        for k in range(90):
            (folder / name / f"{k}.png").touch()
    table = folder / "t.csv"
    table.write_text("\n".join(["path,label,start,end,split", *rows]))
    experiment = SimpleNamespace(data=DenseData(path=str(table), fps=10.0), train=SimpleNamespace(seed=0))
    return SimpleNamespace(experiment=experiment, classes=list(classes), record=None)


def test_the_most_frequent_label_of_training(tmp_path):
    run = run_of(tmp_path, ROWS)
    assert anticipation.most_frequent(run) == 0  # sit has 1 s of training, walk 0.6 s in more segments and 9 s of test
    rows = [*ROWS, "b,walk,1,1.5,train"]
    assert anticipation.most_frequent(run_of(tmp_path, rows)) == 1


def test_training_videos_that_are_gone_or_others(tmp_path, caplog):
    run = run_of(tmp_path, ROWS)
    assert anticipation.most_frequent(run_of(tmp_path, [*ROWS, "b,jump,2,3,train"])) is None
    assert "unknown label 'jump'" in caplog.text
    Path(run.experiment.data.path).unlink()
    assert anticipation.most_frequent(run) is None
    assert caplog.text.count("the most frequent label of the training videos is not known") == 2
