"""python -m videorec.tools.explain: the picture, the video, and what is refused."""

import cv2
import numpy as np
import pytest
from PIL import Image

from videorec.config import UserError
from videorec.inference.saliency import Check
from videorec.tools import explain
from videorec.tools.explain_clip import Map, attention_by_stream, verdict


@pytest.fixture(scope="module")
def test_video(synthetic):
    return sorted(synthetic.parent.glob("**/*test*.avi"))[0]


def test_a_picture_a_video_and_words(quick_runs, test_video, tmp_path, capsys):
    args = [str(quick_runs / "a"), str(test_video), "--draws", "3"]
    assert explain.main([*args, "--out", str(tmp_path / "why" / "it")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{test_video}: ") and lines[0].count(", ") == 4  # five classes
    assert "The frames that matter most, of 4:" in lines[1]
    assert lines[2].startswith("gradient: masking a tenth of the clip") and "of 3 draws" in lines[2]
    with Image.open(tmp_path / "why" / "it.png") as picture:
        assert picture.width == 1200 and np.asarray(picture.convert("L")).std() > 20
    capture, count = cv2.VideoCapture(str(tmp_path / "why" / "it.mp4")), 0
    while capture.read()[0]:
        count += 1
    assert count == 4  # a frame of the video for each that the model sees


def test_attention_is_of_its_own_stream():
    recipe = {"model": "two_stream"}
    rgb, flow = np.linspace(0, 1, 4), np.linspace(1, 2, 6)
    maps = attention_by_stream({"flow_attention": flow, "probabilities": rgb}, recipe, ("rgb", "flow"))
    assert list(maps) == ["flow"] and maps["flow"][:, 0, 0].tolist() == flow.tolist()
    both = attention_by_stream({"rgb_attention": rgb, "flow_attention": flow}, recipe, ("rgb", "flow"))
    assert [(stream, len(values)) for stream, values in both.items()] == [("rgb", 4), ("flow", 6)]
    alone = attention_by_stream({"attention": rgb}, {"model": "attention_lstm"}, ("flow",))
    assert list(alone) == ["flow"]
    assert attention_by_stream({"probabilities": rgb}, recipe, ("rgb", "flow")) == {}


def test_a_class_that_is_not_the_answer(quick_runs, test_video, tmp_path, capsys):
    explain.main([str(quick_runs / "a"), str(test_video), "--draws", "1", "--label", "grow", "--out", str(tmp_path / "x")])
    assert "explained: grow, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("top", "end"),
    [
        (0.5, "less than it in 3 of 4 draws: the answer hangs on what the map shows"),
        (0.88, "less than it in 3 of 4 draws: the map is right, but no tenth decides much"),
        (0.9, "less than it in 0 of 4 draws: DO NOT TRUST this map"),
    ],
)
def test_verdict(top, end):
    """A map that is right of an answer that hardly changes is not praised for it."""
    shown = Map("gradient", {"rgb": np.ones((2, 3, 3))}, Check(before=0.9, top=top, random=(0.9, 0.895, 0.905, 0.3)))
    assert verdict(shown, "walk").startswith(
        "gradient: masking a tenth of the clip where the map is highest takes walk from 0.900"
    )
    assert verdict(shown, "walk").endswith(end)


def test_refusals(quick_runs, old_runs, test_video, tmp_path):
    out = ["--out", str(tmp_path / "x")]
    with pytest.raises(UserError, match="--label must be a class of .*Received: gro. Did you mean grow"):
        explain.main([str(quick_runs / "a"), str(test_video), "--label", "gro", *out])
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    with pytest.raises(UserError, match="text.mp4 cannot be read: "):
        explain.main([str(quick_runs / "a"), str(tmp_path / "text.mp4"), *out])
    forecaster = next(path for path in (old_runs / "trained").iterdir() if "forecast" in path.name)
    with pytest.raises(UserError, match="a recogniser of clips"):
        explain.main([str(forecaster), str(test_video), *out])
    assert not list(tmp_path.glob("x*"))
