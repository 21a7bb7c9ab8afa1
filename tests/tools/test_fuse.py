"""`videorec.tools.fuse`: one run of several says what their weighted mean says, wherever it is used."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from fusable_runs import CAUSAL, GRU, answers, fusable_run, fused, mean, noise

import evaluate
import predict
from export import common, saved_model, tflite
from videorec import Predictor
from videorec.config import UserError
from videorec.data import manifest
from videorec.data.manifest import Video
from videorec.models.backbones.tiny import TINY
from videorec.models.lrcn import LRCN
from videorec.models.two_stream import TwoStream
from videorec.runs.run import Run
from videorec.tasks import of as task_of_run
from videorec.tools import compare, report

SEVERAL = LRCN(**TINY, units=4, target="multilabel")


def table(folder: Path) -> dict[str, list[float]]:
    with open(folder / "predictions.csv", encoding="utf-8") as file:
        return {row[0]: [float(p) for p in row[4:]] for row in list(csv.reader(file))[1:]}


def assert_measured_alike(run: str, others: str) -> dict:
    """`evaluate.py RUN` gives the figures of `evaluate.py FIRST --fuse ...`; returns them."""
    assert evaluate.main([run, "--out", "one"]) == 0
    assert evaluate.main([*others.split(), "--out", "several"]) == 0
    one, several = (json.loads(Path(out, "results.json").read_text()) for out in ("one", "several"))
    for name in ("accuracy", "top5", "videos", "per_class"):
        assert one[name] == several[name], name
    mine, theirs = table(Path("one")), table(Path("several"))
    assert mine.keys() == theirs.keys() and len(mine) > 3
    np.testing.assert_allclose(list(mine.values()), list(theirs.values()), atol=2e-6)
    assert np.ptp(list(mine.values()), axis=0).max() > 1e-3
    return one


# === The answer ===


@pytest.mark.parametrize(
    ("names", "weights"),
    [("s0 s1 s2", [2, 1, 1]), ("s0 gru s1", []), ("gru otherwise_frozen s2", [0, 1, 3]), ("flow s1", [1, 3])],
)
def test_is_the_weighted_mean(here, names, weights):
    run = fused(" ".join([names, *(["--weights", *map(str, weights)] if weights else [])]))
    got, names = answers(run, noise()), names.split()
    np.testing.assert_allclose(got["probabilities"], mean(names, weights or [1] * len(names), noise()), atol=1e-6)
    for number, name in enumerate(names, start=1):
        alone = answers(Run(f"runs/{name}"), noise())
        for key in ("steps", "probabilities"):
            np.testing.assert_allclose(got[f"member{number}_{key}"], alone[key], atol=1e-5)
    assert got["steps"].shape[1] == sum(got[f"member{k}_steps"].shape[1] for k in range(1, len(names) + 1))


def test_frozen_layers_that_are_equal_are_there_once(here, caplog):
    caplog.set_level("INFO")
    run = fused("s0 gru s1 otherwise_frozen s2")
    settings = run.experiment.model
    assert [member.frozen_of for member in settings.members] == [None, None, 1, None, 1]
    assert [member.run for member in settings.members] == [f"runs/{n}" for n in "s0 gru s1 otherwise_frozen s2".split()]
    alone = [Run(f"runs/{name}").load_model() for name in ("s0", "gru", "s1", "otherwise_frozen", "s2")]
    frozen = sum(np.prod(weight.shape) for weight in alone[0].non_trainable_weights)
    assert frozen == 3 * 3 * 3 * 16 + 16 + 3 * 3 * 16 * 32 + 32  # conv1 and conv2
    assert run.load_model().count_params() == sum(model.count_params() for model in alone) - 2 * frozen
    assert "member3: runs/s1, rgb, 0.200 of the answer; the frozen layers of its CNN are those of member1" in caplog.text
    assert "member4: runs/otherwise_frozen, rgb, 0.200 of the answer\n" in caplog.text


def test_the_folder_is_that_of_a_run(here):
    run = fused("s0 s1")
    assert {path.name for path in run.folder.iterdir()} == {
        *("config.json", "classes.txt", "recipe.json", "videos.csv", "model.keras"),
    }
    assert run.record == Run("runs/s0").record and run.classes == Run("runs/s0").classes
    own, recipe = Run("runs/s0").recipe, run.recipe
    assert recipe["model"] == "ensemble" and recipe["streams"] == own["streams"] and recipe["pictures"] == own["pictures"]
    assert run.experiment.name == "x" and (run.experiment.data, run.experiment.runs) == (Run("runs/s0").experiment.data, "runs")


def test_measured_as_several_runs_are(here, capsys):
    fused("s0 s1 gru --weights 2 1 1")
    results = assert_measured_alike("runs/x", "runs/s0 --fuse runs/s1 runs/gru --weights 2 1 1")
    evaluate.main(["runs/s1", "--out", "alone"])
    assert results["streams"]["member2"]["accuracy"] == json.loads(Path("alone/results.json").read_text())["accuracy"]
    assert results["streams"].keys() == {"member1", "member2", "member3"}
    assert results["protocol"]["members"] == {"member1": "runs/s0", "member2": "runs/s1", "member3": "runs/gru"}
    assert "member2 (runs/s1) alone: accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("flow", ["flow", "slow_flow"])
def test_frames_and_motion(here, flow):
    """At one rate and length too: each stream draws its own pictures, as the runs did alone."""
    run = fused(f"s0 {flow} s1 --weights 2 1 1")
    data = run.experiment.data
    assert data.stream == "both" and not data.flow.paired
    assert run.load_model().input.keys() == {"rgb", "flow"}
    assert [member.frozen_of for member in run.experiment.model.members] == [None, None, 1]
    assert_measured_alike("runs/x", f"runs/s0 --fuse runs/{flow} runs/s1 --weights 2 1 1")


def test_asked_about_videos(here, synthetic):
    fused("s0 flow")
    assert evaluate.main(["runs/x"]) == 0
    rows = table(Path("runs/x"))
    assert predict.main(["runs/x", *list(rows)[:3], "--csv", "answers.csv"]) == 0
    with open("answers.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            got = [float(row[f"p({name})"]) for name in Run("runs/x").classes]
            np.testing.assert_allclose(got, rows[row["video"]], atol=2e-6)


def test_several_labels(here, tmp_path):
    rng, rows = np.random.default_rng(0), []
    for number in range(12):
        path = tmp_path / f"{number}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 24))
        for _ in range(5):
            writer.write(rng.integers(0, 256, (24, 32, 3), np.uint8))
        writer.release()
        split = ("train", "val", "test")[min(number % 4, 2)]
        rows.append(Video(str(path), (("a",), ("b",), ("a", "b"))[number % 3], split=split))
    manifest.write(tmp_path / "several.csv", rows)
    for seed in (0, 1):
        fusable_run(tmp_path / f"runs/m{seed}", tmp_path / "several.csv", seed, SEVERAL)
    fused("m0 m1 --weights 1 2")
    assert Run("runs/x").experiment.model.target == "multilabel"
    np.testing.assert_allclose(answers(Run("runs/x"), noise())["probabilities"], mean(["m0", "m1"], [1, 2], noise()), atol=1e-6)
    assert_measured_alike("runs/x", "runs/m0 --fuse runs/m1 --weights 1 2")


def test_a_fused_run_is_fused_again(here):
    fused("s0 s1", "pair")
    fused("pair gru --weights 2 1", "all")
    got = answers(Run("runs/all"), noise())["probabilities"]
    np.testing.assert_allclose(got, mean(["s0", "s1", "gru"], [1, 1, 1], noise()), atol=1e-6)
    assert_measured_alike("runs/all", "runs/pair --fuse runs/gru --weights 2 1")


def test_runs_of_two_streams(here, synthetic):
    parts = TwoStream(CAUSAL, GRU, (1.0, 2.0))
    for seed in (0, 1):
        fusable_run(here / f"runs/two{seed}", synthetic, seed, parts, stream="both")
    run = fused("two0 two1")
    assert run.experiment.data.flow.paired
    np.testing.assert_allclose(answers(run, noise())["probabilities"], mean(["two0", "two1"], [1, 1], noise()), atol=1e-6)
    with pytest.raises(UserError, match="runs/s0 and runs/two0 differ in what they see of rgb: flow.paired False and True"):
        fused("two0 s0", "y")


# === Elsewhere ===

OUTSIDE = """
import json, sys
import numpy as np, tensorflow as tf
clips = np.load(sys.argv[1])
out = tf.saved_model.load(sys.argv[2]).signatures["clips"](frames=tf.constant(clips))
runner = tf.lite.Interpreter(sys.argv[3]).get_signature_runner()
lite = [runner(frames=clip[None])["probabilities"][0].tolist() for clip in clips]
assert "videorec" not in sys.modules
print(json.dumps({"saved": out["probabilities"].numpy().tolist(), "lite": lite}))
"""


def test_exported(here):
    """Both exports in a process without videorec."""
    run = fused("s0 s1 gru")
    for script in (saved_model, tflite):
        assert script.main(["runs/x", "--no-verify"]) == 0
    clips = np.stack([clip["rgb"] for clip in task_of_run(run.experiment).serving(run).examples(3)])
    np.save("clips.npy", clips)
    line = [sys.executable, "-c", OUTSIDE, "clips.npy", "runs/x/saved_model", "runs/x/model.tflite"]
    result = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    got = json.loads(result.stdout.splitlines()[-1])
    expected = mean(["s0", "s1", "gru"], [1, 1, 1], {"rgb": clips[:, :, 2:22, 4:28]})
    for form in ("saved", "lite"):
        np.testing.assert_allclose(got[form], expected, atol=1e-5)
    assert Predictor("runs/x/model.tflite").recipe["model"] == "ensemble"


def test_frame_by_frame(here, synthetic):
    fused("causal0 causal1 --weights 3 1")
    frames = noise(6)["rgb"][0]
    rows = [
        [now.probabilities[name] for name in Run("runs/x").classes]
        for now in Predictor("runs/x").stream([np.pad(frame, ((2, 2), (4, 4), (0, 0))) for frame in frames], interval=0)
    ]
    expected = mean(["causal0", "causal1"], [3, 1], {"rgb": frames[None]})
    np.testing.assert_allclose(rows[-1], expected[0], atol=1e-5)
    fused("causal0 s1", "y")
    assert "in both directions" in Predictor("runs/y").cannot_stream()


def test_mixed_precision_is_exported_in_float32(here, synthetic):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        for seed in (0, 1):
            run = fusable_run(here / f"runs/half{seed}", synthetic, seed)
            config = json.loads((run.folder / "config.json").read_text())
            config["train"]["precision"] = "mixed_float16"
            (run.folder / "config.json").write_text(json.dumps(config))
        keras.config.set_dtype_policy("float32")
        run = fused("half0 half1")
        assert run.experiment.train.precision == "mixed_float16"
        model = common.float32_model(task_of_run(run.experiment).serving(run))
        assert {layer.compute_dtype for layer in model._flatten_layers()} <= {"float32", "uint8"}
        got = keras.ops.convert_to_numpy(model({"rgb": noise()["rgb"]})["probabilities"])
        np.testing.assert_allclose(got, mean(["half0", "half1"], [1, 1], noise()), atol=0.01)
    finally:
        keras.config.set_dtype_policy("float32")


def test_tools_take_it(here):
    fused("s0 s1")
    assert evaluate.main(["runs/x"]) == 0
    assert compare.main(["runs/x", "--markdown", "--repeats", "1"]) == 0
    assert report.main(["runs/x"]) == 0
    page = Path("runs/x/report.html").read_text(encoding="utf-8")
    assert (
        "model.members.1.weight" in page
        and "python -m videorec.tools.fuse runs/s0 runs/s1 --name NEW_NAME --weights 1 1" in page
    )
