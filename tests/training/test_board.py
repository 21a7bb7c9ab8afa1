"""What TensorBoard serves of runs, read over HTTP and, where Chromium is installed, in the browser."""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from videorec.runs.run import Run
from videorec.training.board.classes import counted
from videorec.training.metrics import Answered

ROOT = Path(__file__).resolve().parents[2]
TASKS = {
    "recognition": "lrcn",
    "dense": "multi_lstm",
    "anticipation": "seq2seq_attention",
    "forecasting": "convlstm_forecaster",
}


@pytest.fixture(scope="module")
def runs(quick_runs, task_runs, tmp_path_factory) -> Path:
    """A run of every task in a folder, named by it."""
    folder = tmp_path_factory.mktemp("board") / "runs"
    for name, run in {"recognition": Run(quick_runs / "a"), **task_runs}.items():
        shutil.copytree(run.folder, folder / name)
    return folder


@pytest.fixture(scope="module")
def url(runs):
    """Where the tool serves them."""
    command = [sys.executable, "-m", "videorec.tools.tensorboard", str(runs), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = re.search(r"http://\S+", process.stdout.readline()).group()
        until = time.monotonic() + 60
        while not {f"{name}/val" for name in TASKS} <= set(got(address, "runs")):
            assert time.monotonic() < until
            time.sleep(1)
        yield address
    finally:
        process.terminate()
        process.wait()


def got(url: str, path: str, data: dict | None = None, **query):
    """The JSON that TensorBoard answers."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(f"{url}data/{path}?{urllib.parse.urlencode(query)}", body)
    request.add_header("Content-Type", "application/json")
    return json.load(urllib.request.urlopen(request, timeout=30))


@pytest.mark.parametrize("name", TASKS)
def test_curves_of_every_task(url, name):
    tags = got(url, "plugin/scalars/tags")
    assert {"1 curves by epoch/loss", "2 curves by step/loss", "2 curves by step/gradient_norm"} <= tags[f"{name}/train"].keys()
    assert {"4 input/waiting_share", "5 input by step/clips_per_second"} <= tags[f"{name}/train"].keys()
    assert "1 curves by epoch/loss" in tags[f"{name}/val"]
    assert min(tags[f"{name}/train"]).startswith("1 curves")
    for tag in ("4 input/waiting_share", "2 curves by step/gradient_norm"):
        points = [value for _, _, value in got(url, "plugin/scalars/scalars", run=f"{name}/train", tag=tag)]
        assert points and min(points) > 0 and (max(points) <= 1 or "share" not in tag)


def test_every_other_kind_of_data(url):
    assert got(url, "plugin/images/tags").keys() >= {"recognition/val", "forecasting/val", "dense/val"}
    texts = got(url, "plugin/text/tags")
    assert {"about/commands", "about/data", "about/settings"} <= set(texts["dense/train"])
    (text,) = got(url, "plugin/text/text", run="recognition/train", tag="about/commands")
    assert "python evaluate.py" in text["text"]
    for plugin in ("histograms", "distributions"):
        tags = got(url, f"plugin/{plugin}/tags")
        assert "6 model/lstm: gates" in tags["recognition/val"] and "6 model/decoder: states" in tags["anticipation/val"]
    curves = got(url, "plugin/pr_curves/tags")
    assert len(curves["recognition/val"]) == 9 and len(curves["dense/val"]) == 3
    assert got(url, "plugin/graphs/info").keys() >= {f"{name}/train" for name in TASKS}
    assert "recognition/val" in got(url, "plugin/projector/runs")


def test_a_row_of_each_run_in_hparams(url):
    experiment = got(url, "plugin/hparams/experiment", {"experimentName": ""})
    assert {"model", "train.learning_rate"} <= {entry["name"] for entry in experiment["hparamInfos"]}
    wanted = {"experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"]}
    wanted |= {"colParams": [{"metric": entry["name"]} for entry in experiment["metricInfos"]], "sliceSize": 10}
    groups = got(url, "plugin/hparams/session_groups", wanted)["sessionGroups"]
    assert sorted(group["hparams"]["model"] for group in groups) == sorted(TASKS.values())
    for group in groups:
        assert any(entry["name"]["tag"] == "1 curves by epoch/loss" for entry in group["metricValues"])


def test_curves_come_first_in_the_browser(url):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("neither chromium nor google-chrome is installed")
    flags = "--headless=new --no-sandbox --disable-gpu --window-size=1400,1000 --virtual-time-budget=20000 --dump-dom".split()
    page = subprocess.run([browser, *flags, f"{url}#timeseries"], capture_output=True, text=True, timeout=120).stdout
    assert "recognition/val" in page and page.index("1 curves by epoch") < page.index("2 curves by step")
    assert "1 curves by epoch/loss" in page  # the section is open: its cards are there


# === By themselves ===


def test_counts_of_a_few_answers():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5]], "float32")
    truth, weight = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], "float32"), np.array([1, 1, 2, 0], "float32")
    counts = counted(Answered(probabilities, truth, weight), thresholds=11)
    for k in range(11):
        for c in range(2):
            said = probabilities[:, c] >= np.float32(k / 10) - 1e-6
            true = truth[:, c] > 0
            wanted = [weight[a & b].sum() for a, b in ((said, true), (said, ~true), (~said, ~true), (~said, true))]
            np.testing.assert_allclose(counts[:, k, c], wanted)
