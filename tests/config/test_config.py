"""Settings: JSON round trip, differences, rules, near misses."""

import dataclasses
import json

import pytest

from videorec import configs
from videorec.config import Data, Evaluate, Experiment, Train, UserError, rules
from videorec.config import file as config_file
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models import CLASSES
from videorec.models.change_grid import ChangeGrid
from videorec.models.lrcn import LRCN
from videorec.models.short_snippets_lstm import ShortSnippetsLSTM
from videorec.models.two_stream import TwoStream
from videorec.runs.run import Run


@pytest.mark.parametrize("model", [cls for cls in CLASSES.values() if cls.task == "recognition"])
def test_json_round_trip(model):
    data = Data(resize=(10, 20), exclude=("a", "b"), fps=2.5, crop_scale=(0.5, 1.0))
    experiment = Experiment("x", data, model(units=7) if model is LRCN else model(), Train(patience=3), Evaluate(clips=2))
    tree = json.loads(json.dumps(config_file.to_dict(experiment)))
    assert config_file.from_dict(tree, CLASSES) == experiment


@pytest.mark.parametrize("model", [cls for cls in CLASSES.values() if cls.task == "forecasting"])
def test_json_round_trip_of_forecasters(model):
    data = Sequences(path="x", values=(20.0, 40.0), size=(24, 32))
    experiment = Experiment("x", data, model(horizon=5), ForecastTrain(loss="mae"), ForecastEvaluate(metrics=("rain",)))
    tree = json.loads(json.dumps(config_file.to_dict(experiment)))
    assert config_file.from_dict(tree, CLASSES) == experiment
    assert config_file.from_dict({"model": {"name": model.name}}, CLASSES).data == Sequences()
    with pytest.raises(UserError, match="data has no setting 'frame'. Did you mean frames"):
        config_file.from_dict({"data": {"frame": 3}, "model": {"name": model.name}}, CLASSES)


def test_json_round_trip_of_a_model_of_models():
    parts = TwoStream(LRCN(units=7, differences=("mean",)), ShortSnippetsLSTM(layers=2), fusion=(1.0, 2.0))
    experiment = Experiment("x", Data(stream="both"), parts)
    tree = json.loads(json.dumps(config_file.to_dict(experiment)))
    assert (tree["model"]["name"], tree["model"]["rgb"]["name"], tree["model"]["flow"]["layers"]) == ("two_stream", "lrcn", 2)
    assert config_file.from_dict(tree, CLASSES) == experiment
    other = config_file.to_dict(dataclasses.replace(experiment, model=dataclasses.replace(parts, flow=LRCN())))
    assert "model.flow.name: short_snippets_lstm -> lrcn" in config_file.differences(tree, other)
    assert config_file.from_dict({"model": {"name": "two_stream"}}, CLASSES).model == TwoStream()
    tree["model"]["flow"]["layer"] = 3
    with pytest.raises(UserError, match="model.flow has no setting 'layer'. Did you mean layers"):
        config_file.from_dict(tree, CLASSES)


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


def check(experiment: Experiment) -> None:
    rules.check_experiment(experiment)
    rules.check_recognition(experiment)


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "frames", 0, "--data.frames"),
        ("data", "crop", (129, 10), "fit in --data.resize"),
        ("data", "crop_scale", (0.0, 1.0), "--data.crop-scale"),
        ("data", "crop_aspect", (1.5, 0.5), "--data.crop-aspect must be two numbers"),
        ("data", "fps", -1.0, "--data.fps"),
        ("train", "batch", 0, "--train.batch"),
        ("train", "learning_rate", 0.0, "--train.learning-rate"),
        ("train", "warmup_epochs", -1.0, "--train.warmup-epochs must be 0 or more"),
        ("evaluate", "clips", 0, "only|or 0 with --data.sampling dense"),
    ],
)
def test_rules(section, field, value, message):
    good = Experiment("x", model=LRCN())
    check(good)
    bad = dataclasses.replace(getattr(good, section), **{field: value})
    with pytest.raises(UserError, match=message):
        check(dataclasses.replace(good, **{section: bad}))


def test_crops_at_full_scale_have_no_aspect_of_their_own():
    check(Experiment("x", model=LRCN(), data=Data(crop_scale=(1.0, 1.0))))
    with pytest.raises(UserError, match="--data.crop-aspect is for scaled crops: leave it out with --data.crop-scale 1 1"):
        check(Experiment("x", model=LRCN(), data=Data(crop_scale=(1.0, 1.0), crop_aspect=(1.0, 1.0))))


def test_mirror_images_are_averaged_where_training_has_them():
    check(Experiment("x", model=LRCN(), evaluate=Evaluate(crops=2)))
    with pytest.raises(UserError, match="averages over mirror images: take --evaluate.crops 1 with --data.no-flip"):
        check(Experiment("x", model=LRCN(), data=Data(flip=False), evaluate=Evaluate(crops=2)))


@pytest.mark.parametrize("schedule", ["step", "constant"])
def test_warm_up_is_for_cosine(schedule):
    for epochs in (None, 0.0):
        check(Experiment("x", model=LRCN(), train=Train(schedule=schedule, warmup_epochs=epochs)))
    with pytest.raises(UserError, match=f"warmup-epochs is for --train.schedule cosine: .* --train.schedule {schedule}"):
        check(Experiment("x", model=LRCN(), train=Train(schedule=schedule, warmup_epochs=1.0)))


