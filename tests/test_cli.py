"""The command line: presets, types, near misses, exit statuses."""

import sys

import pytest

from videorec import cli, terminal
from videorec.config import UserError
from videorec.config.rules import validate
from videorec.models.lrcn import LRCN


def test_without_a_preset_it_is_the_quick_start():
    assert cli.parse_experiment([], "").name == "quickstart"
    assert cli.parse_experiment(["--train.epochs", "3"], "").train.epochs == 3


def test_every_preset_is_valid_and_documented():
    for name, (summary, experiment) in cli.presets().items():
        validate(experiment)
        assert experiment.name == name
        assert summary.endswith(".")


def test_settings_reach_the_experiment():
    args = "lrcn --name x --data.path v --data.resize 10 20 --model.units 7 --train.patience None --data.exclude a b".split()
    experiment = cli.parse_experiment(args, "")
    assert (experiment.name, experiment.data.path, experiment.data.resize) == ("x", "v", (10, 20))
    assert (experiment.model.units, experiment.train.patience, experiment.data.exclude) == (7, None, ("a", "b"))
    assert isinstance(experiment.model, LRCN)


def test_paper_preset_is_the_paper():
    """PAPERS: SGD 1e-3, momentum 0.9, decay 0.005, clip 5 and 15, 24 clips of 16 frames, 227 crops of 240 x 320."""
    rgb, flow = (cli.presets()[f"lrcn_ucf101_{stream}"][1] for stream in ("rgb", "flow"))
    assert (rgb.train.batch, rgb.train.learning_rate, rgb.train.weight_decay, rgb.train.clipnorm) == (24, 1e-3, 0.005, 5.0)
    assert (flow.model.units, flow.train.clipnorm, flow.train.step_every, flow.data.stream) == (1024, 15.0, 20_000, "flow")
    assert (rgb.data.resize, rgb.data.crop, rgb.data.frames, rgb.data.hop) == ((240, 320), (227, 227), 16, 8)
    assert (rgb.model.dropout, rgb.model.uniform_init, rgb.evaluate.clips, rgb.evaluate.crops) == (0.9, 0.01, 0, 10)
    assert rgb.train.epochs == -(-30_000 * 24 // 9537)


def test_settings_reach_the_parts_of_a_model():
    args = "two_stream --model.rgb.units 32 --model.flow.backbone vgg16 --model.fusion 1 2 --data.flow.fps 12".split()
    experiment = cli.parse_experiment(args, "")
    model, preset = experiment.model, cli.presets()["two_stream"][1].model
    assert (model.rgb.units, model.flow.units, model.fusion) == (32, preset.flow.units, (1.0, 2.0))
    assert (model.rgb.backbone, model.flow.backbone, experiment.data.flow.fps) == (preset.rgb.backbone, "vgg16", 12.0)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["lrcn", "--model.unit", "3"], "--model.units"),
        (["two_stream", "--model.flow.unit", "3"], "--model.flow.units"),
        (["lrcn", "--data.sampling", "dens"], "'uniform', 'dense'"),
    ],
)
def test_near_misses(args, message, capsys):
    with pytest.raises(SystemExit) as status:
        cli.parse_experiment(args, "")
    assert status.value.code == 2
    assert message in capsys.readouterr().err


def test_unknown_preset():
    with pytest.raises(UserError, match="No preset is called 'lrnc'. Did you mean lrcn"):
        cli.parse_experiment(["lrnc"], "")


def test_help_shows_settings_with_defaults(capsys):
    with pytest.raises(SystemExit) as status:
        cli.parse_experiment(["lrcn", "--help"], "")
    assert status.value.code == 0
    text = capsys.readouterr().out
    assert "--model.units INT" in text and "Units of the LSTM" in text and "(default: 64)" in text


def test_exit_statuses(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["x"])

    def status(error):
        def main(args):
            if error:
                raise error
            return 0

        with pytest.raises(SystemExit) as result:
            terminal.run(main)
        return result.value.code

    assert status(None) == 0
    assert status(UserError("the path [x] is wrong")) == 2
    assert "error: the path [x] is wrong" in capsys.readouterr().err
    assert status(KeyboardInterrupt()) == 130
    with pytest.raises(RuntimeError):
        terminal.run(lambda args: (_ for _ in ()).throw(RuntimeError("a bug keeps its traceback")))
