"""The keras.io example "Video Classification with a CNN-RNN Architecture" against the preset `lrcn`, from the videos to the
answers for the test videos: on the same clips, with the same CNN and the same weights."""

import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import layers

from videorec import configs
from videorec.config import UserError
from videorec.config.recognition import RecognitionOptions
from videorec.data import manifest
from videorec.data.manifest import Video
from videorec.models import backbones
from videorec.tasks.recognition.task import RecognitionTask
from videorec.tools.benchmark.figures import Figure, in_turns, quiet
from videorec.training import loop

PART = "keras_io"
FRAMES, SIDE = 20, 224  # of the example: so many from the start, so large
LEAST = 5.0  # times as fast is what ours has to be


def measure(
    path: Path | None = None,
    weights: str = "imagenet",
    rounds: int = 1,
    epochs: int | None = None,
    backbone: str = "mobilenet_v2",
    size: tuple[int, int] | None = None,
) -> list[Figure]:
    """The time of both ways, one over the other, and what each gets on the test videos (of the last round).

    Args:
        path: a manifest whose videos are split into train, val and test; whole files, one label each.
        weights: of the CNN: a file, imagenet, or None.
        rounds: how often, in turns.
        epochs: of both trainings. Default: 30 and the preset's.
        backbone: the CNN, with features averaged over the frame.
        size: height and width of the frames that our CNN sees. Default: the preset's, 224 x 224, as theirs.

    Raises:
        UserError: no manifest, or one without videos to train or to test on.
    """
    known, test = _divided(path)
    answers: dict[str, tuple[float, float]] = {}

    def theirs() -> float:
        began = time.perf_counter()
        answers["theirs"] = shares(test, frame_by_frame(known, test, backbone, weights, epochs or 30))
        return time.perf_counter() - began

    def ours() -> float:
        began = time.perf_counter()
        answers["ours"] = with_lrcn(path, backbone, weights, epochs, size)
        return time.perf_counter() - began

    spans = in_turns({"theirs": theirs, "ours": ours}, rounds)
    return _figures(f"{len(known)} clips to train on, {len(test)} to test", spans, answers)


def _divided(path: Path | None) -> tuple[list[Video], list[Video]]:
    """The videos to train on (and to choose the epoch by), and those to test on."""
    if path is None:
        raise UserError("The part keras_io needs --manifest FILE.csv, with a split of train and test")
    videos = manifest.read(path)
    known, test = [v for v in videos if v.split in ("train", "val")], [v for v in videos if v.split == "test"]
    if not known or not test:
        raise UserError(
            f"{path} must name the split of its videos, with some of train and of test. Received: {len(known)}, {len(test)}"
        )
    return known, test


def _figures(clips: str, spans: dict[str, list[float]], answers: dict[str, tuple[float, float]]) -> list[Figure]:
    ratios = [a / b for a, b in zip(spans["theirs"], spans["ours"], strict=True)]
    value, seconds = float(np.median(ratios)), {name: float(np.median(times)) for name, times in spans.items()}
    both = {name: f"{accuracy:.3f} / {mean:.3f}" for name, (accuracy, mean) in answers.items()}
    name = f"{clips}: the keras.io example's way / lrcn, all in all"
    detail = f"{seconds['theirs']:.0f} s / {seconds['ours']:.0f} s; rounds: {len(ratios)}"
    gained = "accuracy / mean class accuracy on the test clips: theirs, ours"
    better = answers["ours"][0] > answers["theirs"][0]
    return [
        Figure(PART, name, f"{value:.2f}", detail, f">= {LEAST:g}", value >= LEAST),
        Figure(PART, gained, f"{answers['ours'][0]:.3f}", f"{both['theirs']}, {both['ours']}", "> theirs", better),
    ]


# === Their way ===


def frame_by_frame(known: Sequence[Video], test: Sequence[Video], backbone: str, weights: str, epochs: int) -> list[str]:
    """The labels that the example's network gives `test`: frames one by one through the CNN, GRUs of 16 and 8, the epoch of
    the lowest loss on 30 % of the clips."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    cnn = backbones.build(backbone, (SIDE, SIDE, 3), tap="pooled", weights=weights)
    labels = sorted({video.labels[0] for video in known})
    order = np.random.default_rng(0).permutation(len(known))
    x, mask = _features(cnn, [known[i] for i in order])
    y = np.array([labels.index(known[i].labels[0]) for i in order])
    model = _example(x.shape[1:], len(labels))
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as folder:
        best = f"{folder}/best.weights.h5"
        keep = keras.callbacks.ModelCheckpoint(best, save_weights_only=True, save_best_only=True)
        model.fit([x, mask], y, validation_split=0.3, epochs=epochs, callbacks=[keep], verbose=0)
        model.load_weights(best)
    return [labels[i] for i in model.predict(list(_features(cnn, test)), verbose=0).argmax(-1)]


def _example(shape: tuple[int, int], classes: int) -> keras.Model:
    features, mask = keras.Input(shape), keras.Input(shape[:1], dtype="bool")
    x = layers.GRU(16, return_sequences=True)(features, mask=mask)
    x = layers.Dropout(0.4)(layers.GRU(8)(x))
    x = layers.Dense(8, activation="relu")(x)
    model = keras.Model([features, mask], layers.Dense(classes, activation="softmax")(x))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def _features(cnn: keras.Model, videos: Sequence[Video]) -> tuple[np.ndarray, np.ndarray]:
    """`(N, FRAMES, D)` and `(N, FRAMES)`: a call of `predict` a frame."""
    x = np.zeros((len(videos), FRAMES, cnn.output_shape[-1]), np.float32)
    mask = np.zeros(x.shape[:2], bool)
    for i, video in enumerate(videos):
        for j, frame in enumerate(_first_frames(video.path)):
            x[i, j], mask[i, j] = cnn.predict(frame[None], verbose=0)[0], True
    return x, mask


def _first_frames(path: str) -> list[np.ndarray]:
    """The largest square in the middle of each."""
    capture, frames = cv2.VideoCapture(path), []
    while len(frames) < FRAMES and (read := capture.read())[0]:
        height, width = read[1].shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        frames.append(cv2.resize(read[1][top : top + side, left : left + side], (SIDE, SIDE))[..., ::-1])
    return frames


def shares(videos: Sequence[Video], answers: Sequence[str]) -> tuple[float, float]:
    """Accuracy, and its mean over the classes of `videos`."""
    true = np.array([video.labels[0] for video in videos])
    right = true == np.array(answers)
    return float(right.mean()), float(np.mean([right[true == label].mean() for label in np.unique(true)]))


# === Our way ===


def with_lrcn(
    path: Path, backbone: str, weights: str, epochs: int | None, size: tuple[int, int] | None = None
) -> tuple[float, float]:
    """Accuracy and mean class accuracy of the preset on the test videos, one plain view of each clip in its cache."""
    keras.backend.clear_session()
    experiment, task = configs.load("lrcn"), RecognitionTask()
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as folder, quiet("videorec", logging.WARNING):
        experiment = replace(
            experiment,
            name="run",
            runs=folder,
            data=replace(experiment.data, path=str(path), **({"resize": size, "crop": size} if size else {})),
            model=replace(experiment.model, backbone=backbone, weights=weights),
            train=replace(
                experiment.train, cache_views=1, cache_dir=f"{folder}/cache", epochs=epochs or experiment.train.epochs
            ),
        )
        run = loop.train(task, experiment)
        options = RecognitionOptions(data=experiment.data, evaluate=experiment.evaluate)
        results = task.evaluate(run, options, lambda done, total: None).results()
    return results["accuracy"], results["mean_class_accuracy"]
