"""Runs of version 0.1.0, kept in data/old_runs, still evaluate and export to the numbers that they gave then.

Only what a user calls is used here, so that nothing but a change of behaviour can break these tests. `observe_...` say what a
run gives; data/old_runs/make.py recorded the same in expected.json.
"""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import evaluate
from export import saved_model, tflite

STORED = Path(__file__).parent / "data" / "old_runs"
EXPECTED = json.loads((STORED / "expected.json").read_text()) if (STORED / "expected.json").exists() else {}
KEPT = 8  # numbers of an output, spread evenly over it
TOLERANCE = 1e-5
OLD = {"clips": "serving_default"}  # what a signature was called
OPTICAL_FLOW = "baselines.advected"  # a figure of OpenCV's: 4.11 and 5.0 differ by 3 %
FLOW_TOLERANCE = 0.1
# Of labels to come, windows of J + K frames without overlap were measured then, now one every K frames. The same model (its
# exports are held below) has other figures, of more frames.
MORE_WINDOWS = {"anticipation": {"windows": 12, "frames": 18}}


# === What a run gives ===


def observe_evaluation(place: str) -> dict:
    """`figures` of results.json by dotted name, its protocol left out, and the rows of the tables beside it."""
    assert evaluate.main([place]) == 0
    results = json.loads(Path(place, "results.json").read_text())
    results.pop("protocol")
    tables = {path.name: rows(path) for path in sorted(Path(place).glob("*.csv"))}
    return {"figures": dict(figures(results)), "tables": tables}


def figures(tree, name: str = "") -> Iterator[tuple[str, float | None]]:
    """Every number below a JSON value, and every null, with its place in it."""
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from figures(value, f"{name}.{key}" if name else str(key))
    elif tree is None or isinstance(tree, int | float):
        yield name, tree


def rows(path: Path) -> list[list]:
    """The rows of a CSV file, numbers as such."""
    with open(path, newline="") as file:
        return [[number_or_text(cell) for cell in row] for row in csv.reader(file)]


def number_or_text(cell: str) -> float | str:
    """A cell of a table."""
    try:
        return float(cell)
    except ValueError:
        return cell


def observe_saved_model(place: str, given: dict[str, dict[str, list[int]]]) -> dict:
    """Inputs and outputs of every signature of the SavedModel; `given` are the shapes of the frames to give to each."""
    assert saved_model.main([place, "--no-verify"]) == 0
    loaded = tf.saved_model.load(f"{place}/saved_model")
    return {name: observe_signature(loaded.signatures[name], shapes) for name, shapes in given.items()}


def observe_signature(signature, shapes: dict[str, list[int]]) -> dict:
    """One signature: what it takes, and what it says of noise of `shapes`."""
    specs = signature.structured_input_signature[1]
    inputs = {name: {"shape": spec.shape.as_list(), "dtype": spec.dtype.name} for name, spec in specs.items()}
    frames = {name: halved(x) if x.shape[2] == 48 else x for name, x in noise(shapes).items()}
    feed = {name: encoded(x) if specs[name].dtype == tf.string else tf.constant(x) for name, x in frames.items()}
    outputs = {name: sample(value.numpy()) for name, value in signature(**feed).items()}
    return {"inputs": inputs, "given": shapes, "outputs": outputs}


def observe_tflite(place: str) -> dict:
    """Inputs and outputs of the TFLite file."""
    assert tflite.main([place, "--no-verify"]) == 0
    runner = tf.lite.Interpreter(f"{place}/model.tflite").get_signature_runner()
    details = runner.get_input_details()
    inputs = {name: {"shape": x["shape"].tolist(), "dtype": np.dtype(x["dtype"]).name} for name, x in details.items()}
    outputs = runner(**noise({name: entry["shape"] for name, entry in inputs.items()}))
    return {"inputs": inputs, "outputs": {name: sample(value) for name, value in outputs.items()}}


def noise(shapes: dict[str, list[int]]) -> dict[str, np.ndarray]:
    """Seeded uint8 frames for each input."""
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, shapes[name], np.uint8) for name in sorted(shapes)}


