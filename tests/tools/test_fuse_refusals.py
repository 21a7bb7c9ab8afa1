"""`videorec.tools.fuse`: which videos count as seen, what is refused, and that nothing is left half done."""

import dataclasses
from pathlib import Path

import pytest
from fusable_runs import GRU, SMALL, fusable_run, fused

import train
from videorec.config import Data, UserError
from videorec.data import manifest
from videorec.runs.run import Run
from videorec.tools import explain, fuse, fuse_work

START = "--train.init runs/x --model.weights None --model.backbone tiny --model.tap fc --data.frames 2"


# === What was seen in training ===


def test_a_video_that_a_member_was_trained_on_is_not_measured(here, synthetic, tmp_path, caplog):
    folder = tmp_path / "classes"
    for video in manifest.read(synthetic)[::3]:
        place = folder / video.labels[0] / Path(video.path).name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(video.path)
    runs = [fusable_run(tmp_path / f"runs/f{seed}", folder, seed, GRU, splits=seed) for seed in (0, 1)]
    splits = [{entry.path: entry.split for entry in run.record.entries} for run in runs]
    assert splits[0] != splits[1]
    merged = {entry.path: entry.split for entry in fused("f0 f1").record.entries}
    order = ("train", "val", "test")
    assert merged == {path: min(splits[0][path], splits[1][path], key=order.index) for path in splits[0]}
    moved = [path for path in merged if splits[0][path] == "test" != merged[path]]
    count = sum(split == "test" for split in splits[0].values())
    assert moved and f"{len(moved)} of the {count} test videos of runs/f0 were seen by another member" in caplog.text
    assert f"{list(merged.values()).count('test')} test videos are left" in caplog.text


def test_runs_of_other_videos(here, synthetic, tmp_path):
    rows = manifest.read(synthetic)
    manifest.write(tmp_path / "fewer.csv", rows[:-1])
    fusable_run(tmp_path / "runs/fewer", tmp_path / "fewer.csv", 1)
    with pytest.raises(
        UserError, match="must be of the same videos.*runs/s0: 64 videos, runs/fewer: 63, 1 of them in one alone"
    ):
        fused("s0 fewer")
    other = {"train": "test", "test": "train", "val": "val"}
    manifest.write(tmp_path / "turned.csv", [dataclasses.replace(row, split=other[row.split]) for row in rows])
    fusable_run(tmp_path / "runs/turned", tmp_path / "turned.csv", 1)
    merged = fused("s0 turned").record
    assert {entry.split for entry in merged.entries} == {"train", "val"}


# === Whole or not at all; what is refused ===


def test_interrupted_nothing_is_left(here, monkeypatch):
    before = sorted(path.name for path in Path("runs").iterdir())

    def stop(self, model):
        (self.folder / "model.keras").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "save_model", stop)
    with pytest.raises(KeyboardInterrupt):
        fused("s0 s1")
    assert sorted(path.name for path in Path("runs").iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("s0", "Give two runs or more. Received: runs/s0"),
        ("s0 s0", "must be named once each"),
        ("s0 ../runs/s0", "must be named once each"),
        ("s0 nowhere", "runs/nowhere is no run folder"),
        ("s0 s1 --weights 1", "--weights must be 2 numbers of 0 or more, not all 0: one for each run. Received: 1.0"),
        ("s0 s1 --weights 0 0", "not all 0"),
        ("s0 s1 --runs s3://bucket/runs", "--runs must be a local path"),
    ],
)
def test_refused(here, words, said):
    with pytest.raises(UserError, match=said):
        fused(words.replace("--runs s3", "--runs=s3"))
    assert not Path("runs/x").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            {"frames": 5},
            "runs/other and runs/s0 differ in what they see of rgb: frames 5 and 4. Fuse runs .* same --data settings",
        ),
        ({"resize": (28, 32), "fps": 5.0}, "fps 5.0 and none; resize 28 32 and 24 32"),
        ({"crop": (20, 20), "short": "repeat"}, "crop 20 20 and 20 24; short repeat and hold"),
        ({"sampling": "dense", "step": 2}, "sampling dense and uniform"),
        ({"stream": "flow", "fps": 5.0}, None),
        (
            {"stream": "flow", "resize": (28, 32)},
            "runs/other and one model of both streams differ in what they see of flow: resize",
        ),
    ],
)
def test_members_of_one_model_are_fed_alike(here, synthetic, data, said):
    fusable_run(here / "runs/other", synthetic, 1, GRU, **data)
    if said is None:
        assert fused("s0 other").experiment.data.of("flow").fps == 5.0
        return
    with pytest.raises(UserError, match=said):
        fused("s0 other")


def test_flow_at_every_frame_beside_frames_at_a_rate():
    """There is no such setting of both: `data.flow.fps` none means that of the frames."""
    rgb, flow = Data(fps=5.0, **SMALL), Data(stream="flow", **SMALL)
    joined = fuse_work.joint_data([rgb, flow])
    assert fuse_work.fed(joined, "rgb") == fuse_work.fed(rgb, "rgb")
    assert fuse_work.fed(joined, "flow")["fps"] == 5.0 != fuse_work.fed(flow, "flow")["fps"]


def test_what_the_steps_of_frames_spread_evenly_are_does_not_count():
    one, other = (fuse_work.fed(Data(step=step, **SMALL), "rgb") for step in (1, 2))
    assert one == other
    dense = [fuse_work.fed(Data(step=step, sampling="dense", **SMALL), "rgb") for step in (1, 2)]
    assert dense[0] != dense[1]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("s0", "trained/several_labels", "must learn the same"),
        ("s0", "trained/clips", "must have the same classes"),
        ("trained/moments", "s0", "Recognisers of clips are fused. .*moments is of the task dense"),
    ],
)
def test_runs_that_learn_something_else(here, old_runs, first, second, said):
    places = [str(old_runs / name) if "/" in name else f"runs/{name}" for name in (first, second)]
    with pytest.raises(UserError, match=said):
        fuse.main([*places, "--name", "x"])


def test_nothing_is_overwritten(here):
    Path("runs/x").mkdir()
    with pytest.raises(UserError, match="Nothing is overwritten, and runs/x is there already: choose another --name"):
        fused("s0 s1")


def test_it_is_not_trained(here):
    fused("s0 s1")
    with pytest.raises(UserError, match="ensemble is not trained: videorec.tools.fuse makes it"):
        train.main("--config runs/x/config.json --name again".split())
    with pytest.raises(UserError, match="x was made of others by videorec.tools.fuse, and has no state to go on with"):
        train.main(f"lrcn --name x --data.path {Run('runs/s0').experiment.data.path} --model.weights None".split())
    with pytest.raises(UserError, match="is several runs fused .*give one of them to --train.init"):
        train.main(f"lrcn --name y {START} --data.path {Run('runs/s0').experiment.data.path}".split())
    assert not Path("runs/y").exists()
    with pytest.raises(UserError, match="One network is explained at a time. runs/x is several: .*runs/s0, runs/s1"):
        explain.main(["runs/x", "my.mp4"])
