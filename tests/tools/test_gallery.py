"""`videorec.tools.gallery`: which clips it chooses, what it draws of them, and what it refuses."""

import shutil

import numpy as np
import pytest
from PIL import Image

from videorec.config import Experiment, UserError
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.data.manifest import Video
from videorec.models.convlstm_forecaster import ConvLSTMForecaster
from videorec.reports import palette
from videorec.reports.pictures import to_array
from videorec.runs.run import Run
from videorec.tools import gallery, gallery_picture


def test_clips_of_as_many_classes_as_there_are():
    videos = [Video(f"{label}{number}.avi", (label,)) for label in "abc" for number in range(4)]
    chosen = gallery_picture.choose(videos, 5, seed=0)
    assert sorted(video.labels[0] for video in chosen[:3]) == ["a", "b", "c"]
    assert len({video.path for video in chosen}) == 5
    assert chosen == gallery_picture.choose(videos, 5, seed=0) != gallery_picture.choose(videos, 5, seed=1)
    assert len(gallery_picture.choose(videos, 50, seed=0)) == 12


def test_the_worst_errors_by_hand():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.5, 0.1, 0.4], [np.nan] * 3, [0.2, 0.1, 0.7]])
    labels = [("b",), ("b",), ("b",), ("a",), ("a", "b")]
    assert gallery_picture.worst(probabilities, labels, "abc", 9) == [2, 4, 0]
    assert gallery_picture.worst(probabilities, labels, "abc", 1) == [2]


def test_the_picture():
    clips = np.zeros((2, 6, 4, 8, 3), np.uint8)
    clips[1, -1] = 200
    steps = np.array([[[0.9, 0.1], [0.8, 0.2]], [[0.7, 0.3], [0.6, 0.4]]])
    figure = gallery_picture.draw(clips, steps, steps[:, -1], [("run",), ("sit",)], ("run", "sit"), columns=3)
    (first, first_lines), (second, second_lines) = np.reshape(figure.axes, (2, 2))
    assert first.get_images()[0].get_array().shape == (4, 3 * 8, 3)  # three of six frames, side by side
    assert second.get_images()[0].get_array()[:, 16:].min() == 200  # the last one among them
    assert (first_lines.get_title(), second_lines.get_title()) == ("run", "sit, taken for run")
    drawn = {line.get_label(): (line.get_color(), line.get_ydata().tolist()) for line in second_lines.get_lines()}
    assert drawn == {"sit": (palette.RIGHT, [0.3, 0.4]), "run": (palette.WRONG, [0.7, 0.6])}
    assert second.get_xlabel() == second_lines.get_xlabel() == "frame"
    assert "probability" in {axes.get_ylabel() for axes in figure.axes}
    picture = to_array(figure)
    assert all((picture == palette.rgb(color)).all(axis=-1).sum() > 50 for color in (palette.RIGHT, palette.WRONG))


def test_long_names_are_whole_and_inside():
    name = "playing the electric guitar on a stage that is seen from afar"
    steps = np.array([[[0.9, 0.1]]])
    figure = gallery_picture.draw(
        np.zeros((1, 2, 8, 8, 3), np.uint8), steps, steps[:, 0], [(f"not {name}",)], (name, f"not {name}"), 2
    )
    figure.canvas.draw()
    box = figure.axes[1].title.get_window_extent()
    assert figure.axes[1].get_title() == f"not {name}, taken for {name}"
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_a_run(small_runs, tmp_path, monkeypatch):
    monkeypatch.chdir(small_runs)
    out = tmp_path / "picture.png"
    assert gallery.main(["runs/a", "--clips", "2", "--columns", "3", "--out", str(out)]) == 0
    assert Image.open(out).size[0] > 100
    copy = shutil.copytree("runs/a", tmp_path / "a")
    assert gallery.main([str(copy), "--clips", "1"]) == 0
    assert (copy / "gallery.png").exists()
    assert gallery.main([str(copy), "--errors"]) == 0  # of a hardly trained model
    assert (copy / "errors.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clips", "0"], "--clips must be 1 or more. Received: 0"),
        (["--columns", "-1"], "--columns must be 1 or more"),
        (["--seed", "-1"], "--seed must be 0 or more"),
        (["--out", "no/folder/x.png"], "--out must lie in a folder that exists"),
    ],
)
def test_what_is_refused_before_the_run_is_opened(options, message):
    with pytest.raises(UserError, match=message):
        gallery.main(["runs/nothing", *options])


def test_a_run_that_forecasts_frames(tmp_path):
    experiment = Experiment("x", Sequences(), ConvLSTMForecaster(), ForecastTrain(), ForecastEvaluate())
    run = Run.create(tmp_path / "x", experiment, ())
    with pytest.raises(UserError, match="shows recognisers of clips; .* --pictures 4"):
        gallery.main([run.place])
