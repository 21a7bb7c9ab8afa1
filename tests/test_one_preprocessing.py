"""The same videos through evaluate.py, a Predictor on every form of a run, and streams: the same probabilities."""

import csv
import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import measured
from untrained_runs import untrained_run

from export import saved_model, tflite
from videorec import Predictor
from videorec.config import Data, Evaluate, Experiment
from videorec.data import manifest
from videorec.models.lrcn import LRCN

CLASSES = ("left", "right", "up", "down", "clockwise", "anticlockwise", "grow", "shrink")
MODEL = LRCN(backbone="tiny", tap="fc", weights=None, units=6)
WHOLE = Data(frames=4, resize=(24, 30), crop=(20, 24), fit="crop", workers=1)  # frames spread over each video
TWO = dataclasses.replace(WHOLE, sampling="dense", step=2, fps=10.0)  # two windows
FIRST = dataclasses.replace(WHOLE, sampling="first", fps=5.0)  # the first frames, as a stream takes them
EXACT = 1e-5
SIZES = [(16, 20), (48, 60), (97, 61), (24, 30), (50, 80), (48, 64), (120, 160), (25, 90)]
FORMS = {  # by where they lie in the run: how far they may differ from an evaluation
    "": EXACT,
    "saved_model": EXACT,
    "model.tflite": EXACT,
    "model_streaming.tflite": EXACT,
    "model_float16.tflite": 1e-2,
    "model_dynamic.tflite": 0.05,
    "model_int8.tflite": 0.1,
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory, synthetic):
    """A manifest with test videos that differ in size: smaller than the network's frames, larger, and of twice their size."""
    folder, given = tmp_path_factory.mktemp("videos"), manifest.read(synthetic)
    rows = [video for video in given if video.split == "train"]
    for number, video in enumerate([video for video in given if video.split == "test"][::2]):
        size, path = SIZES[number], folder / f"{number}.avi"
        capture = cv2.VideoCapture(video.path)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, size[::-1])
        while capture.grab():
            writer.write(cv2.resize(capture.retrieve()[1], size[::-1]))
        writer.release()
        rows.append(dataclasses.replace(video, path=str(path)))
    manifest.write(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def run_of(folder, videos, data, evaluate=None):
    data = dataclasses.replace(data, path=str(videos))
    experiment = Experiment("x", data, MODEL, evaluate=evaluate or Evaluate())
    return untrained_run(folder / "x", experiment, CLASSES, 0.5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, videos) -> dict:
    """A run for each way of drawing frames, exported."""
    made = {
        "whole": run_of(tmp_path_factory.mktemp("whole"), videos, WHOLE),
        "two": run_of(tmp_path_factory.mktemp("two"), videos, TWO, Evaluate(clips=2)),
        "first": run_of(tmp_path_factory.mktemp("first"), videos, FIRST),
    }
    for run in made.values():
        assert saved_model.main([run.place, "--no-verify"]) == 0
    for options in ("", "--streaming", "--quantize float16", "--quantize dynamic"):
        assert tflite.main([made["first"].place, "--no-verify", *options.split()]) == 0
    for options in ("", "--quantize int8"):
        assert tflite.main([made["whole"].place, "--no-verify", *options.split()]) == 0
    return made


@pytest.fixture(scope="module")
def evaluations(runs, tmp_path_factory) -> dict[str, dict[str, list[float]]]:
    """Probabilities of each video, as evaluate.py writes them."""
    tables = {}
    for name, run in runs.items():
        out = tmp_path_factory.mktemp("out")
        measured(run, out=out)
        with open(out / "predictions.csv", newline="") as file:
            tables[name] = {row["video"]: [float(row[f"p({c})"]) for c in CLASSES] for row in csv.DictReader(file)}
        spread = np.std(list(tables[name].values()), axis=0)
        assert spread.max() > 0.02  # videos differ by far more than the tolerances
    return tables


CASES = [(name, form) for name in ("whole", "two", "first") for form in ("", "saved_model")]
CASES += [("whole", form) for form in ("model.tflite", "model_int8.tflite")]
CASES += [("first", form) for form in FORMS if "tflite" in form and "int8" not in form]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_predictor_says_what_an_evaluation_says(runs, evaluations, name, form):
    rows = evaluations[name]
    predictions = Predictor(runs[name].folder / form)(rows)
    for prediction, expected in zip(predictions, rows.values(), strict=True):
        got = list(prediction.probabilities.values())
        np.testing.assert_allclose(got, expected, atol=FORMS[form], err_msg=prediction.video)


@pytest.mark.parametrize("name", ["whole", "two", "first"])
def test_a_saved_model_says_it_of_all_frames(runs, evaluations, name):
    """Frames read here: all of them, or, where the recipe gives a rate, every so manieth of a video at 25 frames a second."""
    loaded = tf.saved_model.load(str(runs[name].folder / "saved_model"))
    fps = runs[name].experiment.data.fps
    for path, expected in evaluations[name].items():
        capture = cv2.VideoCapture(path)
        frames = [capture.retrieve()[1][..., ::-1] for _ in iter(capture.grab, False)]
        if fps:  # at the first frame that is not before each tick
            wanted = np.ceil(np.arange(0, (len(frames) - 1) / 25 + 1e-3, 1 / fps) * 25 - 0.025).astype(int)
            frames = [frames[k] for k in wanted]
        outputs = loaded.signatures["serving_default"](frames=tf.constant(np.stack(frames)[None]))
        np.testing.assert_allclose(outputs["probabilities"].numpy()[0], expected, atol=EXACT, err_msg=path)
        assert [text.decode() for text in outputs["classes"].numpy()[0]] == list(CLASSES)


@pytest.mark.parametrize("form", ["", "saved_model", "model_streaming.tflite"])
def test_a_stream_at_the_rate_of_the_run_says_it_after_a_clip(runs, evaluations, form):
    predictor = Predictor(runs["first"].folder / form)
    for path, expected in evaluations["first"].items():
        answers = list(predictor.stream(path))
        assert answers[3].time == pytest.approx(0.6, abs=1e-3)  # 4 frames, 5 a second
        np.testing.assert_allclose(list(answers[3].probabilities.values()), expected, atol=EXACT, err_msg=path)
