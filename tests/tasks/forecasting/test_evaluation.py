"""evaluate.py on runs that forecast frames: scores against NumPy, baselines by hand, files, and what is wrong."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

import evaluate as script
from videorec import models
from videorec.config import Experiment, UserError
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.data.sequences import windows
from videorec.models.convlstm_forecaster import ConvLSTMForecaster
from videorec.runs.run import Run
from videorec.storage import files as storage
from videorec.tasks.forecasting import evaluation

J, K, HEIGHT, WIDTH = 3, 2, 16, 20
MODEL = ConvLSTMForecaster(K, filters=(4,), kernel=3, patch=2)


def save_run(place, path, model=MODEL, shape=(HEIGHT, WIDTH, 1), length=None, **data) -> Run:
    """A run with untrained weights."""
    evaluate = ForecastEvaluate(metrics=("mse", "mae"), batch=2)
    data = Sequences(path=str(path), **{"frames": J, **data})
    run = Run.create(place, Experiment("r", data, model, ForecastTrain(), evaluate), ())
    run.save_model(models.from_config(model, {"rgb": (length, *shape)}, classes=1))
    return run


def save_splits(folder, test: dict[str, np.ndarray]):
    """Sub-folders train, val and test; noise to train on."""
    noise = np.random.default_rng(1).integers(0, 256, (J + K, *next(iter(test.values())).shape[1:])).astype(np.uint8)
    for split, arrays in {"train": {"t": noise}, "val": {"v": 255 - noise}, "test": test}.items():
        (folder / split).mkdir(parents=True)
        for name, array in arrays.items():
            np.savez(folder / split / f"{name}.npz", array)
    return folder


@pytest.fixture(scope="module")
def noise() -> dict[str, np.ndarray]:
    """Three windows of two files."""
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, (frames, HEIGHT, WIDTH), np.uint8) for name, frames in (("a", 10), ("b", 6))}


@pytest.fixture(scope="module")
def run(tmp_path_factory, noise) -> Run:
    folder = tmp_path_factory.mktemp("forecasts")
    return save_run(folder / "runs" / "r", save_splits(folder / "data", noise))


@pytest.fixture
def go(tmp_path):
    """Run evaluate.py into a folder: the results."""

    def go(run: Run, args: str = "") -> dict:
        assert script.main([run.place, *args.split(), "--out", str(tmp_path / "out")]) == 0
        return json.loads((tmp_path / "out" / "results.json").read_text())

    return go


def test_scores_against_numpy(go, run, noise):
    """Three windows in batches of two."""
    clips = np.stack([noise["a"][:5], noise["a"][5:], noise["b"][:5]])[..., None]
    seen, truth = clips[:, :J], clips[:, J:] / 255
    forecast = run.load_model().predict({"rgb": seen}, verbose=0)["frames"]
    results = go(run)
    assert results["windows"] == 3 and results["frames"].keys() == results["definitions"].keys() == {"mse", "mae"}
    for scores, frames in (
        (results["frames"], forecast),
        (results["baselines"]["last_frame"], np.repeat(seen[:, -1:] / 255, K, axis=1)),
        (results["baselines"]["mean_frame"], np.repeat(seen.mean(axis=1, keepdims=True) / 255, K, axis=1)),
    ):
        for name, error in (("mse", (truth - frames) ** 2), ("mae", abs(truth - frames))):
            by_lead = error.sum(axis=(2, 3, 4)).mean(axis=0)  # (K,)
            np.testing.assert_allclose(scores[name]["by_lead"], by_lead, rtol=1e-5)
            assert scores[name]["value"] == pytest.approx(by_lead.mean(), rel=1e-5)


def test_baselines_by_hand(go, tmp_path):
    """Frames that stand still, and then lose 51 of 255 levels: all baselines are 0.2 off, at the second lead time alone."""
    still = np.kron(np.random.default_rng(0).integers(100, 200, (4, 5)), np.ones((4, 4), int)).astype(np.uint8)
    sequence = np.stack([still] * 4 + [still - 51])
    run = save_run(tmp_path / "r", save_splits(tmp_path / "data", {"a": sequence}))
    baselines = go(run)["baselines"]
    assert baselines.keys() == {"last_frame", "mean_frame", "advected"}
    for scores in baselines.values():
        np.testing.assert_allclose(scores["mae"]["by_lead"], [0, 0.2 * HEIGHT * WIDTH], atol=1e-3)
        np.testing.assert_allclose(scores["mse"]["by_lead"], [0, 0.04 * HEIGHT * WIDTH], atol=1e-3)


def test_advection_follows_motion(go, tmp_path):
    """A blob that moves by 2 px a frame."""
    y, x = np.mgrid[:32, :48]
    blob = [255 * np.exp(-((y - 16) ** 2 + (x - 12 - 2 * t) ** 2) / 40) for t in range(J + K)]
    folder = save_splits(tmp_path / "data", {"a": np.array(blob).astype(np.uint8)})
    results = go(save_run(tmp_path / "r", folder, shape=(32, 48, 1)))
    errors = {name: scores["mse"]["value"] for name, scores in results["baselines"].items()}
    assert errors["advected"] < 0.1 * errors["last_frame"]


def test_masked_pixels_and_rain(go, tmp_path, capsys):
    """Float sequences with a masked column: it counts nowhere. dBZ are 10 of pixel 0 and 40 of pixel 1."""
    rng = np.random.default_rng(0)
    sequence = rng.random((5, 8, 8, 1)).astype(np.float32)
    sequence[:, :, 3] = np.nan
    model = dataclasses.replace(MODEL, pixels="float32")
    run = save_run(tmp_path / "r", save_splits(tmp_path / "data", {"a": sequence}), model, (8, 8, 1))
    results = go(run, "--evaluate.metrics rain mse --evaluate.thresholds 5 --evaluate.dbz 10 40 --pictures 1")
    names = ["rainfall_mse", "correlation", "csi_5", "far_5", "pod_5"]
    assert list(results["frames"]) == ["mse", *names] == list(results["definitions"])
    seen, truth = np.nan_to_num(sequence[:J]), np.delete(sequence[J:], 3, axis=2)
    forecast = np.delete(run.load_model().predict({"rgb": seen[None]}, verbose=0)["frames"][0], 3, axis=2)
    for scores, frames in (
        (results["frames"], forecast),
        (results["baselines"]["last_frame"], np.repeat(np.delete(seen[-1:], 3, axis=2), K, axis=0)),
    ):
        assert scores["mse"]["value"] == pytest.approx(((truth - frames) ** 2).sum(axis=(1, 2, 3)).mean(), rel=1e-5)
        level = (10 * np.log10(118.239) + 15.241 * np.log10(5) - 10) / 30  # the pixel of 5 mm/h
        true, alarm = truth >= level, frames >= level
        assert scores["csi_5"]["value"] == pytest.approx((true & alarm).sum() / (true | alarm).sum(), nan_ok=True)
        assert scores["pod_5"]["value"] == pytest.approx((true & alarm).sum() / true.sum())
    picture = np.asarray(Image.open(next((tmp_path / "out" / "forecasts").glob("*.png"))))
    top = 26 + 66 + 26  # of the truth: below its name, the input and the name of that
    assert (picture[top, 24:32] == (86, 180, 233)).all()  # column 3, eight times as large, sky blue
    assert "rainfall_mse: (mm/h)^2" in capsys.readouterr().out


def test_undefined_scores(go, tmp_path, capsys):
    """Without rain above the threshold there is no probability of detection: null in the file, a dash in the table."""
    dry = np.zeros((5, 16, 16), np.uint8)
    run = save_run(tmp_path / "r", save_splits(tmp_path / "data", {"a": dry}), shape=(16, 16, 1))
    results = go(run, "--evaluate.metrics rain")
    assert results["baselines"]["last_frame"]["pod_0.5"] == {"value": None, "by_lead": [None, None]}
    assert results["baselines"]["last_frame"]["rainfall_mse"]["value"] == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "last frame" in line)
    assert [cell.strip() for cell in row.split("│")[-4:-1]] == ["-", "-", "-"]


def test_files_and_protocol(go, run, noise, tmp_path, capsys):
    results = go(run, "--pictures 2 --evaluate.metrics ssim mse")
    out = tmp_path / "out"
    stems = ["00000_test_a.npz_0", "00002_test_b.npz_0"]  # the first and the last of three
    assert results["pictures"] == {"00000_test_a.npz_0": "test/a.npz @0", "00002_test_b.npz_0": "test/b.npz @0"}
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    shown = [f"forecasts/{stem}.{suffix}" for stem in stems for suffix in ("gif", "png")]
    assert files == [*shown, "leads.png", "results.json"]
    assert Image.open(out / shown[1]).size == (480, 4 * (26 + 64 + 2)) and Image.open(out / shown[0]).n_frames == J + K
    picture = np.asarray(Image.open(out / shown[3]))[..., 0]  # a pixel is 4 x 4 px; a name of 26 px, a row of 66, a name, ...
    forecast = run.load_model().predict({"rgb": noise["b"][None, :J, ..., None]}, verbose=0)["frames"][0, 0, ..., 0]
    for top, expected in ((26, noise["b"][0]), (118, noise["b"][J]), (210, forecast * 255)):
        np.testing.assert_allclose(picture[top : top + 4 * HEIGHT : 4, : 4 * WIDTH : 4], expected, atol=0.51)
    protocol = results["protocol"]
    assert protocol["runs"] == {run.place: 1.0} and "test 3 windows of 2 files" in protocol["data"]
    assert protocol["trained_on"] == run.experiment.data.path
    assert [protocol[name] for name in ("split", "frames", "horizon", "step", "seed")] == ["test", J, K, 1, 0]
    assert {"scikit-image", "opencv", "keras"} <= protocol["versions"].keys()
    text = capsys.readouterr().out
    for expected in (
        "ssim ↑",
        "mse ↓",
        "last frame",
        "mean frame",
        "advected",
        "data_range 2",
        "squared error summed",
        "test: 3 windows, 3 frames seen, 2 forecast",
        f"protocol: {protocol['data']}",
    ):
        assert expected in text


def test_results_lie_in_the_run_folder(tmp_path, noise):
    run = save_run(tmp_path / "r", save_splits(tmp_path / "data", noise))
    assert script.main([run.place, "--evaluate.no-baselines", "--evaluate.split", "val"]) == 0
    results = json.loads((run.folder / "results.json").read_text())
    assert results["baselines"] == {} and results["windows"] == 1 and results["protocol"]["split"] == "val"
    assert (run.folder / "leads.png").exists() and not (run.folder / "forecasts").exists()


def test_remote_run(s3, tmp_path, noise):
    """The results and pictures of a run that lies elsewhere lie beside it."""
    run = save_run(f"{s3}/runs/r", save_splits(tmp_path / "data", noise))
    run.push()
    assert script.main([run.place, "--pictures", "1"]) == 0
    assert json.loads(storage.read(f"{s3}/runs/r/results.json"))["windows"] == 3
    assert storage.names(f"{s3}/runs/r/forecasts") == ["00000_test_a.npz_0.gif", "00000_test_a.npz_0.png"]


def test_no_motion_from_one_frame(go, tmp_path, noise, capsys):
    run = save_run(tmp_path / "r", save_splits(tmp_path / "data", noise), frames=1)
    results = go(run)
    assert results["baselines"].keys() == {"last_frame", "mean_frame"}
    assert "needs two input frames" in results["protocol"]["left_out"]["advected"]
    assert "advected: left out: The advection baseline needs two" in capsys.readouterr().out


# === What is wrong ===


def test_bad_options(go, run):
    for args, message in (
        ("--evaluate.metrics mze", "--evaluate.metrics: unknown 'mze'. Did you mean mse"),
        ("--evaluate.metrics rian", "unknown 'rian'. Did you mean rain"),
        ("--evaluate.metrics", "--evaluate.metrics must name one at least"),
        ("--evaluate.metrics rain --evaluate.thresholds 1e9", "A rain threshold must lie between"),
        ("--evaluate.batch 0", "--evaluate.batch must be 1 or more"),
        ("--pictures -1", "--pictures must be 0 or more"),
    ):
        with pytest.raises(UserError, match=message):
            go(run, args)
    with pytest.raises(UserError, match="--out must be a local path"):
        script.main([run.place, "--out", "s3://bucket/x"])


def test_other_frames(go, run, tmp_path):
    folder = save_splits(tmp_path / "other", {"a": np.zeros((5, 8, 12, 1), np.uint8)})
    with pytest.raises(UserError, match=r"takes frames of 16 x 20 x 1 .* has 8 x 12 x 1. Resize .* --data.size 16 20"):
        go(run, f"--data.path {folder}")
    assert go(run, f"--data.path {folder} --data.size 16 20")["windows"] == 1
    folder = save_splits(tmp_path / "rgb", {"a": np.zeros((5, HEIGHT, WIDTH, 3), np.uint8)})
    with pytest.raises(UserError, match="has 16 x 20 x 3. Choose a --data.path of 1 channels"):
        go(run, f"--data.path {folder}")


def test_another_number_of_frames(go, tmp_path, noise):
    run = save_run(tmp_path / "r", save_splits(tmp_path / "data", noise), length=J)
    with pytest.raises(UserError, match="takes 3 frames. Received: 2. Evaluate with --data.frames 3"):
        go(run, "--data.frames 2")


def test_a_model_that_diverged(go, run, tmp_path, noise):
    broken = save_run(tmp_path / "r", run.experiment.data.path)
    model = broken.load_model()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    broken.save_model(model)
    with pytest.raises(UserError, match="Forecasts must be finite numbers; .* The model has diverged"):
        go(broken)


def test_splits_without_windows(run, monkeypatch):
    source = windows.open_sequences(run.experiment.data, K, 0)
    monkeypatch.setattr(source, "windows", lambda split: 0)
    with pytest.raises(UserError, match="The split test of .* has no windows. Choose another --evaluate.split"):
        evaluation.measure({}, source, run.experiment.data, MODEL, run.experiment.evaluate)


def test_files_that_were_trained_on(go, tmp_path):
    """Longer windows leave short files out, so that the others are split in another way."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(20):
        np.savez(folder / f"{n:02d}.npz", rng.integers(0, 256, (5 if n < 10 else 9, HEIGHT, WIDTH), np.uint8))
    run = save_run(tmp_path / "r", folder)
    for args in ("--data.step 2", "--data.frames 7", "--data.test 0.6"):
        with pytest.raises(UserError, match="the split test holds files that the run was trained or validated on"):
            go(run, args)
    own = run.experiment.data
    for changes, split in (({}, "test"), ({"test_hop": 1}, "test"), ({"step": 2}, "train")):
        data = dataclasses.replace(own, **changes)
        evaluation.check_unseen(run, windows.open_sequences(data, K, 0), data, split)


def test_a_file_that_breaks(go, run, tmp_path, monkeypatch):
    source = windows.open_sequences(run.experiment.data, K, 0)

    def window(split, index, epoch=0):
        raise UserError("b.npz cannot be read")

    monkeypatch.setattr(source, "window", window)
    with pytest.raises(UserError, match="b.npz cannot be read"):
        evaluation.measure({}, source, run.experiment.data, MODEL, run.experiment.evaluate)
