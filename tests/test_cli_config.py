"""train.py --config and --print-config; the lists of python -m videorec and python -m export; what pip install . gives."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from videorec import cli, configs
from videorec.config import UserError
from videorec.config.dense import DenseData

ROOT = Path(__file__).resolve().parents[1]


def parse(*args: str):
    return cli.parse_experiment(list(args), "")


def printed(capsys, *args: str) -> str:
    with pytest.raises(SystemExit) as status:
        parse(*args, "--print-config")
    assert not status.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("preset", configs.names())
def test_every_preset_comes_back_from_what_is_printed(preset, tmp_path, capsys):
    (tmp_path / "mine.json").write_text(printed(capsys, preset), encoding="utf-8")
    assert parse("--config", str(tmp_path / "mine.json")) == parse(preset)


def test_settings_of_the_command_line_are_printed_and_override_the_file(tmp_path, capsys):
    text = printed(capsys, "lrcn", "--model.units", "7", "--train.epochs", "3")
    assert json.loads(text)["model"]["units"] == 7
    (tmp_path / "mine.json").write_text(text, encoding="utf-8")
    experiment = parse(f"--config={tmp_path / 'mine.json'}", "--name", "x", "--train.epochs", "5")
    assert (experiment.name, experiment.model.units, experiment.train.epochs) == ("x", 7, 5)
    dense = parse("--config", str(tmp_path / "mine.json"), "--model.target", "dense", "--data.single")
    assert isinstance(dense.data, DenseData) and dense.data.single and dense.model.units == 7


def test_another_run_has_a_name_of_its_own(old_runs):
    run = next(old_runs.glob("trained/*/config.json")).parent
    where = ("--runs", str(run.parent))
    for file in (run, run / "config.json"):
        with pytest.raises(
            UserError, match=f"settings of the run .*{run.name}: give the new run a name of its own with --name"
        ):
            parse("--config", str(file), *where)
    new = parse("--config", str(run), *where, "--name", "second", "--train.seed", "5")
    assert (new.name, new.train.seed) == ("second", 5)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--config", "--config takes one file.*Received: none"),
        ("--config --train.epochs 3", "--config takes one file"),
        ("--config a --config=b", "--config takes one file.*Received: a b"),
        ("lrcn --config a", "Give a preset or --config, not both. Received: lrcn and --config a"),
        ("--config nowhere.json", "nowhere.json, which is not there"),
        ("--config {folder}/text.json", "it is no JSON.*what --print-config writes"),
        ("--config {folder}/other.json", "an experiment has no setting 'architectures'"),
        ("--config {folder}/good.json --model.unit 3", "Did you mean --model.units"),
    ],
)
def test_refusals(args, message, tmp_path, capsys):
    (tmp_path / "text.json").write_text("# mine", encoding="utf-8")
    (tmp_path / "other.json").write_text('{"model": {"name": "lrcn"}, "architectures": ["Bert"]}', encoding="utf-8")
    (tmp_path / "good.json").write_text(printed(capsys, "lrcn"), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        parse(*args.format(folder=tmp_path).split())


def test_the_lists_name_every_script():
    shown = {
        module: subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        for module in ("videorec", "export")
    }
    for path in [*ROOT.glob("*.py"), *ROOT.glob("export/*.py"), *ROOT.glob("videorec/tools/*.py")]:
        name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        command = f"  python {path.name} " if path.parent == ROOT else f"  python -m {name} "
        is_script = "terminal.run(main)" in path.read_text(encoding="utf-8") and path.stem != "__main__"
        assert (command in shown["videorec"]) == is_script, name
        assert (command in shown["export"]) == (is_script and path.parent.name == "export"), name
    with pytest.raises(UserError, match="takes no options.*Received: lrcn"):
        cli.refuse_words(["--help", "lrcn"], "python -m videorec")


def test_the_package_is_everything_below_videorec_and_needs_what_requirements_txt_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version", "dependencies"]
    assert project["tool"]["setuptools"]["dynamic"]["dependencies"] == {"file": ["requirements.txt"]}
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["videorec", "videorec.*"]
    folders = {path.parent for path in ROOT.glob("videorec/**/*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)  # else it is left out
    assert not [path for path in ROOT.glob("videorec/**/*.*") if path.suffix not in (".py", ".pyc")]