@pytest.mark.parametrize("name", configs.names())
def test_runs_of_before_are_those_of_the_presets_of_now(name):
    """Version 0.1.0 stored `warmup_epochs` 1.0 where none was given, with every schedule."""
    experiment = configs.load(name)
    tree = json.loads(json.dumps(config_file.to_dict(experiment)))
    if tree["train"]["warmup_epochs"] is None:
        tree["train"]["warmup_epochs"] = 1.0
    assert config_file.from_dict(tree, CLASSES) == experiment
    assert tree["train"]["warmup_epochs"] is not None  # what was given is left as it is


def test_runs_of_before_whose_loss_was_weighted():
    """`data.balance` weight, of version 0.1.0, is `train.class_balance` 1."""
    tree = config_file.to_dict(Experiment("x", model=LRCN()))
    tree["data"]["balance"] = "weight"
    del tree["train"]["class_balance"]
    read = config_file.from_dict(tree, CLASSES)
    assert read == Experiment("x", model=LRCN(), train=Train(class_balance=1.0))
    assert tree["data"]["balance"] == "weight"  # what was given is left as it is
    for balance in ("none", "sample"):
        tree["data"]["balance"] = balance
        read = config_file.from_dict(tree, CLASSES)
        assert (read.data.balance, read.train.class_balance) == (balance, 0.0)
    tree["data"]["balance"], tree["train"]["class_balance"] = "weight", 0.5
    with pytest.raises(UserError, match='data.balance must be "none" or "sample". Received: "weight"'):
        config_file.from_dict(tree, CLASSES)


def test_a_change_grid_of_before_there_was_a_background_has_none():
    tree = config_file.to_dict(Experiment("x", model=ChangeGrid()))
    assert config_file.from_dict(tree, CLASSES).model.background
    del tree["model"]["background"]
    assert not config_file.from_dict(tree, CLASSES).model.background
    assert config_file.from_dict({"model": {"name": "change_grid"}}, CLASSES).model == ChangeGrid()  # written by hand


def test_classes_are_balanced_once():
    check(Experiment("x", model=LRCN(), train=Train(class_balance=0.5)))
    with pytest.raises(UserError, match="leave it out, or --data.balance sample. Received: 0.5"):
        check(Experiment("x", model=LRCN(), data=Data(balance="sample"), train=Train(class_balance=0.5)))
    with pytest.raises(UserError, match="--train.class-balance must be 0 or more and at most 1. Received: 1.5"):
        rules.check_experiment(Experiment("x", model=LRCN(), train=Train(class_balance=1.5)))


@pytest.mark.parametrize("name", ["", "a/b", "..", "runs/x"])
def test_names_of_runs(name):
    with pytest.raises(UserError, match="--name"):
        check(Experiment(name, model=LRCN()))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"data": {"frames": "x"}}, r'data.frames must be a whole number. Received: "x"'),
        ({"data": {"frames": 16.5}}, r"data.frames must be a whole number. Received: 16.5"),
        ({"data": {"frames": None}}, r"data.frames must be a whole number. Received: null"),
        ({"data": {"frames": [16]}}, r"data.frames must be a whole number. Received: \[16\]"),
        ({"data": {"frames": True}}, r"data.frames must be a whole number. Received: true"),
        ({"data": {"fps": "25"}}, r'data.fps must be a number or null. Received: "25"'),
        ({"data": {"path": 3}}, r"data.path must be a text. Received: 3"),
        ({"data": {"path": None}}, r"data.path must be a text. Received: null"),
        ({"data": {"augment": 1}}, r"data.augment must be true or false. Received: 1"),
        ({"data": {"resize": [64]}}, r"data.resize must be a list of 2, each of it a whole number. Received: \[64\]"),
        ({"data": {"resize": 64}}, r"data.resize must be a list of 2"),
        ({"data": {"exclude": ["a", 3]}}, r'data.exclude must be a list, each of it a text. Received: \["a", 3\]'),
        ({"data": {"stream": "rbg"}}, r'data.stream must be "rgb" or "flow" or "both". Received: "rbg"'),
        ({"data": {"official_split": True}}, r"data.official_split must be 1 or 2 or 3. Received: true"),
        ({"data": {"flow": "dis"}}, r'data.flow must be settings by their names: {...}. Received: "dis"'),
        ({"data": {"fps": 10**400}}, r"data.fps must be above 0 and finite"),
        ({"data": None}, r"data must be settings by their names: {...}. Received: null"),
        ({"train": [1]}, r"train must be settings by their names: {...}. Received: \[1\]"),
        ({"model": "lrcn"}, r'model must be settings by their names: {...}. Received: "lrcn"'),
        ({"model": {"name": ["lrcn"]}}, r"No model is called \['lrcn'\]"),
        ({"model": {"name": "lrcn", "units": {"a": 1}}}, r'model.units must be a whole number. Received: {"a": 1}'),
        ([1, 2], r"an experiment must be settings by their names: {...}. Received: \[1, 2\]"),
    ],
)
def test_values_of_other_types_name_the_setting(tree, message):
    tree = {"model": {"name": "lrcn"}} | tree if isinstance(tree, dict) else tree
    with pytest.raises(UserError, match=rf"^{message}"):
        config_file.from_dict(json.loads(json.dumps(tree)), CLASSES)


def test_a_whole_number_is_a_number_too():
    assert config_file.from_dict({"data": {"fps": 5}, "model": {"name": "lrcn"}}, CLASSES).data.fps == 5


def test_the_file_is_named_too(tmp_path):
    (tmp_path / "config.json").write_text('{"data": {"frames": "x"}, "model": {"name": "lrcn"}}')
    with pytest.raises(UserError, match=f'{tmp_path}/config.json .*: data.frames must be a whole number. Received: "x"'):
        Run.open(tmp_path)