def halved(frames: np.ndarray) -> np.ndarray:
    """Frames `(B, T, H, W, 3)` of half the size as exports of version 0.1.0 resized them: halves to the even number. OpenCV
    rounds them up, in training and evaluation then, and everywhere now."""
    batch, time, height, width, channels = frames.shape
    four = frames.reshape(batch, time, height // 2, 2, width // 2, 2, channels).astype(np.float64)
    return np.rint(four.mean(axis=(3, 5))).astype(np.uint8)


def encoded(frames: np.ndarray) -> tf.Tensor:
    """Frames `(B, T, H, W, C)` as PNGs `(B, T)`."""
    return tf.constant([[tf.io.encode_png(frame).numpy() for frame in clip] for clip in frames])


def sample(values: np.ndarray) -> dict:
    """Shape, type and some numbers of an output, or its texts."""
    flat = values.ravel()
    if values.dtype == object:
        return {"shape": list(values.shape), "dtype": "string", "values": [text.decode() for text in flat]}
    flat = flat[np.linspace(0, len(flat) - 1, min(len(flat), KEPT)).astype(int)]
    return {"shape": list(values.shape), "dtype": values.dtype.name, "values": [round(float(x), 7) for x in flat]}


# === Then and now ===


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A copy of the stored runs and their data; everything happens there."""
    place = tmp_path_factory.mktemp("old") / "old_runs"
    shutil.copytree(STORED, place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        yield place


@pytest.fixture(scope="module", params=sorted(EXPECTED))
def run(request) -> str:
    """The name of a run."""
    return request.param


@pytest.fixture(scope="module")
def evaluation(folder, run) -> dict:
    """The run evaluated now."""
    return observe_evaluation(f"trained/{run}")


@pytest.fixture(scope="module")
def served(folder, run) -> dict:
    """The run exported as a SavedModel now."""
    given = {name: x["given"] for name, x in EXPECTED[run]["saved_model"].items()}
    if "flow" in given["serving_default"]:  # of whole videos flow has one picture fewer now; clips are as they were
        given = {"clips": given["serving_default"]}
    return observe_saved_model(f"trained/{run}", given)


@pytest.fixture(scope="module")
def lite(folder, run) -> dict:
    """The run exported as TFLite now."""
    return observe_tflite(f"trained/{run}")


def check(now: list, then: list, about: str, tolerance: float = TOLERANCE, relative: float = 0.0) -> None:
    """Numbers must be near, the rest equal."""
    assert len(now) == len(then), about
    for found, expected in zip(now, then, strict=True):
        number = isinstance(expected, int | float)
        assert found == (pytest.approx(expected, rel=relative, abs=tolerance) if number else expected), about


def check_signature(now: dict, then: dict) -> None:
    """Inputs, and outputs of the same frames. The names of the classes stand in a row for each clip now: TensorFlow Serving
    wants as many rows of every output."""
    assert now["inputs"] == then["inputs"]
    assert now["outputs"].keys() == then["outputs"].keys()
    for name, expected in then["outputs"].items():
        if name == "classes":
            clips = next(iter(then["given"].values()))[0]
            expected = {**expected, "shape": [clips, *expected["shape"]], "values": expected["values"] * clips}
        found = now["outputs"][name]
        assert (found["shape"], found["dtype"]) == (expected["shape"], expected["dtype"]), name
        check(found["values"], expected["values"], name)


def test_every_run_is_stored():
    assert {path.name for path in (STORED / "trained").iterdir()} == set(EXPECTED) != set()


def test_figures(run, evaluation):
    """The tolerance is relative too: sums over pixels are large, and float32 has seven digits."""
    then, now = EXPECTED[run]["evaluation"]["figures"], evaluation["figures"]
    assert then.keys() <= now.keys()
    for name, expected in MORE_WINDOWS.get(run, then).items():
        tolerance = FLOW_TOLERANCE if name.startswith(OPTICAL_FLOW) else TOLERANCE
        check([now[name]], [expected], name, tolerance, relative=tolerance)


def test_tables_of_predictions(run, evaluation):
    then, now = EXPECTED[run]["evaluation"]["tables"], evaluation["tables"]
    assert now.keys() == then.keys()
    for name, expected in then.items():
        assert len(now[name]) == len(expected), name
        for found, row in zip(now[name], expected, strict=True):
            check(found, row, name)


def test_saved_model(run, served):
    for name, signature in served.items():
        check_signature(signature, EXPECTED[run]["saved_model"][OLD.get(name, name)])


def test_tflite(run, lite):
    check_signature(lite, EXPECTED[run]["tflite"])
