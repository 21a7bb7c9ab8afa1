"""Clips of prepared pictures are those of the videos, but for JPEG; evaluate.py reads them by the same settings."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import evaluate
from videorec import models
from videorec.config import Data, Experiment, UserError
from videorec.data import manifest, pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.problems import Problems
from videorec.models.lrcn import LRCN
from videorec.runs.run import Run
from videorec.tools import prepare

SIZE = {"resize": (32, 32), "crop": (32, 32)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, synthetic):
    """The manifest of the 16 videos of two classes, and the folder of their prepared pictures, both streams."""
    folder = tmp_path_factory.mktemp("prepared")
    manifest.write(folder / "m.csv", [video for video in manifest.read(synthetic) if video.labels[0] in ("left", "up")])
    options = "--short-side 32 --quality 100 --stream both".split()
    assert prepare.main([str(folder / "m.csv"), str(folder / "out"), *options]) == 0
    return str(folder / "m.csv"), str(folder / "out")


def clips(path: str, stream: str, name: str, clips: int = 1, **settings) -> tuple[list[dict], list[dict]]:
    """Plain and training clips of one video as the pipeline gives them to the model."""
    data = Data(path=path, stream=stream, frames=4, augment=False, workers=1, **(SIZE | settings))
    (video,) = [row for row in sources.find(data) if row.path.endswith(name)]
    reader = ClipReader(data, Problems(1, 0.0))
    plain = [inputs for inputs, *_ in pipeline.evaluation([video], data, reader, clips, 1, 1).as_numpy_iterator()]
    random = pipeline.load_frames([video], data, reader, seed=0)
    return plain, [{name: x.numpy() for name, x in random(0, epoch)[0].items()} for epoch in range(2)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"sampling": "dense", "clips": 0, "hop": 3},
        {"sampling": "dense", "step": 2, "clips": 2},
        {"sampling": "first"},
        {"fps": 5.0, "stream": "rgb"},
    ],
)
def test_same_clips_as_from_the_videos(folders, settings):
    stream = settings.get("stream", "both")
    name = "/".join(Path(manifest.read(folders[0])[0].path).parts[-2:])
    rest = {key: value for key, value in settings.items() if key != "stream"}
    from_videos, from_pictures = (clips(path, stream, name, **rest) for path in folders)
    for ours, theirs in zip(from_pictures, from_videos, strict=True):
        assert len(ours) == len(theirs) > 0
        for a, b in zip(ours, theirs, strict=True):
            assert a.keys() == b.keys() == set(Data(stream=stream).streams)
            for key in a:
                assert a[key].shape == b[key].shape and a[key].dtype == np.uint8
                assert np.abs(a[key].astype(int) - b[key]).mean() < 3, key


def test_evaluation_gives_what_it_gives_of_the_videos(folders, tmp_path):
    """Of a network with random weights, which needs no training."""
    data = Data(path=folders[1], stream="flow", frames=4, workers=2, **SIZE)
    experiment = Experiment("x", data, LRCN(backbone="tiny", weights=None, units=8))
    run = Run.create(tmp_path / "x", experiment, ("left", "up"))
    keras.utils.set_random_seed(0)
    run.save_model(models.for_experiment(experiment, 2))
    assert evaluate.main([str(run.folder)]) == 0
    assert json.loads((run.folder / "results.json").read_text())["videos"] == 4
    assert evaluate.main([str(run.folder), "--data.path", folders[0], "--out", str(tmp_path / "videos")]) == 0
    a, b = (
        np.loadtxt(f"{folder}/predictions.csv", delimiter=",", skiprows=1, usecols=range(4, 6))
        for folder in (run.folder, tmp_path / "videos")
    )
    assert np.abs(a - b).max() < a.std(axis=0).max()  # JPEG changes less than the next video


def test_what_was_not_prepared_is_an_error(folders):
    with pytest.raises(UserError, match=r"short.side"):
        ClipReader(Data(path=folders[1], stream="flow", resize=(64, 64), crop=(64, 64)), Problems(1, 0.0))
    with pytest.raises(UserError, match=r"fps"):
        ClipReader(Data(path=folders[1], stream="flow", fps=5.0, **SIZE), Problems(1, 0.0))
