"""`videorec.tools.script`: train.py and evaluate.py as child processes."""

import io
import os
import signal
import threading

import pytest

from videorec.tools import script


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Run Python text as if it were train.py: (status, log)."""
    monkeypatch.setattr(script, "ROOT", tmp_path)

    def run(text: str, *args: str):
        (tmp_path / "train.py").write_text(text)
        log = io.BytesIO()
        return script.run("train.py", args, log), log.getvalue().decode()

    return run


def test_output_is_passed_on_and_kept(child, capsys):
    text = "import sys\nprint('out', *sys.argv[1:])\nprint('wrong', file=sys.stderr)\nsys.exit(3)"
    status, log = child(text, "a b", "c")
    assert (status, log) == (3, "out a b c\nwrong\n") and capsys.readouterr().out == log
    assert child("import os\nos.kill(os.getpid(), 9)")[0] == -9


@pytest.mark.parametrize("name", ["train.py", "evaluate.py"])
def test_the_scripts_of_the_repository(name, capsys):
    log = io.BytesIO()
    assert script.run(name, ["--help"], log) == 0
    assert log.getvalue().startswith(b"usage:") and b"--data" in log.getvalue()


WAITS = """
import signal, sys, time
def save(*_):
    print("saved", flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(60)
"""


def test_sigterm_lets_the_child_save(child, tmp_path, monkeypatch):
    class Log(io.BytesIO):
        def write(self, part):
            if b"ready" in part:
                threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
            return super().write(part)

    log = Log()
    (tmp_path / "train.py").write_text(WAITS)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        script.run("train.py", (), log)
    assert log.getvalue() == b"ready\nsaved\n"
    assert signal.getsignal(signal.SIGTERM) is before
