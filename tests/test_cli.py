"""The command line of train.py: presets, types, near misses."""

import re
from pathlib import Path

import pytest

from videorec import cli, configs, terminal
from videorec.config import UserError
from videorec.models.lrcn import LRCN

ROOT = Path(__file__).resolve().parents[1]


def test_without_a_preset_it_is_the_quick_start():
    assert cli.parse_experiment([], "").name == "quickstart"
    assert cli.parse_experiment(["--train.epochs", "3"], "").train.epochs == 3


def test_settings_reach_the_experiment():
    args = "lrcn --name x --data.path v --data.resize 10 20 --model.units 7 --train.patience None --data.exclude a b".split()
    experiment = cli.parse_experiment(args, "")
    assert (experiment.name, experiment.data.path, experiment.data.resize) == ("x", "v", (10, 20))
    assert (experiment.model.units, experiment.train.patience, experiment.data.exclude) == (7, None, ("a", "b"))
    assert isinstance(experiment.model, LRCN)


def test_underscores_are_dashes():
    assert cli.parse_experiment(["lrcn", "--train.cache_views", "3", "--data.no_augment"], "").train.cache_views == 3


def test_paper_preset_is_the_paper():
    """PAPERS: SGD 1e-3, momentum 0.9, decay 0.005, clip 5 and 15, 24 clips of 16 frames, 227 crops of 240 x 320."""
    rgb, flow = (configs.load(f"lrcn_ucf101_{stream}") for stream in ("rgb", "flow"))
    assert (rgb.train.batch, rgb.train.learning_rate, rgb.train.weight_decay, rgb.train.clipnorm) == (24, 1e-3, 0.005, 5.0)
    assert (flow.model.units, flow.train.clipnorm, flow.train.step_every, flow.data.stream) == (1024, 15.0, 20_000, "flow")
    assert (rgb.data.resize, rgb.data.crop, rgb.data.frames, rgb.data.hop) == ((240, 320), (227, 227), 16, 8)
    assert (rgb.model.dropout, rgb.model.uniform_init, rgb.evaluate.clips, rgb.evaluate.crops) == (0.9, 0.01, 0, 10)
    assert rgb.train.epochs == -(-30_000 * 24 // 9537)


def test_settings_reach_the_parts_of_a_model():
    args = "two_stream --model.rgb.units 32 --model.flow.backbone vgg16 --model.fusion 1 2 --data.flow.fps 12".split()
    experiment = cli.parse_experiment(args, "")
    model, preset = experiment.model, configs.load("two_stream").model
    assert (model.rgb.units, model.flow.units, model.fusion) == (32, preset.flow.units, (1.0, 2.0))
    assert (model.rgb.backbone, model.flow.backbone, experiment.data.flow.fps) == (preset.rgb.backbone, "vgg16", 12.0)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("lrcn --model.unit 3", "Unrecognized option --model.unit. Did you mean --model.units?"),
        ("lrcn --units=3", "Unrecognized option --units. Did you mean --model.units?"),
        ("lrcn --train.weight_deca 0", "--train.weight_deca. Did you mean --train.weight-decay?"),
        ("two_stream --model.flow.unit 3", "Did you mean --model.flow.units?"),
        ("two_stream --model.units 3", "Did you mean --model.flow.units or --model.rgb.units?"),
        ("lrcn --model.target dense --data.singel", "Did you mean --data.single?"),
        ("lrcn --data.sampling dens", "'uniform', 'dense'"),
        ("lrcn --model.units many", "--model.units INT"),
        ("lrcn --qwertz 3", "Unrecognized option --qwertz.\n"),
        ("lrcn --train.epochs 3 5", "Unexpected value 5."),
    ],
)
def test_near_misses(args, message):
    with pytest.raises(UserError) as error:
        cli.parse_experiment(args.split(), "")
    text = str(error.value)
    assert message in text
    assert text.endswith(f"Help: python train.py {args.split()[0]} --help")
    assert text.count("\n") < 8


def test_unknown_preset():
    with pytest.raises(UserError, match="No preset is called 'lrnc'. Did you mean lrcn"):
        cli.parse_experiment(["lrnc"], "")


def test_help_lists_the_presets_with_the_first_line_of_their_docstrings(capsys):
    with pytest.raises(SystemExit) as status:
        cli.parse_experiment(["--help"], "What it does.")
    assert not status.value.code
    text = capsys.readouterr().out
    files = {path.stem: path for path in ROOT.glob("videorec/configs/*.py") if path.stem != "__init__"}
    listed = dict(re.findall(r"^  (\w+) +(\S.+)", text, re.MULTILINE))
    assert set(listed) == set(files)
    for name, beginning in listed.items():
        assert files[name].read_text().startswith(f'"""{beginning}')
    assert "What it does." in text


def test_help_shows_settings_with_defaults(capsys):
    with pytest.raises(SystemExit) as status:
        cli.parse_experiment(["lrcn", "--help"], "")
    assert status.value.code == 0
    text = capsys.readouterr().out
    assert "--model.units INT" in text and "Units of the LSTM" in text and "(default: 64)" in text


def test_every_option_of_the_help_is_known(capsys):
    for name in ("lrcn", "two_stream", "moving_mnist", "anticipation"):
        with pytest.raises(SystemExit):
            cli.parse_experiment([name, "--help"], "")
        shown = re.findall(r"(?:^\W+|, )(--[a-z][\w.-]*)(?=[ ,\n])", capsys.readouterr().out, re.MULTILINE)
        assert {*shown} == {*terminal.flags(configs.load(name)), "--help"}
