"""From the command lines: flow alone, both streams in one model, late fusion, and flow from an RGB run's weights."""

import cv2
import numpy as np
import pytest
from tiny_runs import BACKBONE, TINY, curves, measured, tags, trained

from videorec.config import UserError
from videorec.features.store import FeatureStore
from videorec.runs.run import Run

# The first frames of a video: those of frames and flow together are those of frames alone.
SMALL = f"{TINY} --data.sampling first --data.resize 32 32 --data.crop 32 32 --data.no-augment --train.epochs 1"
LRCN = f"{BACKBONE} --model.tap fc --model.units 8"
PARTS = " ".join(LRCN.replace("--model.", f"--model.{stream}.") for stream in ("rgb", "flow"))
HARDLY = "--train.learning-rate 1e-9 --model.dropout 0"  # trained


@pytest.fixture(scope="module")
def start(tmp_path_factory, synthetic, training_seed):
    """Train a preset: `start("lrcn", "name", args)`."""
    folder = tmp_path_factory.mktemp("motion")
    fixed = f"{SMALL} --data.path {synthetic} --train.cache-dir {folder}/cache --train.seed {training_seed}"
    return lambda preset, name, args: trained(preset, f"{fixed} {args}", name, folder)


@pytest.fixture(scope="module")
def rgb(start) -> Run:
    """An LRCN on frames."""
    return start("lrcn", "rgb", LRCN)


@pytest.fixture(scope="module")
def flow(start, rgb) -> Run:
    """One on flow, which starts from `rgb` and stays there."""
    return start("lrcn", "flow", f"{LRCN} --data.stream flow --train.init {rgb.folder} {HARDLY}")


def assert_same_weights(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_flow_network_starts_from_the_frames(rgb, flow):
    assert "4 input/clips" in tags(flow) and "loss" in curves(flow)
    first, second = rgb.load_model(), flow.load_model()
    for layer, other in (("rgb_backbone", "flow_backbone"), ("steps", "steps")):
        assert_same_weights(first.get_layer(layer).get_weights(), second.get_layer(other).get_weights())


def test_fusion_of_frames_and_flow(rgb, flow, tmp_path):
    fused = measured(rgb, f"--fuse {flow.folder} --weights 1 2", tmp_path)
    assert fused["protocol"]["runs"] == {rgb.place: 1.0, flow.place: 2.0}


def test_two_streams_of_unlike_rate_and_length(start, tmp_path):
    """The stream of frames is trained from a layer on."""
    args = f"{PARTS} --model.rgb.trainable-from conv4 --train.backbone-rate 0.1 --train.ema 0.9 --train.cache-dir {tmp_path}"
    args += " --data.sampling dense --data.flow.frames 3 --data.flow.fps 5"
    run = start("two_stream", "unlike", args)
    assert "4 input/clips" in tags(run) and "loss" in curves(run)
    assert set(measured(run, "--evaluate.clips 2")["streams"]) == {"rgb", "flow"}
    assert set(run.load_model().input) == {"rgb", "flow"}
    (path, *_) = tmp_path.glob("*/*/*.zip")
    shapes = {name: array.shape for name, array in FeatureStore.read(path).items()}
    assert shapes == {"rgb": (4, 4, 4, 64), "flow": (3, 64)}
    with pytest.raises(UserError, match=r"--evaluate\.clips must be 1 or more"):
        measured(run, "--evaluate.clips 0")


def test_parts_start_from_runs_of_their_own(start, rgb, flow, tmp_path):
    args = f"{PARTS} --train.init {rgb.folder} {flow.folder} --train.learning-rate 1e-9 --train.no-cache"
    both = start("two_stream", "both", args)
    assert "4 input/clips" in tags(both)
    model = both.load_model()
    for part, single in (("rgb", rgb), ("flow", flow)):
        alone = single.load_model()
        backbone = f"{part}_backbone"
        assert_same_weights(model.get_layer(backbone).get_weights(), alone.get_layer(backbone).get_weights())
        heads = [w for layer in alone.layers if not layer.name.endswith("_backbone") for w in layer.get_weights()]
        assert_same_weights(model.get_layer(f"{part}_stream").get_weights(), heads)
    # Late fusion of the same two networks: the mean of their probabilities is what the joint model gives.
    measured(rgb, f"--fuse {flow.folder}", tmp_path / "late")
    measured(both, out=tmp_path / "joint")
    late, joint = (tmp_path / name / "predictions.csv" for name in ("late", "joint"))
    late, joint = (np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(4, 12)) for path in (late, joint))
    np.testing.assert_allclose(late, joint, atol=1e-4)


def test_videos_of_one_frame_are_counted_and_left_out(flow, tmp_path):
    """A picture has no motion: it is named in the results, and the others are measured."""
    folder = tmp_path / "others" / "left"
    (folder / "one").mkdir(parents=True)
    (folder / "many").mkdir()
    for path, frames in ((folder / "one", 1), (folder / "many", 9)):
        for k in range(frames):
            cv2.imwrite(str(path / f"{k}.png"), np.full((32, 32, 3), 20 * k, np.uint8))
    others = measured(flow, f"--data.path {tmp_path}/others --data.max-unreadable 1", tmp_path / "out")
    assert others["videos"] == 1
    assert list(others["unreadable"].values()) == ["a single frame: no motion can be measured"]


def test_model_and_streams_must_go_together(start):
    with pytest.raises(UserError, match=r"needs rgb and flow.*--data\.stream both"):
        start("two_stream", "x", f"{PARTS} --data.stream rgb")
    with pytest.raises(UserError, match="takes one stream"):
        start("lrcn", "x", f"{LRCN} --data.stream both")
