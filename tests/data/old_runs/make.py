"""Make the runs beside this file anew with version 0.1.0 of videorec, and record what they give.

    python tests/data/old_runs/make.py CHECKOUT

CHECKOUT is a folder with version 0.1.0 (train.py, videorec/, ...), in whose tests/ a copy of test_old_runs.py was put.
Everything but this file and README.md is replaced; no network is needed. The point of the recorded runs is that they are old:
this is here to tell how they were made.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import h5py
import numpy as np

HERE = Path(__file__).resolve().parent
SCRATCH = ("weights", "cache", "short")  # needed to train, not to evaluate
ENVIRONMENT = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
FRAMES, SIDE, SQUARE = 12, 24, 8
MOVES = {"left": (0, -1), "right": (0, 1), "up": (-1, 0)}
COLORS = {"red": (0, 0, 220), "green": (0, 220, 0)}  # BGR; both at once: yellow
SPLITS = ("train", "train", "train", "val", "test", "test", "test")

PIXELS = "--data.resize 24 24 --data.crop 16 16 --data.no-augment"
FIT = "--train.batch 2 --train.epochs 20 --train.monitor last"
FIT += " --train.warmup-epochs 0 --train.schedule constant --train.learning-rate 0.02"
CACHE = "--train.cache-dir cache --train.cache-views 1"
BACKBONE = "--model.backbone tiny --model.tap fc --model.weights weights/tiny.weights.h5"
PLAIN = "--model.no-bidirectional --model.differences"
PARTS = " ".join(
    f"--model.{stream}.backbone tiny --model.{stream}.tap fc --model.{stream}.weights weights/tiny.weights.h5 "
    f"--model.{stream}.units 2 --model.{stream}.differences"
    for stream in ("rgb", "flow")
)
RUNS = {
    "clips": f"lrcn --data.path data/clips.csv --data.frames 4 {PIXELS} {BACKBONE} {PLAIN} --model.units 3 {CACHE} {FIT}",
    "several_labels": f"visual_attention --model.target multilabel --data.path data/several.csv --data.frames 4 {PIXELS} "
    "--model.backbone tiny --model.weights weights/tiny_map.weights.h5 --model.differences --model.units 3 "
    f"--model.attention-units 3 {CACHE} {FIT}",
    "two_streams": f"two_stream --data.path data/prepared --data.frames 2 {PIXELS} {PARTS} {CACHE} {FIT}",
    "moments": f"multi_lstm --data.path data/moments.csv --data.fps 10 --data.frames 6 {PIXELS} {BACKBONE} --model.units 3 "
    f"--model.window 3 --model.attention-units 4 {CACHE} {FIT}",
    "moments_one_at_a_time": f"lrcn --model.target dense --data.path data/single.csv --data.single --data.fps 10 "
    f"--data.frames 6 {PIXELS} {BACKBONE} --model.differences previous --model.units 1 {CACHE} {FIT}",
    "anticipation": f"anticipation --data.path data/single.csv --data.fps 10 --data.frames 4 --model.horizon 2 {PIXELS} "
    f"--model.backbone None --model.filters 3 3 --model.differences --model.units 4 "
    f"--model.embedding 4 --model.trainable-from all {FIT}",
    "forecasts": "convlstm_forecaster --data.path data/sequences --data.frames 3 --model.horizon 2 --model.filters 2 "
    f"--model.kernel 3 --model.patch 2 --train.loss mse --train.optimizer sgd {FIT}",
}


# === Data ===


def write_videos() -> None:
    """Seven videos, as folders of pictures: a square that moves in one way and changes its colour."""
    rng = np.random.default_rng(0)
    for number in range(len(SPLITS)):
        move, changes = list(MOVES)[number % 3], colour_changes(number)
        save_pictures(HERE / f"data/v{number}", move, changes, rng.integers(0, 90, 3))


def colour_changes(number: int) -> tuple[int, int, int, int]:
    """Of video `number`: the frames where red begins and ends, then green."""
    return number % 2, 5 + number % 3, 4 + number % 3, 9 + number % 4


def save_pictures(folder: Path, move: str, changes: tuple[int, int, int, int], background: np.ndarray, frames: int = FRAMES):
    """One PNG a frame."""
    folder.mkdir(parents=True)
    for k in range(frames):
        picture = np.full((SIDE, SIDE, 3), background, np.uint8)
        dy, dx = MOVES[move]
        top, left = ((SIDE - SQUARE) // 2 + round((k - (frames - 1) / 2) * 8 / frames) * step for step in (dy, dx))
        picture[top : top + SQUARE, left : left + SQUARE] = square_color(changes, k)
        cv2.imwrite(str(folder / f"{k}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def square_color(changes: tuple[int, int, int, int], k: int) -> np.ndarray:
    """Of frame k: red, green, yellow where both are, or grey."""
    red, green = changes[0] <= k < changes[1], changes[2] <= k < changes[3]
    color = np.array(COLORS["red"]) * red + np.array(COLORS["green"]) * green
    return color if color.any() else np.full(3, 120)


def write_tables() -> None:
    """The labels of the videos, and of their moments; times in tenths of a second, a frame each."""
    clips, several, moments, single = [], [], [], []
    for number, split in enumerate(SPLITS):
        path, move = f"v{number}", list(MOVES)[number % 3]
        red, red_end, green, green_end = (k / 10 for k in colour_changes(number))
        clips.append((path, move, split))
        several.append((path, move if number % 4 == 3 else f"{move};{list(COLORS)[number % 2]}", split))
        moments += [(path, "red", red, red_end, split), (path, "green", green, green_end, split)]
        single += [(path, "red", red, green, split), (path, "green", green, green_end, split)]
    for name, rows in (("clips", clips), ("several", several)):
        write_table(name, ("path", "label", "split"), rows)
    for name, rows in (("moments", moments), ("single", single)):
        write_table(name, ("path", "label", "start", "end", "split"), rows)


def write_table(name: str, columns: tuple[str, ...], rows: list[tuple]) -> None:
    """data/NAME.csv."""
    with open(HERE / f"data/{name}.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


def write_sequences() -> None:
    """A blob that moves, in one .npz a split."""
    y, x = np.mgrid[:16, :16]
    for split, frames, speed in (("train", 14, 1.0), ("val", 5, 0.8), ("test", 10, 1.2)):
        folder = HERE / "data/sequences" / split
        folder.mkdir(parents=True)
        blob = [255 * np.exp(-((y - 7) ** 2 + (x - 2 - speed * k) ** 2) / 12) for k in range(frames)]
        np.savez_compressed(folder / "blob.npz", frames=np.array(blob).astype(np.uint8))


def write_prepared(checkout: Path) -> None:
    """Four short videos, their frames and flow, as videorec.tools.prepare stores them."""
    rng, rows = np.random.default_rng(1), []
    for number, (move, split) in enumerate((("left", "train"), ("right", "train"), ("left", "val"), ("right", "test"))):
        save_pictures(HERE / f"short/s{number}", move, (0, 9, 9, 9), rng.integers(0, 90, 3), frames=3)
        rows.append((f"s{number}", move, split))
    write_table("../short/short", ("path", "label", "split"), rows)
    options = "short/short.csv data/prepared --stream both --short-side 24 --quality 60"
    call(checkout, "-m", "videorec.tools.prepare", *options.split())


def write_weights() -> None:
    """Weights for the backbone `tiny`, nearly all 0, so that the stored models are small when they are compressed."""
    rng = np.random.default_rng(2)
    convolutions = [(3, 3, 3, 16), (3, 3, 16, 32), (3, 3, 32, 64), (3, 3, 64, 64), (1, 1, 64, 16)]
    (HERE / "weights").mkdir()
    layers = {f"conv2d_{n}" if n else "conv2d": sparse(rng, shape) for n, shape in enumerate(convolutions)}
    save_weights("tiny", layers | {"dense": sparse(rng, (64, 64))})
    save_weights("tiny_map", dict(list(layers.items())[:4]))


def save_weights(name: str, layers: dict[str, np.ndarray]) -> None:
    """A .weights.h5 file as Keras 3 writes it; biases are 0."""
    with h5py.File(HERE / f"weights/{name}.weights.h5", "w") as file:
        for layer, kernel in layers.items():
            file[f"layers/{layer}/vars/0"] = kernel
            file[f"layers/{layer}/vars/1"] = np.zeros(kernel.shape[-1], np.float32)


def sparse(rng: np.random.Generator, shape: tuple[int, ...], kept: int = 4) -> np.ndarray:
    """A kernel in which each output has `kept` inputs, with weights of 1 or -1."""
    columns = np.zeros((int(np.prod(shape[:-1])), shape[-1]), np.float32)
    for column in columns.T:
        column[rng.choice(len(column), kept, replace=False)] = rng.choice((-1.0, 1.0), kept)
    return columns.reshape(shape)


# === Runs ===


def call(checkout: Path, *command: str) -> None:
    """Run Python on a script or module of the checkout, in this folder."""
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, *command], cwd=HERE, env=environment, check=True)


def train(checkout: Path, name: str) -> None:
    """Train one run, and leave what evaluation and export need."""
    call(checkout, str(checkout / "train.py"), *RUNS[name].split(), "--name", name, "--runs", "trained")
    run = HERE / "trained" / name
    for folder in ("state", "tensorboard"):
        shutil.rmtree(run / folder)
    compress(run / "model.keras")


def compress(path: Path) -> None:
    """Pack a .keras file, a zip that is stored uncompressed, anew; its content stays."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)


