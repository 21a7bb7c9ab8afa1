"""What a run says of how its model is fed."""

import json

import cv2
import numpy as np
import pytest
from tiny_runs import QUICK, copied, trained

from videorec.config import Data, Experiment, Flow, UserError
from videorec.config.dense import DenseData, DenseEvaluate
from videorec.config.forecasting import Sequences
from videorec.data import manifest
from videorec.models import CLASSES
from videorec.runs import recipe
from videorec.runs.run import Run
from videorec.training import loop


def test_training_leaves_it(quick_runs, synthetic):
    run = Run(quick_runs / "a")
    stored = json.loads((run.folder / "recipe.json").read_text())
    assert run.recipe == stored
    assert stored["task"], stored["target"] == ("recognition", "clip")
    assert stored["classes"] == list(run.classes)
    stream = stored["streams"]["rgb"]
    assert (stream["input"], stream["frames"], stream["any_length"], stream["sampling"]) == ("frames", 4, True, "uniform")
    seconds = [length(video.path) for video in manifest.read(synthetic) if video.split == "train"]
    assert stream["interval"] == pytest.approx(np.median(seconds) / 4, abs=1e-5)  # four parts, one frame of each
    assert stored["pictures"] == {"resize": [20, 20], "crop": [16, 16], "fit": "stretch", "channels": "RGB"}
    assert stored["evaluation"] == {"clips": 1, "crops": 1}


def test_a_run_that_begins_again_has_the_recipe_of_its_own_settings(quick_runs, synthetic, tmp_path, monkeypatch):
    """What a run left that was stopped in its first epoch, with other settings, says nothing of this one."""
    (tmp_path / "x").mkdir()
    for name in ("config.json", "classes.txt"):
        (tmp_path / "x" / name).write_bytes((quick_runs / "a" / name).read_bytes())
    (tmp_path / "x" / "recipe.json").write_bytes((quick_runs / "a" / "recipe.json").read_bytes())
    monkeypatch.setattr(loop, "fit", lambda *_: None)  # the recipe is there before
    run = trained("quickstart", f"--data.path {synthetic} {QUICK} --train.epochs 1 --data.frames 3", runs=tmp_path)
    interval = Run(quick_runs / "a").recipe["streams"]["rgb"]["interval"]
    assert run.recipe["streams"]["rgb"]["frames"] == 3
    assert run.recipe["streams"]["rgb"]["interval"] == pytest.approx(interval * 4 / 3, abs=1e-5)


def length(path: str) -> float:
    capture = cv2.VideoCapture(path)
    return sum(1 for _ in iter(capture.grab, False)) / capture.get(cv2.CAP_PROP_FPS)


def test_older_runs_have_one_too(quick_runs, tmp_path):
    run = copied(Run(quick_runs / "a"), tmp_path / "old")
    expected = run.recipe
    (run.folder / "recipe.json").unlink()
    expected["streams"]["rgb"]["interval"] = None  # only training knows it
    assert run.recipe == expected


DATA = [
    Data(frames=5, fps=4.0, sampling="dense", step=2, hop=3, short="repeat", resize=(20, 30), crop=(16, 18), fit="crop"),
    Data(stream="flow", flow=Flow("farneback", "short_snippets", short_side=40), frames=3, sampling="first", fps=5.0),
    Data(stream="both", flow=Flow(frames=7, fps=8.0, step=3), frames=3, sampling="dense"),
]


@pytest.mark.parametrize("data", DATA)
def test_clips_of_new_videos_are_read_with_the_same_settings(data):
    experiment = Experiment(data=data, model=CLASSES["two_stream" if data.stream == "both" else "lrcn"]())
    again = recipe.data_of(json.loads(recipe.as_text(recipe.make(experiment, ("a", "b")))))
    for stream in data.streams:
        kept, expected = again.of(stream), data.of(stream)
        names = "stream frames fps resize crop fit sampling step short hop".split()
        assert [getattr(kept, name) for name in names] == [getattr(expected, name) for name in names]
        assert stream == "rgb" or kept.flow.short_side == expected.flow.short_side
        assert (kept.flow.method, kept.flow.encoding) == (expected.flow.method, expected.flow.encoding)


def test_labels_of_moments_and_forecasts():
    moments = Experiment(
        data=DenseData(single=True, fps=3.0), model=CLASSES["multi_lstm"](), evaluate=DenseEvaluate(smooth=2.0)
    )
    made = recipe.make(moments, ("a",))
    assert made["evaluation"] == {"threshold": 0.5, "smooth": 2.0, "change_cost": 0.0, "single": True}
    assert (made["streams"]["rgb"]["sampling"], made["streams"]["rgb"]["fps"]) == ("window", 3.0)
    forecasts = Experiment(data=Sequences(frames=6, values=(0.0, 70.0)), model=CLASSES["convlstm_forecaster"](horizon=4))
    made = recipe.make(forecasts, (), (8, 9, 1))
    assert (made["streams"]["rgb"]["frames"], made["horizon"]) == (6, 4)
    assert made["pictures"] == {
        **{"shape": [8, 9, 1], "pixels": "uint8", "values": [0.0, 70.0]},
        **{"key": None, "axes": "auto"},
    }


def test_a_recipe_of_a_later_version_is_refused(quick_runs, tmp_path):
    run = copied(Run(quick_runs / "a"), tmp_path / "later")
    (run.folder / "recipe.json").write_text('{"format": 2, "videorec": "7.0.0"}')
    with pytest.raises(UserError, match=r"written by videorec 7\.0\.0 in format 2.*Update"):
        _ = run.recipe


@pytest.mark.parametrize("content", ["", "{", "[]", '{"task": "recognition"}', "\0"])
def test_what_is_no_recipe_is_refused(content):
    with pytest.raises(UserError, match=r"x\.json"):
        recipe.parse(content, "x.json")


def test_streams_at_two_rates_have_no_interval():
    made = recipe.make(Experiment(data=DATA[2], model=CLASSES["two_stream"]()), ("a",), None, {"rgb": 0.2})
    with pytest.raises(UserError, match=r"rgb every 0\.2 s, flow every 0\.375 s"):  # three frames apart at 8 a second
        recipe.interval_of(made)
    made["streams"]["flow"]["interval"] = 0.2
    assert recipe.interval_of(made) == 0.2
