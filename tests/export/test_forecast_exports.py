"""Exports of forecasters: what Keras gives, of frames as the model takes them, where videorec was never imported."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from export import common, saved_model, tflite, verify
from videorec import models
from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.convlstm_forecaster import ConvLSTMForecaster
from videorec.models.convlstm_stack import ConvLSTMStack
from videorec.models.fclstm_forecaster import FCLSTMForecaster
from videorec.models.seq2seq_attention import Seq2SeqAttention
from videorec.runs.run import Run
from videorec.tasks.forecasting.serving import ForecastServing

FRAMES, HEIGHT, WIDTH = 4, 8, 12
CASES = {
    "convlstm": ConvLSTMForecaster(3, filters=(4,), kernel=3, patch=2),
    "float32": ConvLSTMForecaster(2, "float32", filters=(4,), kernel=3, patch=2),
    "motion": ConvLSTMForecaster(3, filters=(4,), kernel=3, patch=2, motion=2),
    "stack": ConvLSTMStack(3, filters=(4, 3), kernel=3, patch=2),
    "fclstm": FCLSTMForecaster(5, units=(6,)),
    "attention": Seq2SeqAttention(3, units=6, embedding=5, filters=(4, 3)),
}


def write_sequences(folder, pixels="uint8", side=(HEIGHT, WIDTH), files=4):
    """Noise of 20 frames a file; of float32 a corner is masked."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        frames = rng.integers(0, 256, (20, *side), np.uint8)
        if pixels == "float32":
            frames = frames.astype(np.float32) / 255
            frames[:, :2, :2] = np.nan
        np.savez(folder / f"{number}.npz", frames=frames)
    return folder


def make_run(folder, model, precision="float32") -> Run:
    """A run of a model with random weights, as training leaves it."""
    data = Sequences(path=str(write_sequences(folder / "data", model.pixels)), frames=FRAMES)
    experiment = Experiment("x", data, model, ForecastTrain(precision=precision), ForecastEvaluate())
    run = Run.create(folder / "runs" / "x", experiment, ())
    network = models.from_config(model, {"rgb": (None, HEIGHT, WIDTH, 1)}, classes=1)
    rng = np.random.default_rng(1)  # larger weights than new ones: forecasts depend on what is seen
    network.set_weights([rng.normal(0, 0.5, weights.shape) for weights in network.get_weights()])
    run.save_model(network)
    return run


def export(run: Run) -> Run:
    """Both exports, by the command lines."""
    for script in (saved_model, tflite):
        assert script.main([str(run.folder), "--no-verify"]) == 0
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Run]:
    """A run with both exports of each case."""
    return {case: export(make_run(tmp_path_factory.mktemp(case), model)) for case, model in CASES.items()}


def noise(model, batch=2, frames=FRAMES) -> np.ndarray:
    """`(B, J, H, W, 1)` of the type that a model takes."""
    values = np.random.default_rng(2).integers(0, 256, (batch, frames, HEIGHT, WIDTH, 1), np.uint8)
    return values if model.pixels == "uint8" else values.astype(np.float32) / 255


OUTSIDE = """
import sys
import numpy as np, tensorflow as tf
for line in sys.stdin.read().splitlines():
    run, given, result = line.split("\t")
    frames, longer = (np.load(given)[name] for name in ("frames", "longer"))
    loaded = tf.saved_model.load(run + "/saved_model")
    assert list(loaded.signatures) == ["serving_default"]
    serve = loaded.signatures["serving_default"]
    interpreter = tf.lite.Interpreter(run + "/model.tflite")
    operations = [op["op_name"] for op in interpreter._get_ops_details()]
    assert not [op for op in operations if op.startswith("Flex") or op == "CUSTOM"], operations
    runner = interpreter.get_signature_runner()
    rows = [runner(frames=x[None]) for x in frames]
    arrays = {"saved_" + k: v.numpy() for k, v in serve(frames=tf.constant(frames)).items()}
    arrays |= {"longer_" + k: v.numpy() for k, v in serve(frames=tf.constant(longer)).items()}
    arrays |= {"lite_" + k: np.concatenate([row[k] for row in rows]) for k in rows[0]}
    details = runner.get_input_details()
    assert list(details) == ["frames"]
    arrays |= {"lite_shape": details["frames"]["shape"], "lite_type": str(np.dtype(details["frames"]["dtype"]))}
    np.savez(result, **arrays)
assert "videorec" not in sys.modules
"""


