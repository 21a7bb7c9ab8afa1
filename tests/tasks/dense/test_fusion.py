"""evaluate.py RUN --fuse OTHERS on dense labels: the weighted mean of what several models say of every frame."""

import json
from pathlib import Path

import numpy as np
import pytest
from moments import write_set
from sklearn.metrics import average_precision_score
from tiny_runs import BACKBONE, trained

import evaluate
from videorec.config import UserError
from videorec.data.moments import tables
from videorec.data.moments.frame_labels import frame_labels
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.inference.labeller import FusedLabeller, Labeller
from videorec.runs.run import Run

TINY = f"{BACKBONE} --model.target dense --model.trainable-from all --data.resize 32 32 --data.crop 32 32 --data.frames 20"
TINY += " --train.batch 4 --train.epochs 1 --train.warmup-epochs 0"
FORMS = {
    "first": "frame_average --data.fps 10",
    "both_ways": "lrcn --data.fps 10 --model.units 3 --model.bidirectional --data.resize 24 32 --data.crop 24 24",
    "motion": "frame_average --data.fps 10 --data.stream flow",
    "slow": "frame_average --data.fps 5",
    "alone": "frame_average --data.fps 10 --data.single --model.exclusive",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Videos with moments of two classes, one at a time, and runs on them."""
    folder = tmp_path_factory.mktemp("moments")
    write_set(folder, {"train": 4, "val": 2, "test": 2}, overlap=False)
    for name, form in FORMS.items():
        preset, args = form.split(" ", 1)
        trained(preset, f"{TINY} {args} --data.path {folder}/table.csv", name, folder / "runs")
    return folder


def results(folder: Path, args: str) -> dict:
    assert evaluate.main([str(folder / "runs/first"), *args.split(), "--out", str(folder / "out")]) == 0
    return json.loads((folder / "out/results.json").read_text())


def probabilities(folder: Path, name: str, video: tables.DenseVideo) -> np.ndarray:
    run = Run(folder / "runs" / name)
    return Labeller(run.load_model(), run.experiment.data, 16).probabilities(video, Problems(1, 1.0))


def mean_average_precision(folder: Path, weights: dict[str, float], shorter: int = 0) -> float:
    """Of the two test videos; the last `shorter` frames of each are left out."""
    fused, true = [], []
    for video in tables.read(folder / "table.csv")[-2:]:
        parts = [weight * probabilities(folder, name, video).astype(float) for name, weight in weights.items()]
        frames = min(map(len, parts))
        fused.append(sum(part[:frames] for part in parts) / sum(weights.values()))
        true.append(frame_labels(video, ("green", "red"), 10.0, frames)[0])
        assert len(parts[0]) == frames + shorter
    fused, true = np.concatenate(fused), np.concatenate(true)
    return np.mean([average_precision_score(true[:, c], fused[:, c]) for c in (0, 1)])


@pytest.mark.parametrize(
    "others, weights, shorter",
    [({"both_ways": 1.0}, "", 0), ({"both_ways": 3.0, "motion": 2.0}, "--weights 1 3 2", 1)],
    ids=["equal", "weights"],
)
def test_figures_are_those_of_the_weighted_mean(folder, others, weights, shorter):
    """Each model sees the frames in its own way: of another size, in both directions, as motion, which has one frame less."""
    measured = results(folder, f"--fuse {' '.join(f'{folder}/runs/{name}' for name in others)} {weights}")
    shares = {"first": 1.0, **others}
    assert measured["map"] == pytest.approx(mean_average_precision(folder, shares, shorter), abs=1e-6)
    assert measured["protocol"]["runs"] == {f"{folder}/runs/{name}": weight for name, weight in shares.items()}
    assert "whole videos at once" in measured["protocol"]["videos"]  # lrcn, for one
    assert measured["frames"] == 80 + 81 - 2 * shorter


def test_the_frame_that_motion_lacks_is_said_and_others_are_not_cut(folder, caplog):
    caplog.set_level("INFO")
    results(folder, f"--fuse {folder}/runs/both_ways")
    assert "is left out" not in caplog.text
    results(folder, f"--fuse {folder}/runs/motion")
    assert "the last frame of each video, after which there is none, is left out" in caplog.text

    class Given:
        """As a `Labeller` of so many frames."""

        data, whole = Run(folder / "runs/first").experiment.data, None

        def __init__(self, frames):
            self.answers = np.full((frames, 2), frames / 10, np.float32)

        def probabilities(self, video, problems):
            return self.answers

    video = tables.read(folder / "table.csv")[-1]
    fused = FusedLabeller([Given(4), Given(5)], [3.0, 1.0]).probabilities(video, Problems(1, 1.0))
    np.testing.assert_allclose(fused, np.full((4, 2), 0.425), atol=1e-6)
    with pytest.raises(Unreadable, match="see 5 and 3 frames of it"):
        FusedLabeller([Given(5), Given(3)], [1.0, 1.0]).probabilities(video, Problems(1, 1.0))


def test_a_timeline_is_of_the_mean_too(folder):
    video, out = tables.read(folder / "table.csv")[-1], folder / "lines"
    args = ["--timeline", video.path, "--fuse", f"{folder}/runs/both_ways", "--weights", "0", "1", "--out", str(out)]
    assert evaluate.main([f"{folder}/runs/first", *args]) == 0
    assert evaluate.main([f"{folder}/runs/both_ways", "--timeline", video.path, "--out", f"{out}/alone"]) == 0
    fused, alone = (
        json.loads((place / f"timelines/{Path(video.path).stem}.json").read_text()) for place in (out, out / "alone")
    )
    assert fused == alone


@pytest.mark.parametrize(
    "args, message",
    [
        (
            "--fuse {0}/both_ways {0}/both_ways/ --weights 2 1 1",
            "must be named once each; --weights gives one of them more weight",
        ),
        ("--fuse {}/../runs/first", "must be named once each"),
        ("--fuse {}/slow", "must label as many frames a second. .*first: 10; .*slow: 5"),
        ("--fuse {}/alone", "must learn the same. .*first learns dense, target dense; .*alone learns .*dense, exclusive"),
        ("--fuse {}/both_ways --weights 1", "--weights must be 2 numbers"),
        ("--weights 1 2", "--weights must be 1 numbers"),
        ("--fuse {}/nothing", "nothing is no run folder"),
    ],
)
def test_what_cannot_be_fused_is_refused_before_a_model_is_loaded(folder, args, message, monkeypatch):
    monkeypatch.setattr(Run, "load_model", lambda self: pytest.fail("a model was loaded"))
    with pytest.raises(UserError, match=message):
        results(folder, args.format(folder / "runs"))


def test_videos_that_another_run_was_trained_on_are_named(folder, caplog):
    """The same videos, in other splits: the two for testing trained it."""
    table = (folder / "table.csv").read_text()
    swapped = table.replace(",test", ",x").replace(",train", ",test").replace(",x", ",train")
    (folder / "swapped.csv").write_text(swapped)
    preset, args = FORMS["first"].split(" ", 1)
    trained(preset, f"{TINY} {args} --data.path {folder}/swapped.csv", "swapped", folder / "runs")
    results(folder, f"--fuse {folder}/runs/both_ways")
    assert "trained the run" not in caplog.text
    results(folder, f"--fuse {folder}/runs/swapped")
    assert "runs/swapped: of these 2 videos, 2 trained the run and 0 validated it" in caplog.text
