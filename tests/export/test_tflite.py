"""TFLite files in all their forms: what they say, what they hold, where they run, and what is refused."""

import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from untrained_runs import frames_of, untrained_run
from variants import CASES

from export import conversion, tflite, verify
from videorec.config import Data, Experiment, UserError
from videorec.data import sources
from videorec.data.resize import resize_frames
from videorec.inference import engines
from videorec.runs import recipe as recipes
from videorec.runs.run import Run
from videorec.tasks.recognition.serving import RecognitionServing

QUANTIZE = ("none", "dynamic", "float16", "int8")
CLIENT = Path(__file__).resolve().parents[2] / "export" / "clients" / "tflite_video.py"


@pytest.fixture(scope="module")
def run(untrained, tmp_path_factory) -> Run:
    """A run with a SavedModel, a TFLite file of each kind of numbers, and one that runs frame by frame."""
    run = Run(shutil.copytree(untrained.folder, tmp_path_factory.mktemp("tflite") / "x"))
    for quantize in QUANTIZE:
        assert tflite.main([str(run.folder), "--quantize", quantize, "--no-verify"]) == 0
    assert tflite.main([str(run.folder), "--streaming", "--no-verify"]) == 0
    return run


@pytest.fixture(scope="module")
def clips(run) -> np.ndarray:
    return np.stack([clip["rgb"] for clip in RecognitionServing(run).examples(4)])


@pytest.fixture(scope="module")
def expected(run, clips) -> dict:
    """What Keras says of the clips' centres."""
    outputs = run.load_model().predict_on_batch({"rgb": clips[:, :, 2:22, 4:28]})
    assert outputs["probabilities"].std(axis=0).max() > 0.03  # clips differ by far more than the tolerances
    return outputs


@pytest.mark.parametrize("quantize", QUANTIZE)
def test_kinds_of_numbers(quantize, run, clips, expected):
    """float16 is near to Keras, 8 bits are not far; each file is smaller than float32, and says what it is."""
    path = run.folder / tflite.name_of(quantize)
    got = engines.tflite_engine(path, {"rgb": "frames"})({"rgb": clips})
    atol = {"none": 1e-5, "float16": 1e-2}.get(quantize, 0.1)
    np.testing.assert_allclose(got["probabilities"], expected["probabilities"], atol=atol)
    assert (quantize == "none") == (np.abs(got["probabilities"] - expected["probabilities"]).max() < 1e-6)
    assert (quantize == "none") == (path.stat().st_size > 0.8 * (run.folder / "model.tflite").stat().st_size)
    recipe = engines.tflite_recipe(path)
    assert recipe["export"] == {"form": "tflite", "quantize": quantize, "streaming": False}
    assert {**recipe, "export": None} == {**run.recipe, "export": None}


# === Frame by frame ===


@pytest.mark.parametrize("form", ["tflite", "saved_model"])
def test_streams_say_after_t_frames_what_keras_says_of_them(form, run, clips):
    if form == "tflite":
        path = run.folder / "model_streaming.tflite"
        stepper = engines.tflite_stepper(path, engines.tflite_recipe(path))
    else:
        path = run.folder / "saved_model"
        stepper = engines.saved_model_stepper(path, recipes.read(path / "assets"))
    model = run.load_model()
    for clip in clips[:2]:  # the second begins anew
        for t in range(4):
            got = stepper.push({"rgb": clip[None, t : t + 1]})
            now = model.predict_on_batch({"rgb": clip[None, : t + 1, 2:22, 4:28]})
            assert got["probabilities"].shape == (1, 1, 8) and got["steps"].shape == (1, 1, 8)
            np.testing.assert_allclose(got["probabilities"][:, 0], now["probabilities"], atol=1e-5)
            np.testing.assert_allclose(got["steps"][:, 0], now["steps"][:, t], atol=1e-4)
        assert stepper.end() == {}


def test_states_that_do_not_start_from_zero(tmp_path, synthetic):
    """A running maximum starts from minus infinity, and the recipe says so."""
    data = Data(path=str(synthetic), frames=4, resize=(24, 32), crop=(20, 24), workers=1)
    run = untrained_run(tmp_path / "x", Experiment("x", data, CASES["short_snippets_pooling-late"]), tuple("abcdefgh"), 0.1)
    assert tflite.main([str(run.folder), "--streaming"]) == 0
    recipe = engines.tflite_recipe(run.folder / "model_streaming.tflite")
    assert {state.get("start") for state in recipe["states"].values()} >= {"-inf"}


# === The client ===