@pytest.fixture(scope="module")
def outside(runs, tmp_path_factory) -> dict[str, dict]:
    """What the exports of each case say in a process that knows nothing of videorec."""
    folder = tmp_path_factory.mktemp("outside")
    lines = []
    for case, run in runs.items():
        given, result = folder / f"{case}.npz", folder / f"{case}_result.npz"
        np.savez(given, frames=noise(CASES[case]), longer=noise(CASES[case], 3, FRAMES + 3))
        lines.append(f"{run.folder}\t{given}\t{result}")
    line = [sys.executable, "-c", OUTSIDE]
    done = subprocess.run(line, input="\n".join(lines), cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {case: dict(np.load(folder / f"{case}_result.npz")) for case in runs}


@pytest.mark.parametrize("case", CASES)
def test_exports_equal_keras_in_a_process_without_videorec(case, runs, outside):
    model, got = CASES[case], outside[case]
    network = runs[case].load_model()
    for prefixes, frames in ((("saved", "lite"), noise(model)), (("longer",), noise(model, 3, FRAMES + 3))):
        expected = {key: keras.ops.convert_to_numpy(value) for key, value in network({"rgb": frames}).items()}
        assert expected["frames"].shape == (len(frames), model.horizon, HEIGHT, WIDTH, 1)
        assert expected["frames"].std(axis=0).max() > 0.01  # windows differ, by far more than the tolerance
        assert ("attention" in expected) == (case == "attention")
        for prefix in prefixes:
            outputs = {key.removeprefix(f"{prefix}_") for key in got if key.startswith(f"{prefix}_")} - {"shape", "type"}
            assert outputs == expected.keys()
            for key, values in expected.items():
                assert got[f"{prefix}_{key}"].dtype == np.float32
                np.testing.assert_allclose(got[f"{prefix}_{key}"], values, atol=1e-5, rtol=0)


@pytest.mark.parametrize("case", CASES)
def test_tflite_takes_one_window_of_the_type_that_the_model_takes(case, runs, outside):
    assert outside[case]["lite_shape"].tolist() == [1, FRAMES, HEIGHT, WIDTH, 1]
    assert str(outside[case]["lite_type"]) == CASES[case].pixels
    with zipfile.ZipFile(runs[case].folder / "model.tflite") as archive:
        assert archive.namelist() == ["recipe.json", "sha256"]  # there are no class names


def test_float_frames_are_numbers_from_0_to_1(runs):
    import tensorflow as tf

    serve = ForecastServing(runs["float32"]).signatures(runs["float32"].load_model())["serving_default"]()
    for value in (np.nan, np.inf, -0.1, 255.0):
        frames = noise(CASES["float32"])
        frames[1, 2, 3, 4] = value
        with pytest.raises(tf.errors.InvalidArgumentError, match="frames must be numbers from 0 to 1"):
            serve(frames=tf.constant(frames))
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one frame"):
        serve(frames=tf.constant(frames[:, :0]))


def verified(run: Run, capsys) -> tuple[int, str]:
    """Exit status, and what was printed as one line."""
    status = verify.main([str(run.folder)])
    return status, " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("case", ["convlstm", "float32"])
def test_verify_compares_on_windows_of_the_test_split(case, runs, capsys, caplog):
    status, text = verified(runs[case], capsys)
    assert status == 0, text
    assert "ms a window" in text and "logits" not in text and "probabilities" not in text
    for name in ("SavedModel", "TFLite"):
        *_, difference = re.search(rf"{name}[ │┃]+([\d.]+)[ │┃]+([\d.]+)[ │┃]+([\d.e+-]+)", text).groups()
        assert float(difference) < 1e-5
    # The test split is 1 of 4 files: 20 frames, in windows of 4 + K that share no frame.
    windows = 20 // (FRAMES + CASES[case].horizon)
    assert f"differences: on {windows} windows of {FRAMES} frames" in text
    assert all(re.search(rf"{name}: frames differ by \S+, within 1e-05", text) for name in ("SavedModel", "TFLite"))
    assert "noise" not in caplog.text


def test_windows_are_those_of_a_test_file(runs):
    found = ForecastServing(runs["convlstm"]).examples(2)
    files = [np.load(file)["frames"] for file in Path(runs["convlstm"].experiment.data.path).glob("*.npz")]
    assert [clip["rgb"].dtype for clip in found] == [np.uint8] * 2
    (frames,) = [x for x in files if np.array_equal(x[:FRAMES], found[0]["rgb"][..., 0])]
    np.testing.assert_array_equal(frames[7 : 7 + FRAMES], found[1]["rgb"][..., 0])  # the second window of 4 + 3 frames


def test_masked_pixels_of_float_windows_are_zero(runs):
    (window,) = ForecastServing(runs["float32"]).examples(1)
    assert window["rgb"].dtype == np.float32 and window["rgb"].shape == (FRAMES, HEIGHT, WIDTH, 1)
    assert (window["rgb"][:, :2, :2] == 0).all() and window["rgb"].max() > 0.9


@pytest.mark.parametrize("change", ["gone", "another size"])
def test_noise_where_the_sequences_are_not_at_hand(change, tmp_path, capsys, caplog):
    run = make_run(tmp_path, CASES["float32"])
    assert tflite.main([str(run.folder), "--no-verify"]) == 0
    for file in (tmp_path / "data").iterdir():
        file.unlink()
    if change == "another size":
        write_sequences(tmp_path / "data", "float32", (6, 6))
    status, text = verified(run, capsys)
    assert status == 0 and "on 4 windows of 4 frames" in text
    assert "noise is compared" in caplog.text
    assert ("(4, 6, 6, 1)" in caplog.text) == (change == "another size")


@pytest.mark.parametrize("shift", [0.01, np.nan])
def test_verify_fails_where_the_weights_are_others_now(shift, tmp_path, capsys):
    run = make_run(tmp_path, CASES["convlstm"])
    assert tflite.main([str(run.folder), "--no-verify"]) == 0
    model = run.load_model()
    model.set_weights([weights + np.float32(shift) for weights in model.get_weights()])
    run.save_model(model)
    status, text = verified(run, capsys)
    assert status == 1 and ", passes the limit 1e-05" in text


def test_mixed_precision_is_exported_in_float32(tmp_path):
    try:
        keras.config.set_dtype_policy("mixed_float16")
        run = make_run(tmp_path, CASES["convlstm"], "mixed_float16")
        assert run.load_model().get_layer("encoder1").compute_dtype == "float16"
        model = common.float32_model(ForecastServing(run))
        assert model.get_layer("encoder1").compute_dtype == "float32"
        for got, expected in zip(model.get_weights(), run.load_model().get_weights(), strict=True):
            np.testing.assert_array_equal(got, expected)
        assert saved_model.main([str(run.folder)]) == 0
        assert tflite.main([str(run.folder)]) == 0
    finally:
        keras.config.set_dtype_policy("float32")