# === What they give ===


def record(checkout: Path) -> None:
    """expected.json, observed in a copy of this folder by the functions of the test."""
    copy = HERE.with_name("old_runs_recorded")
    shutil.copytree(HERE, copy)
    try:
        os.environ |= ENVIRONMENT
        sys.path[:0] = [str(checkout), str(checkout / "tests")]
        os.chdir(copy)
        expected = {name: observe(f"trained/{name}") for name in RUNS}
    finally:
        shutil.rmtree(copy)
    (HERE / "expected.json").write_text(to_text(expected))


def observe(place: str) -> dict:
    """All that the test compares of one run."""
    import test_old_runs as test

    lite = test.observe_tflite(place)
    given = shapes_to_give(place, lite["inputs"])
    return {
        "evaluation": test.observe_evaluation(place),
        "saved_model": test.observe_saved_model(place, given),
        "tflite": lite,
    }


def shapes_to_give(place: str, lite: dict) -> dict[str, dict[str, list[int]]]:
    """Shapes for each signature of the SavedModel: those of the TFLite file, where any will do twice the batch and the size."""
    import tensorflow as tf

    from export import saved_model

    assert saved_model.main([place, "--no-verify"]) == 0
    found = {}
    for name, signature in tf.saved_model.load(f"{place}/saved_model").signatures.items():
        specs = signature.structured_input_signature[1]
        found[name] = {key: shape_to_give(spec, lite.get(key, lite.get("frames"))["shape"]) for key, spec in specs.items()}
    return found


def shape_to_give(spec, fixed: list[int]) -> list[int]:
    """For one input; encoded frames are of the fixed size."""
    wanted = spec.shape.as_list() + fixed[spec.shape.rank :]
    larger = [2 * size if axis != 1 else size for axis, size in enumerate(fixed)]
    return [other if size is None else size for size, other in zip(wanted, larger, strict=True)]


def to_text(expected: dict) -> str:
    """JSON with a line for each of the parts of a run."""
    runs = [
        f"{json.dumps(run)}: {{\n" + ",\n".join(f" {json.dumps(part)}: {json.dumps(x)}" for part, x in parts.items()) + "\n}"
        for run, parts in expected.items()
    ]
    return "{\n" + ",\n".join(runs) + "\n}\n"


def main(checkout: Path) -> None:
    """Data -> runs -> expected.json."""
    for name in ("data", "trained", *SCRATCH):
        shutil.rmtree(HERE / name, ignore_errors=True)
    write_videos()
    write_tables()
    write_sequences()
    write_prepared(checkout)
    write_weights()
    for name in RUNS:
        train(checkout, name)
    for name in SCRATCH:
        shutil.rmtree(HERE / name)
    record(checkout)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
