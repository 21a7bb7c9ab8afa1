"""Every command of README and docs is one that the scripts take, and the fast ones run as printed."""

import ast
import importlib
import importlib.util
import pkgutil
import shutil

import pytest
from documents import DOCUMENTS, NAMES, ROOT, blocks, commands
from grey_videos import write_video

import evaluate
import predict
import train
from videorec import cli, configs, terminal, tools
from videorec.config import UserError
from videorec.tools import features

SCRIPTS = {f"{module.__name__}.py": module for module in (train, evaluate, predict)}
LISTS = ("videorec", "export")  # these parse nothing, or do at once what they are asked

PYARROW = importlib.util.find_spec("pyarrow") is not None
TRAINED = ROOT / "tests/data/old_runs/trained/clips"
KNOWN = [*(f"videorec.tools.{name}" for name in ("splits", "features", "prepare", "check")), "predict.py"]  # hand words on
TAKEN: set[tuple[str, ...]] = set()  # commands that were looked at: many stand in several documents


class Parsed(Exception):  # noqa: N818 -- no error: the command line was taken
    """Ends a script once it has its options."""


@pytest.fixture
def parsing_only(monkeypatch):
    """Scripts end where their command line is parsed."""

    def ending(parse):
        def parse_and_end(*args, **kwargs):
            parse(*args, **kwargs)
            raise Parsed

        return parse_and_end

    def known(options, args, parse_known=terminal.parse_known, **kwargs):
        parsed, rest = parse_known(options, args, **kwargs)
        if hasattr(parsed, "preset"):  # splits, features: the rest is for train.py
            settings = features.divided(rest)[0] if hasattr(parsed, "runner") else rest
            cli.parse_experiment([parsed.preset, *settings], "")
        elif rest:  # for a runner of Beam
            assert parsed.runner, rest
        raise Parsed

    # parse itself calls parse_known, which must not end there
    monkeypatch.setattr(terminal, "parse", ending(terminal.parse))
    return known


def check(words: list[str], known) -> None:
    """Raises unless the script of a command takes its words."""
    script, *args = words[2:] if words[1] == "-m" else words[1:]
    if script == "-":
        ast.parse(args[0])
    elif script == "evaluate.py":
        check_evaluate(args)
    elif script in LISTS:
        importlib.import_module(f"{script}.__main__")
    elif script not in ("venv", "pip", "pytest"):
        module = SCRIPTS.get(script) or importlib.import_module(script)
        module = module if hasattr(module, "main") else importlib.import_module(f"{script}.__main__")
        with pytest.MonkeyPatch.context() as patch:
            if script in (
                "videorec.tools.splits",
                "videorec.tools.features",
                "videorec.tools.prepare",
                "videorec.tools.check",
                "predict.py",
            ):
                patch.setattr(terminal, "parse_known", known)
            with pytest.raises((Parsed, SystemExit)) as ended:
                module.main(args)
        assert ended.type is Parsed or ended.value.code in (0, None), words


def check_evaluate(args):
    """Which options count is known from the run alone, which is not there: those of one task must take them all."""
    said = []
    for options in evaluate.OPTIONS.values():
        try:
            terminal.parse(options, args, description="", prog="")
        except Parsed:
            return
        except UserError as error:
            said.append(str(error))
    raise AssertionError(said)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_commands_are_taken(path, parsing_only, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(TRAINED, tmp_path / "runs/lrcn")  # --config reads its settings
    refused = []
    for words in commands(path, tmp_path):
        if tuple(words) in TAKEN:
            continue
        TAKEN.add(tuple(words))
        assert "..." not in words and not any(word.endswith("=...") for word in words), f"a literal placeholder: {words}"
        if not words[0].startswith("python"):
            continue
        try:
            check(words, parsing_only)
        except (UserError, ModuleNotFoundError, AssertionError) as error:
            refused.append(f"{' '.join(words)}: {error}")
    assert not refused, "\n".join(refused)


def test_every_preset_and_every_tool_is_in_the_documents():
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert [name for name in configs.names() if f"`{name}`" not in text and f"train.py {name}" not in text] == []
    names = [name for _, name, _ in pkgutil.iter_modules(tools.__path__) if is_a_command(name)]
    assert "index" in names and "benchmark" in names
    assert [name for name in names if f"videorec.tools.{name}" not in text] == []


def is_a_command(name):
    folder = ROOT / "videorec/tools"
    path = folder / f"{name}.py" if (folder / f"{name}.py").exists() else folder / name / "__main__.py"
    return "\ndef main(" in path.read_text(encoding="utf-8")


# === Run as printed ===


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The folder of a reader, with videos by class, a trained run, and nothing of this machine's caches."""
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        for name in ("walk", "run"):
            write_video(tmp_path / f"videos/{name}/rec{number}.mp4", 6)
    for name in ("my", "new", "a", "b", "new/c"):
        write_video(tmp_path / f"{name}.mp4", 6)
    shutil.copytree(TRAINED, tmp_path / "runs/lrcn")
    return tmp_path


def run_as_printed(document, folder, fast):
    """Runs the commands of a document that `fast` chooses, each once, in their order; returns how many."""
    done = []
    for words in commands(ROOT / document, folder):
        if words not in done and words[0] == "python" and fast(words):
            script, *args = words[2:] if words[1] == "-m" else words[1:]
            module = SCRIPTS.get(script) or importlib.import_module(script)
            assert module.main(args) in (0, None), words
            done.append(words)
    return len(done)


@pytest.mark.parametrize("document", ["README.md", "docs/data.md"])
def test_listing_checking_and_preparing_run(document, reader):
    tools_ = ("videorec.tools.index", "videorec.tools.check", "videorec.tools.prepare")
    elsewhere = {"clips/", "--runner"}
    assert run_as_printed(document, reader, lambda words: {*tools_} & {*words} and not elsewhere & {*words}) >= 3
    assert (reader / "videos/manifest.csv").exists() and (reader / "prepared/index.json").exists()


@pytest.mark.parametrize("document", ["README.md", "docs/using.md"])
def test_predicting_runs(document, reader):
    def fast(words):
        here = "--runner" not in words and (PYARROW or "--out" not in words)
        return words[1] == "predict.py" and words[2] == "runs/lrcn" and words[3] != "0" and here

    assert run_as_printed(document, reader, fast) >= 2
    assert len((reader / "answers.csv").read_text(encoding="utf-8").splitlines()) > 1


def test_python_of_using_a_model_runs(reader, capsys):
    first, *_ = blocks(ROOT / "docs/using.md", "python")
    exec(compile(first, "docs/using.md", "exec"), {})
    assert capsys.readouterr().out.count("\n") > 2


@pytest.mark.parametrize("script", ["train.py", "videorec.tools.check", "export.tflite"])
def test_help_is_printed(script, capsys):
    module = SCRIPTS.get(script) or importlib.import_module(script)
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    assert not ended.value.code and f"{script.removesuffix('.py')}" in capsys.readouterr().out
