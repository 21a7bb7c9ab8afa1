"""`videorec.tools.benchmark`: the smallest setting of each part gives its rows. No test looks at a time."""

import keras
import pytest
from conftest import write_video
from rich.console import Console

from videorec.config import UserError
from videorec.tools.benchmark import __main__ as command
from videorec.tools.benchmark import cache, figures, pipeline, time_distributed


def shown(rows, capsys) -> str:
    """The printed table."""
    figures.show(rows, Console(width=200))
    return capsys.readouterr().out


def test_time_distributed(capsys, monkeypatch):
    monkeypatch.setattr(time_distributed, "network", lambda size: keras.layers.Conv2D(2, 3))
    rows = time_distributed.measure(rounds=1, size=8, short=2, long=4, batch=2)
    text = shown(rows, capsys)
    assert [row.target for row in rows] == ["<= 0.2", "<= 1.5", "", "<= 0.8"]
    assert "ours / Keras's" in text and "B=1 / B=2" in text
    assert "Keras 3" in text and "cores" in text


def test_pipeline(tmp_path, capsys):
    for number in range(2):
        write_video(tmp_path / "below" / f"{number}.avi", 20)
    rows = pipeline.measure(tmp_path, rounds=1, batches=1)
    assert [row.name.split()[0] for row in rows] == ["uniform", "uniform", "dense", "dense"]
    assert "clips/s" in shown(rows, capsys)


def test_pipeline_makes_its_videos(tmp_path):
    path = tmp_path / "1.mp4"
    assert pipeline.write(str(path), 5, seed=0)
    assert path.stat().st_size > 1000


def test_pipeline_without_videos(tmp_path):
    with pytest.raises(UserError, match="holds no videos"):
        pipeline.measure(tmp_path, rounds=1)


def test_cache(capsys):
    (row,) = cache.measure(epochs=2, clips=4, validation=2, backbone="tiny")
    assert row.target == "< 2 s"
    assert "an epoch of LRCN's head on 4 clips" in shown([row], capsys)


def test_a_missed_bound_is_marked(capsys):
    rows = [figures.ratio("part", "slow", [3.0, 1.0, 3.0], [1.0, 1.0, 1.0], "s", 0.8)]
    assert (rows[0].value, rows[0].met) == ("3.00", False)
    assert "missed" in shown(rows, capsys)


def test_candidates_take_turns():
    order = []
    jobs = {name: (lambda name=name: order.append(name) or 1.0) for name in "ab"}
    assert figures.in_turns(jobs, 2) == {"a": [1.0, 1.0], "b": [1.0, 1.0]}
    assert order == ["a", "b", "b", "a"]


def test_rounds():
    with pytest.raises(UserError, match="--rounds"):
        command.main(["cache", "--rounds", "0"])
