"""From the command lines: flow alone, both streams in one model, late fusion, and flow from an RGB run's weights."""

import json

import cv2
import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from videorec.config import UserError
from videorec.features.store import FeatureStore
from videorec.runs.run import Run

SMALL = (
    "--data.frames 4 --data.resize 32 32 --data.crop 32 32 --data.workers 2 --data.no-augment --train.batch 8 --train.epochs 1 "
    "--train.cache-dir cache --train.warmup-epochs 0"
)
LRCN = "--model.backbone tiny --model.weights None --model.tap fc --model.units 8"
PARTS = " ".join(LRCN.replace("--model.", f"--model.{stream}.") for stream in ("rgb", "flow"))


@pytest.fixture
def go(tmp_path, monkeypatch, synthetic):
    """Train a preset and evaluate it, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(preset, name, args, more=""):
        keras.backend.clear_session()
        assert train.main(f"{preset} --name {name} --data.path {synthetic} {SMALL} {args}".split()) == 0
        assert evaluate.main(f"runs/{name} {more}".split()) == 0
        return Run(f"runs/{name}")

    return run


def tags(run: Run) -> set[str]:
    events = EventAccumulator(str(run.tensorboard / "train"))
    events.Reload()
    return set(events.Tags()["tensors"])


def results(run: Run) -> dict:
    return json.loads((run.folder / "results.json").read_text())


def weights_of(run: Run, layer: str) -> list[np.ndarray]:
    return run.load_model().get_layer(layer).get_weights()


def test_flow_network_starts_from_the_frames_and_is_fused_with_them(go):
    rgb = go("lrcn", "rgb", LRCN)
    flow = go("lrcn", "flow", f"{LRCN} --data.stream flow --train.init runs/rgb --train.learning-rate 1e-9 --model.dropout 0")
    assert {"flow", "learning_rate"} <= tags(flow) and "clips" not in tags(flow)
    for ours, theirs in zip(weights_of(flow, "flow_backbone"), weights_of(rgb, "rgb_backbone"), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(weights_of(flow, "steps"), weights_of(rgb, "steps"), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert evaluate.main("runs/rgb --fuse runs/flow --weights 1 2".split()) == 0
    assert results(rgb)["protocol"]["runs"] == {"runs/rgb": 1.0, "runs/flow": 2.0}


@pytest.mark.parametrize("cache", ["cache", "no-cache"])
def test_two_streams_of_unlike_rate_and_length(go, cache):
    lengths = "--data.sampling dense --data.flow.frames 3 --data.flow.fps 5"
    run = go("two_stream", "both", f"{PARTS} {lengths} --train.{cache}", "--evaluate.clips 2")
    assert {"clips", "flow", "learning_rate"} <= tags(run)
    assert set(results(run)["streams"]) == {"rgb", "flow"}
    model = run.load_model()
    assert set(model.input) == {"rgb", "flow"}
    if cache == "cache":
        (first, *_) = run.folder.parent.parent.glob("cache/*/*/*.zip")
        assert {name: len(array) for name, array in FeatureStore.read(first).items()} == {"rgb": 4, "flow": 3}
    with pytest.raises(UserError, match=r"--evaluate\.clips must be 1 or more"):
        evaluate.main("runs/both --evaluate.clips 0".split())


def test_parts_start_from_runs_of_their_own(go):
    rgb = go("lrcn", "rgb", LRCN)
    flow = go("lrcn", "flow", f"{LRCN} --data.stream flow --train.seed 1")
    both = go("two_stream", "both", f"{PARTS} --train.init runs/rgb runs/flow --train.learning-rate 1e-9")
    for part, single in (("rgb", rgb), ("flow", flow)):
        for name in (f"{part}_backbone", f"{part}_stream"):
            theirs = single.load_model()
            theirs = theirs.get_layer(name).get_weights() if "backbone" in name else heads(theirs)
            ours = both.load_model().get_layer(name).get_weights()
            assert len(ours) == len(theirs)
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a, b, atol=1e-6)
    # Late fusion of the same two networks: the mean of their probabilities is what the joint model gives.
    assert evaluate.main("runs/rgb --fuse runs/flow".split()) == 0
    assert results(rgb)["accuracy"] == pytest.approx(results(both)["accuracy"])


def heads(model: keras.Model) -> list[np.ndarray]:
    return [w for layer in model.layers if not layer.name.endswith("_backbone") for w in layer.get_weights()]


def test_videos_of_one_frame_are_counted_and_left_out(go, tmp_path, synthetic):
    """A picture has no motion: it is named in the results, and the others are measured."""
    go("lrcn", "flow", f"{LRCN} --data.stream flow")
    folder = tmp_path / "others" / "left"
    (folder / "one").mkdir(parents=True)
    (folder / "many").mkdir()
    for path, frames in ((folder / "one", 1), (folder / "many", 9)):
        for k in range(frames):
            cv2.imwrite(str(path / f"{k}.png"), np.full((32, 32, 3), 20 * k, np.uint8))
    assert evaluate.main(f"runs/flow --data.path {tmp_path}/others --data.max-unreadable 1 --out out".split()) == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["videos"] == 1
    assert list(found["unreadable"].values()) == ["a single frame: no motion can be measured"]


def test_model_and_streams_must_go_together(go):
    with pytest.raises(UserError, match=r"needs rgb and flow.*--data\.stream both"):
        go("two_stream", "x", f"{PARTS} --data.stream rgb")
    with pytest.raises(UserError, match="takes one stream"):
        go("lrcn", "x", f"{LRCN} --data.stream both")
