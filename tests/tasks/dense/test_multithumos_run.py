"""MultiTHUMOS end to end: both published forms, with generated videos of the data set's names."""

import json

import keras
import numpy as np
import pytest
from moments import random_segments, write_moments

import evaluate
import train
from videorec.runs.run import Run

NAMES = {
    "training": [f"video_validation_{number:07d}" for number in (51, 52, 53, 54)],
    "testing": [f"video_test_{number:07d}" for number in (4, 6)],
}
OPTIONS = """--model.backbone tiny --model.weights None --model.units 8 --model.window 3 --model.attention-units 4
    --data.resize 32 32 --data.crop 32 32 --data.file {}.avi --data.frames 30 --train.batch 2 --train.epochs 2
    --train.learning-rate 1e-3""".split()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Annotations as one JSON file and as text files, and a video of each name."""
    folder, rng = tmp_path_factory.mktemp("multithumos"), np.random.default_rng(0)
    content, lines = {}, {"red": [], "green": []}
    for subset, names in NAMES.items():
        for name in names:
            segments = random_segments(rng, 6.0, overlap=True)
            write_moments(folder / "videos" / f"{name}.avi", segments, 60)
            actions = [[1 + ("green", "red").index(label), start, end] for label, start, end in segments]
            content[name] = {"subset": subset, "duration": 6.0, "actions": actions}
            for label, start, end in segments:
                lines[label] += [f"{name} {start:.2f} {end:.2f}"] * 2  # lines occur twice in the published files
    (folder / "multithumos.json").write_text(json.dumps(content))
    (folder / "class_list.txt").write_text("1 green\n2 red\n")
    (folder / "annotations").mkdir()
    for label, rows in lines.items():
        (folder / "annotations" / f"{label}.txt").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("path", ["multithumos.json", "."])
def test_it_trains_and_is_measured(data, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.backend.clear_session()
    options = [*OPTIONS, "--data.path", str(data / path), "--data.videos", str(data / "videos")]
    lists = ["--data.class-list", str(data / "class_list.txt")] if path.endswith(".json") else []
    command = ["multi_lstm_multithumos", *options, *lists, "--train.cache-dir", "cache", "--name", "x"]
    assert train.main(command) == 0
    run = Run("runs/x")
    assert run.classes == ("green", "red")
    assert evaluate.main([run.place]) == 0
    results = json.loads((run.folder / "results.json").read_text())
    assert results["videos"] == 2 and results["frames"] == 2 * 60  # 10 frames a second
    assert 0 < results["map"] <= 1 and results["protocol"]["split"] == "test"
