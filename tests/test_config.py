"""Settings: JSON round trip, differences, rules, near misses."""

import dataclasses
import json

import pytest

from videorec import config_file, config_rules
from videorec.config import Data, Evaluate, Experiment, Train, UserError
from videorec.models import CLASSES
from videorec.models.lrcn import LRCN


@pytest.mark.parametrize("model", CLASSES.values())
def test_json_round_trip(model):
    data = Data(resize=(10, 20), exclude=("a", "b"), fps=2.5, crop_scale=(0.5, 1.0))
    experiment = Experiment("x", data, model(units=7) if model is LRCN else model(), Train(patience=3), Evaluate(clips=2))
    tree = json.loads(json.dumps(config_file.to_dict(experiment)))
    assert config_file.from_dict(tree, CLASSES) == experiment


def test_older_files_get_defaults_and_unknown_names_are_errors():
    assert config_file.from_dict({"name": "x", "model": {"name": "lrcn"}}, CLASSES) == Experiment("x", model=LRCN())
    with pytest.raises(UserError, match="data has no setting 'frame'. Did you mean frames"):
        config_file.from_dict({"data": {"frame": 3}, "model": {"name": "lrcn"}}, CLASSES)
    with pytest.raises(UserError, match="No model is called 'lrnc'. Did you mean lrcn"):
        config_file.from_dict({"model": {"name": "lrnc"}}, CLASSES)


def test_differences_name_the_settings():
    old = config_file.to_dict(Experiment("x", model=LRCN()))
    new = config_file.to_dict(Experiment("x", Data(frames=8), LRCN(units=3)))
    assert config_file.differences(old, new) == ["data.frames: 16 -> 8", "model.units: 256 -> 3"]
    assert config_file.differences(old, json.loads(json.dumps(old))) == []


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "frames", 0, "--data.frames"),
        ("data", "crop", (129, 10), "fit in --data.resize"),
        ("data", "crop_scale", (0.0, 1.0), "--data.crop-scale"),
        ("data", "fps", -1.0, "--data.fps"),
        ("train", "batch", 0, "--train.batch"),
        ("train", "learning_rate", 0.0, "--train.learning-rate"),
        ("evaluate", "clips", 0, "only|or 0 with --data.sampling dense"),
    ],
)
def test_rules(section, field, value, message):
    good = Experiment("x", model=LRCN())
    config_rules.validate(good)
    bad = dataclasses.replace(getattr(good, section), **{field: value})
    with pytest.raises(UserError, match=message):
        config_rules.validate(dataclasses.replace(good, **{section: bad}))


@pytest.mark.parametrize("name", ["", "a/b", "..", "runs/x"])
def test_names_of_runs(name):
    with pytest.raises(UserError, match="--name"):
        config_rules.validate(Experiment(name, model=LRCN()))
