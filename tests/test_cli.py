"""The command line: presets, types, near misses, exit statuses."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import tyro

from videorec import cli, configs, terminal
from videorec.config import UserError
from videorec.config.rules import validate
from videorec.models.lrcn import LRCN

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Evaluate:
    """A section."""

    clips: int = 1
    """How many."""
    size: tuple[int, int] = (1, 2)
    """How large."""
    rate: float | None = None
    """How fast."""


@dataclass(frozen=True)
class Options:
    """Of a script."""

    run: tyro.conf.Positional[str]
    """The run folder."""
    mode: Literal["mean", "max"] = "mean"
    """How."""
    augment: bool = False
    """Whether."""
    others: tuple[str, ...] = ()
    """Further folders."""
    evaluate: Evaluate = field(default_factory=Evaluate)


@dataclass(frozen=True)
class Timelines(Options):
    """Of a script, for another kind of run."""

    timeline: str | None = None
    """Which video."""


def parse(words: str, options=Options):
    return terminal.parse(options, words.split(), description="What it does.", prog="python x.py")


def script(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)


# === Presets ===


def test_without_a_preset_it_is_the_quick_start():
    assert cli.parse_experiment([], "").name == "quickstart"
    assert cli.parse_experiment(["--train.epochs", "3"], "").train.epochs == 3


def test_every_preset_is_valid_and_documented():
    for name, summary in configs.summaries().items():
        experiment = configs.load(name)
        validate(experiment)
        assert experiment.name == name
        assert summary.endswith(".")


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


# === Options of scripts ===


def test_options():
    assert parse("runs/x --mode max --evaluate.size 3 -4") == Options("runs/x", "max", evaluate=Evaluate(size=(3, -4)))
    default = Options("runs/y", evaluate=Evaluate(clips=5))
    assert parse("runs/x --augment", default) == Options("runs/x", augment=True, evaluate=Evaluate(clips=5))


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("--mod max runs/x", ["Unrecognized option --mod. Did you mean --mode?"]),
        ("runs/x runs/y", ["Unexpected value runs/y."]),
        ("", ["Missing from python x.py: STR The run folder. (required)"]),
        ("runs/x --mode sum", ["invalid choice 'sum' for argument '--mode'. Expected one of ('mean', 'max')."]),
        ("runs/x --evaluate.clips", ["Missing value for argument '--evaluate.clips'. Expected 1 values."]),
    ],
)
def test_what_is_wrong_comes_first(words, lines):
    with pytest.raises(UserError) as error:
        parse(words)
    assert str(error.value).splitlines() == [*lines, "Help: python x.py --help"]


def test_a_wrong_value_is_shown_whole_with_what_the_option_takes():
    path = "/".join(["folder"] * 40)
    with pytest.raises(UserError) as error:
        parse(f"runs/x --evaluate.rate {path}")
    first, takes, _ = str(error.value).splitlines()
    assert first.startswith("Error parsing --evaluate.rate") and path in first
    assert takes == "It takes: --evaluate.rate {None}|FLOAT"


def test_many_mistakes_give_few_lines():
    with pytest.raises(UserError) as error:
        parse(" ".join(f"--wrong{number} 1" for number in range(40)))
    lines = str(error.value).splitlines()
    assert len(lines) <= 8 and "And 35 more." in lines


def test_known_options_and_the_rest():
    options, rest = terminal.parse_known(Options, ["runs/x", "--master=a", "--mode", "max"], description="", prog="x")
    assert (options.mode, rest) == ("max", ["--master=a"])


@pytest.mark.parametrize(
    "words",
    [
        "runs/x --evaluate.clips 5",
        "--evaluate.clips 5 runs/x",
        "--evaluate.clips=5 runs/x --timeline a",
        "--timeline a runs/x --augment",
        "--others a b --timeline c runs/x",
        "runs/x --help",
        "--help --timeline a runs/x",
    ],
)
def test_the_run_stands_anywhere(words):
    kinds = (Options, Timelines)
    assert terminal.run_folder(kinds, words.split(), description="", prog="x") == "runs/x"


def test_without_a_run_there_is_help_or_a_message(capsys):
    kinds = (Options, Timelines)
    with pytest.raises(UserError, match="The run folder"):
        terminal.run_folder(kinds, ["--timeline", "a"], description="", prog="x")
    with pytest.raises(UserError, match="--timlin. Did you mean --timeline"):
        terminal.run_folder(kinds, ["runs/x", "--timlin", "a"], description="", prog="x")
    for words in (["-h"], ["--timeline", "a", "--help"]):
        with pytest.raises(SystemExit) as status:
            terminal.run_folder(kinds, words, description="What it does.", prog="x")
        assert status.value.code == 0
        text = capsys.readouterr().out
        assert "What it does." in text and "--mode {mean,max}" in text


# === Scripts ===


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
    for bug in (RuntimeError("a bug keeps its traceback"), BrokenPipeError("of a socket")):
        with pytest.raises(type(bug)):
            status(bug)


def test_a_mistyped_option_on_the_terminal():
    result = script("train.py", "quickstart", "--model.unit", "3")
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith("error: Unrecognized option --model.unit. Did you mean --model.units?\n")
    assert len(result.stderr.splitlines()) <= 8


def test_nobody_reads_the_help():
    """The pipe is closed before the first byte comes."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        command = [sys.executable, "train.py", "--help"]
        result = subprocess.run(command, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 141 and not result.stderr


LIGHT = (
    "import sys, runpy, atexit; atexit.register(lambda: print('HEAVY:', *({'keras', 'tensorflow', 'cv2'} & set(sys.modules))));"
)


@pytest.mark.parametrize("name", ["train.py"])
def test_help_imports_nothing_heavy(name):
    code = f"{LIGHT} sys.argv = [{name!r}, '--help']; sys.path.insert(0, '.'); runpy.run_path({name!r}, run_name='__main__')"
    result = script("-c", code)
    assert result.returncode == 0, result.stderr
    assert "usage:" in result.stdout and result.stdout.endswith("HEAVY:\n")
