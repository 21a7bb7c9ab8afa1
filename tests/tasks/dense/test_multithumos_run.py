"""MultiTHUMOS end to end: both published forms, with generated videos of the data set's names."""

import json

import numpy as np
import pytest
from moments import random_segments, write_moments
from tiny_runs import measured, trained

NAMES = {
    "training": [f"video_validation_{number:07d}" for number in (51, 52, 53, 54)],
    "testing": [f"video_test_{number:07d}" for number in (4, 6)],
}
OPTIONS = """--model.backbone tiny --model.weights None --model.units 8 --model.window 3 --model.attention-units 4
    --data.resize 32 32 --data.crop 32 32 --data.file {}.avi --data.frames 30 --train.batch 2 --train.epochs 1"""


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


def test_both_forms_are_trained_on_and_measured_alike(data, tmp_path, training_seed):
    args = f"{OPTIONS} --data.path {data} --data.videos {data}/videos --train.cache-dir {tmp_path} --train.seed {training_seed}"
    run = trained("multi_lstm_multithumos", args, runs=tmp_path)
    assert run.classes == ("green", "red")
    results = measured(run)
    assert results["videos"] == 2 and results["frames"] == 2 * 60  # 10 frames a second
    assert 0 < results["map"] <= 1 and results["protocol"]["split"] == "test"
    form = f"--data.path {data}/multithumos.json --data.class-list {data}/class_list.txt"
    assert measured(run, form, tmp_path / "out")["per_class"] == results["per_class"]
