"""`videorec.tools.compare` on trained runs."""

import json
import math
import shutil
from pathlib import Path

import keras
import pytest

import evaluate
from videorec.config import UserError
from videorec.runs.run import Run
from videorec.tasks.figures import Figure
from videorec.tools import compare, compare_runs
from videorec.tools.compare_table import header

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="runs are trained, and their graphs counted, with TensorFlow"
)

COLUMNS = header(("accuracy", "mean class accuracy"))
RESULTS = compare_runs.Results((Figure("accuracy", 0.5),), "16 test, 1 x 1")
# The quick start's network on 16 x 16: three convolutions of stride 2 and one of stride 1, `squeeze`, `fc`, LSTM, `steps`.
HEAD_PARAMETERS = 4 * 8 * (64 + 8 + 1) + 9 * 8
PARAMETERS = 28 * 16 + 145 * 32 + 289 * 64 + 577 * 64 + 65 * 16 + (2 * 2 * 16 + 1) * 64 + HEAD_PARAMETERS
CNN = 64 * 27 * 16 + 16 * 144 * 32 + 4 * 288 * 64 + 4 * 576 * 64 + 4 * 64 * 16 + 64 * 64
MULTIPLICATIONS = CNN + 4 * 8 * (64 + 8) + 8 * 8


def change(file: Path, how) -> None:
    """Change what a JSON file holds in place."""
    content = json.loads(file.read_text())
    how(content)
    file.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def runs(small_runs, tmp_path_factory):
    """The folder of `small_runs` with a third one, b: as a, with another seed and other results."""
    folder = shutil.copytree(small_runs, tmp_path_factory.mktemp("compare") / "x")
    shutil.copytree(folder / "runs/a", folder / "runs/b")
    change(folder / "runs/b/config.json", lambda config: config["train"].update(seed=1))
    change(folder / "runs/b/results.json", lambda results: results.update(accuracy=0.1 + 0.8 * (results["accuracy"] < 0.5)))
    return folder


@pytest.fixture
def here(runs, monkeypatch):
    monkeypatch.chdir(runs)


@pytest.fixture
def copy(here, tmp_path):
    """A copy of the run a, to be damaged."""
    return shutil.copytree("runs/a", tmp_path / "a")


def test_the_table_of_trained_runs(here, capfd):
    capfd.readouterr()
    assert compare.main(["runs/a", "runs/frozen", "runs/b", "runs/a", "--markdown", "--repeats", "2"]) == 0
    *lines, accuracy, mean = capfd.readouterr().out.splitlines()  # nothing else, from TensorFlow neither
    assert accuracy.startswith("accuracy: video accuracy: share of videos") and mean.startswith(
        "mean class accuracy: mean over"
    )
    assert len(lines) == 4 and all(line.startswith("| ") for line in lines)
    first, second = (dict(zip(COLUMNS, line.strip("| ").split(" | "), strict=True)) for line in lines[2:])
    assert (first["run"], first["seeds"], second["run"], second["seeds"]) == ("a", "2", "frozen", "1")
    a, b, frozen = (json.loads(Path(f"runs/{name}/results.json").read_text()) for name in ("a", "b", "frozen"))
    low, high = sorted([a["accuracy"], b["accuracy"]])
    assert first["accuracy"] == f"{(low + high) / 2:.3f} ({low:.3f} to {high:.3f})"
    assert second["mean class accuracy"] == f"{frozen['mean_class_accuracy']:.3f}"
    assert first["measured on"] == second["measured on"] == "16 test, 1 x 1"
    assert first["parameters"] == first["trained"] == second["parameters"] == f"{PARAMETERS:,}"
    assert second["trained"] == f"{HEAD_PARAMETERS:,}"
    assert first["MFLOPs a frame"] == second["MFLOPs a frame"] == f"{2 * MULTIPLICATIONS / 1e6:.1f}"
    assert float(first["ms a clip"]) > 0


def test_one_run_measured(here):
    run = Run("runs/a")
    row = compare_runs.measure(run, compare_runs.read_results(run), 1)
    assert row.megaflops == 2 * MULTIPLICATIONS / 1e6
    state = run.last_state()
    assert row.seconds == state["counters"]["seconds"] > 0


