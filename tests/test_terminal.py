"""What scripts share: their command line, exit statuses, and a help that comes at once."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import tyro

import videorec
from videorec import terminal
from videorec.config import UserError
from videorec.config.native_notes import native_notes_hidden

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


def test_help_comes_before_mistakes(capsys):
    with pytest.raises(SystemExit) as status:
        parse("runs/x --mod max --help")
    assert status.value.code == 0 and "--mode {mean,max}" in capsys.readouterr().out


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
    result = script("-m", "videorec.tools.check", "videos", "--worker", "3")
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.splitlines() == [
        "error: Unrecognized option --worker. Did you mean --workers?",
        "Help: python -m videorec.tools.check --help",
    ]


def test_nobody_reads_the_help():
    """The pipe is closed before the first byte comes."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        command = [sys.executable, "train.py", "--help"]
        result = subprocess.run(command, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 141 and not result.stderr


HELP = """
import atexit, runpy, sys

heavy = {"keras", "tensorflow", "cv2", "matplotlib", "sklearn"}
atexit.register(lambda: print("imported:", *sorted(heavy & set(sys.modules))))
name = sys.argv[1]
sys.argv = [name, "--help"]
sys.path.insert(0, "")
if name.endswith(".py"):
    runpy.run_path(name, run_name="__main__")
else:
    runpy.run_module(name, run_name="__main__", alter_sys=True)
"""
SCRIPTS = ("train.py", "evaluate.py", "predict.py")
EXPORTS = ("onnx", "saved_model", "tflite", "verify")
TOOLS = (
    *("benchmark", "caffe_weights"),
    "check",
    "compare",
    "doctor",
    "drawings",
    "explain",
    "features",
    *("folds", "fuse"),
    "gallery",
    "index",
    "prepare",
    "report",
    *("splits", "tensorboard"),
)
LISTS = ("videorec/__main__.py", "export/__main__.py")


@pytest.mark.parametrize(
    "name", [*SCRIPTS, *(f"export.{name}" for name in EXPORTS), *(f"videorec.tools.{name}" for name in TOOLS)]
)
def test_help_imports_nothing_heavy(name):
    result = script("-c", HELP, name)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage:") and result.stdout.endswith("\nimported:\n")


def test_all_of_them_are_tested():
    files = [*ROOT.glob("*.py"), *(ROOT / "export").rglob("*.py"), *(ROOT / "videorec").rglob("*.py")]
    scripts = {path.relative_to(ROOT) for path in files if "terminal.run(main)" in path.read_text()} - {*map(Path, LISTS)}
    tools = {path.stem if path.stem != "__main__" else path.parent.name for path in scripts if path.parts[0] == "videorec"}
    assert tools == set(TOOLS)
    assert {path.stem for path in scripts if path.parts[0] == "export"} == set(EXPORTS)
    assert {path.name for path in scripts if len(path.parts) == 1} == set(SCRIPTS)


def test_notes_of_libraries_are_hidden_and_ours_are_not(capfd):
    with native_notes_hidden():
        os.write(2, b"INFO: Created a delegate\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_scripts_open_files_alone_until_a_camera_is_named(monkeypatch):
    name, rule = next(iter(videorec.FILES_ALONE.items()))
    for own in (None, "rtsp_transport;udp"):
        monkeypatch.setenv(name, own) if own else monkeypatch.delenv(name, raising=False)
        seen = []
        with pytest.raises(SystemExit):
            terminal.run(lambda args: seen.append(os.environ[name]))  # noqa: B023 -- called at once
        assert seen == [own or rule]
        terminal.allow_streams()
        assert os.environ.get(name) == own


NOISY = """
import sys
from videorec.config.native_notes import hide_those_of_tensorflow
sys.path.insert(0, sys.argv[1])
hide_those_of_tensorflow()
try:
    import tensorflow
    print(tensorflow.number)
except ImportError as error:
    print(error)
import os
os.write(2, b"ours")
"""


@pytest.mark.parametrize(("end", "printed"), [("number = 3", "3"), ("raise ImportError('no cuda')", "no cuda")])
def test_what_tensorflow_notes_while_it_is_imported_is_hidden_and_errors_are_not(end, printed, tmp_path):
    (tmp_path / "tensorflow.py").write_text(f"import os\nos.write(2, b'I0000 port.cc oneDNN')\n{end}\n", encoding="utf-8")
    result = script("-c", NOISY, str(tmp_path))
    assert (result.stdout.strip(), result.stderr) == (printed, "ours")


def test_without_a_terminal_progress_is_a_line_every_half_minute(monkeypatch, caplog):
    caplog.set_level("INFO")
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    with terminal.Bar("features") as bar:
        for done in range(0, 201):  # a second each
            bar(done, 200)
            now[0] += 1
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "features: 30 of 200 (15 %), 2:50 left" and lines[-1] == "features: 180 of 200 (90 %), 0:20 left"
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (9e4, "25:00:00")]
)
def test_times_for_people(seconds, text):
    assert terminal.clock(seconds) == text