ALONE = """
import runpy, sys
for name in ("tensorflow", "keras", "jax", "videorec", "export"):
    sys.modules[name] = None  # importing it fails
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


@pytest.mark.parametrize("file", ["model.tflite", "model_int8.tflite", "model_streaming.tflite"])
def test_the_client_needs_no_tensorflow(file, run, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    video = sources.load_for_evaluation(run.experiment.data, "test", run.experiment)[0]
    short = tmp_path / f"short{Path(video.path).suffix}"
    shutil.copy(video.path, short)
    line = [sys.executable, "-P", "-c", ALONE, str(CLIENT), str(run.folder / file), str(short)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    got = dict(reversed(row.split(maxsplit=1)) for row in done.stdout.splitlines())
    if file == "model_streaming.tflite":  # all frames, not the four of a clip
        clip = resize_frames(frames_of(video.path), 24, 32)
    else:
        clip = RecognitionServing(run).examples(1)[0]["rgb"]
    scores = run.load_model().predict_on_batch({"rgb": clip[None, :, 2:22, 4:28]})["probabilities"][0]
    assert len(got) == 5
    for name, score in got.items():
        assert float(score) == pytest.approx(scores[run.classes.index(name)], abs=0.1 if "int8" in file else 1e-4)


# === The table ===


def test_the_table_of_all_forms(run, capsys):
    assert verify.main([str(run.folder), "--videos", "6"]) == 0
    text = " ".join(re.sub("[│┃]", " ", capsys.readouterr().out).split())
    number = r"[\d.e+-]+"
    for title in ("SavedModel", "TFLite", "TFLite int8", "TFLite dynamic", "TFLite float16"):
        assert re.search(rf"{title} {number} {number} {number} {number} [01]\.\d+", text), title
    assert re.search(rf"TFLite streaming {number} {number} a frame {number} {number} [01]\.\d+", text)
    assert "top-1 on 6 test videos" in text and "TFLite float16: probabilities differ by" in text
    assert "TFLite int8: " not in text  # shown in the table, not judged


def test_accuracy_by_hand(run):
    serving = RecognitionServing(run)
    videos = list(serving.labelled(100))
    assert len(videos) == 16 and all(len(clips) == 1 for clips, _ in videos)
    truth = [label for _, label in videos]
    assert sorted(truth) == sorted([*range(8)] * 2)

    def third(clips):
        return {"probabilities": np.eye(8)[[3] * len(clips["rgb"])]}

    shares, count = verify.accuracies(serving, [third], 100)
    assert (shares, count) == ([2 / 16], 16)


# === What is refused ===


def test_int8_does_not_go_frame_by_frame(run):
    with pytest.raises(UserError, match="states that grow do not fit in 8 bits"):
        tflite.main([str(run.folder), "--streaming", "--quantize", "int8"])


def test_int8_needs_clips_of_the_training_data(run, tmp_path):
    moved = Run(shutil.copytree(run.folder, tmp_path / "x"))
    config = moved.folder / "config.json"
    config.write_text(config.read_text().replace(run.experiment.data.path, str(tmp_path / "gone.csv")))
    with pytest.raises(UserError, match="int8 is measured on clips of the training data, which are not at hand"):
        tflite.main([str(moved.folder), "--quantize", "int8"])


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})",
            "ended its process .signal 11. on lrcn with --quantize int8",
        ),
        (
            "import os, sys; open(sys.argv[-1], 'w').close(); os.kill(os.getpid(), 11)",
            "The interpreter ended its process .signal 11.",
        ),
        ("raise RuntimeError('no such operation')", "does not convert to built-in TFLite operations: .*no such operation"),
    ],
)
def test_a_converter_that_breaks_off_becomes_a_message(script, message, run, tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text(script)
    monkeypatch.setattr(conversion, "__file__", str(tmp_path / "broken.py"))
    before = (run.folder / "model_int8.tflite").read_bytes()
    with pytest.raises(UserError, match=message):
        tflite.main([str(run.folder), "--quantize", "int8"])
    assert (run.folder / "model_int8.tflite").read_bytes() == before


def test_files_that_are_none(run, tmp_path):
    whole = (run.folder / "model.tflite").read_bytes()
    for name, content in {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no model " * 100}.items():
        (tmp_path / name).write_bytes(content)
        for open_it in (engines.tflite_recipe, engines.tflite_runner):
            with pytest.raises(UserError, match=f"{name} cannot be read: .*It must be a TFLite file of export.tflite, whole"):
                open_it(tmp_path / name)


def test_changed_bytes_are_noticed(run, tmp_path):
    """A weight that is another one would give other answers without a word."""
    content = bytearray((run.folder / "model.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tflite cannot be read: bytes of it were changed since it was written"):
        engines.tflite_recipe(tmp_path / "a.tflite")


def test_a_recipe_of_a_later_version(run, tmp_path):
    path = shutil.copy(run.folder / "model.tflite", tmp_path / "later.tflite")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("recipe.json", '{"format": 99, "videorec": "7.1"}')
    with pytest.raises(UserError, match=r"written by videorec 7\.1 in format 99"):
        engines.tflite_recipe(path)


@pytest.mark.parametrize("change", ["type", "frames", "batch", "state", "missing"])
def test_inputs_that_do_not_fit(change, run):
    runner = engines.tflite_runner(
        run.folder / ("model_streaming.tflite" if change in ("state", "missing") else "model.tflite")
    )
    shape = {"frames": (1, 5, 24, 32, 3), "batch": (2, 4, 24, 32, 3), "state": (1, 24, 32, 3)}.get(change, (1, 4, 24, 32, 3))
    given = {"frames": np.zeros(shape, np.float32 if change == "type" else np.uint8)}
    message = {"type": r"must be \(1, 4, 24, 32, 3\) uint8.*float32", "missing": "takes the inputs"}.get(change, "must be")
    if change == "state":  # of a model with more units
        recipe = engines.tflite_recipe(run.folder / "model_streaming.tflite")
        given |= {name: np.zeros((1, 9), np.float32) for name in recipe["states"]}
    with pytest.raises(ValueError, match=message):
        runner(given)