def test_another_protocol_shows(copy):
    evaluate.main(f"{copy} --evaluate.split val --evaluate.clips 2 --evaluate.crops 3 --fuse runs/b".split())
    assert compare_runs.read_results(Run(copy)).protocol == "16 val, 2 x 3, 2 runs fused"
    evaluate.main(f"{copy} --data.exclude up".split())
    assert compare_runs.read_results(Run(copy)).protocol == "14 test, 1 x 1 without up"


def test_figures_of_other_data_are_not_believed(copy):
    folder = Run("runs/a").experiment.data.path.removesuffix("/manifest.csv")
    evaluate.main(f"{copy}".split())
    before = (copy / "results.json").read_bytes()
    evaluate.main(f"{copy} --data.path {folder}".split())
    assert (copy / "results.json").read_bytes() == before
    (other,) = copy.glob("results/*/results.json")
    (copy / "results.json").write_bytes(other.read_bytes())
    with pytest.raises(UserError, match=f"figures of other data, {folder}. Measure the run's own: python evaluate.py"):
        compare_runs.read_results(Run(copy))
    # Of an earlier version the paths tell it.
    results = json.loads(other.read_text())
    del results["protocol"]["own_data"]
    (copy / "results.json").write_text(json.dumps(results))
    with pytest.raises(UserError, match="figures of other data"):
        compare_runs.read_results(Run(copy))


def test_an_evaluation_that_was_stopped_is_not_believed(copy):
    (copy / "results.json").write_text(json.dumps({"unfinished": "an evaluation was stopped", "files": []}))
    with pytest.raises(UserError, match="is not finished: an evaluation was stopped.*python evaluate.py"):
        compare_runs.read_results(Run(copy))


def test_a_run_from_before_its_seconds_were_counted(copy):
    file = copy / "state" / "state.json"
    change(file, lambda states: [state["counters"].pop("seconds") for state in states])
    assert math.isnan(compare_runs.measure(Run(copy), RESULTS, 1).seconds)
    shutil.rmtree(copy / "state")
    assert math.isnan(compare_runs.measure(Run(copy), RESULTS, 1).seconds)


def test_a_run_without_results(copy):
    (copy / "results.json").unlink()
    with pytest.raises(UserError, match=f"{copy} has no results yet: python evaluate.py {copy}"):
        compare.main(["runs/b", str(copy)])


@pytest.mark.parametrize("content", ["{", "[]", '{"accuracy": 1.0}', "\udcff"])
def test_damaged_results(copy, content):
    (copy / "results.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=f"{copy}/results.json cannot be read: .* python evaluate.py {copy}"):
        compare.main([str(copy)])


def test_a_forecaster_is_in_a_table_of_its_own(here, task_runs, capfd):
    forecaster = task_runs["forecasting"]
    capfd.readouterr()
    assert compare.main(["runs/a", forecaster.place, "--markdown", "--repeats", "1"]) == 0
    lines = capfd.readouterr().out.splitlines()
    first, second = (number for number, line in enumerate(lines) if line.startswith("| run |"))
    names, values = ([cell.strip() for cell in lines[n].strip("|").split("|")] for n in (second, second + 2))
    assert "mse" not in lines[first] and "accuracy" not in names
    results = json.loads((forecaster.folder / "results.json").read_text())["frames"]
    shown = dict(zip(names, values, strict=True))
    assert float(shown["mse"].replace(",", "")) == pytest.approx(results["mse"]["value"], abs=0.051)
    assert float(shown["ssim"]) == pytest.approx(results["ssim"]["value"], abs=0.0006)
    assert shown["measured on"] == "8 test windows, 3 + 2 frames"
    assert any(line.startswith("mse: squared error summed over pixels") for line in lines)


@pytest.mark.parametrize("damage", ["gone", "truncated"])
def test_a_model_that_cannot_be_read(copy, damage):
    model = copy / "model.keras"
    content = model.read_bytes()
    model.unlink()
    if damage == "truncated":
        model.write_bytes(content[:1000])
    with pytest.raises(UserError, match=f"{model} .* python train.py PRESET --name a --train.no-resume"):
        compare.main([str(copy)])


@pytest.mark.parametrize(
    "args, message",
    [
        ("runs/c", "runs/c is no run folder: .*Runs in runs: a, b, frozen"),
        ("runs/a --repeats 0", "--repeats must be 1 or more. Received: 0"),
        ("", "at least one run folder"),
    ],
)
def test_wrong_arguments(here, args, message):
    with pytest.raises(UserError, match=message):
        compare.main(args.split())
