"""Names of classes and files that would be markup, formulas, code or commands of a terminal are shown as they are."""

import csv
import io
import json
import logging
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from grey_videos import write_video
from rich.table import Table
from tiny_runs import QUICK, trained

import evaluate
import predict
from export import saved_model
from videorec import terminal
from videorec.reports import pictures, spreadsheet
from videorec.reports.confusion import confusion_figure
from videorec.reports.files import as_png
from videorec.tools import check, compare, gallery, index

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ("$\\frac{1$", "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "[/x]", "[bold]\u202eb", "x" * 200)
FILES = ("\x1b[31mred.avi", "=1+1.avi", "[link=javascript:x].avi", "\rover.avi", "two\nlines.avi")
HARMFUL = {"Cc", "Cf", "Zl", "Zp"}


def harmless(text: str) -> bool:
    return all(letter == "\n" or unicodedata.category(letter) not in HARMFUL for letter in text)


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """A folder of videos, with the manifest that gives them their labels."""
    folder, rows = tmp_path_factory.mktemp("outside"), []
    for number, label in enumerate(CLASSES):
        (folder / f"{number}").mkdir()
        for k, name in enumerate(FILES):
            shutil.move(write_video(folder / "video.avi", 5 + 5 * number + k), folder / f"{number}" / name)
        rows += [(f"{number}/{name}", label, split) for name, split in zip(FILES, ("test", "val", "train"), strict=False)]
    with open(folder / "videos.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "split"), *rows])
    return folder


@pytest.fixture(scope="module")
def run(videos):
    args = f"{QUICK} --train.epochs 1 --train.cache-dir {videos}/cache --data.path {videos}/videos.csv"
    return trained("quickstart", args, "[bold]r", videos / "runs")


def cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]


def formulas(text: str) -> list[str]:
    return [cell for cell in cells(text) if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_measured(run, capsys):
    assert evaluate.main([run.place]) == 0
    shown = capsys.readouterr().out
    assert harmless(shown)
    assert "[/x]" in shown and "[bold]\\u202eb" in shown and "=cmd|' /C calc'!A0" in shown and "$\\frac{1$" in shown
    text = (run.folder / "predictions.csv").read_text(encoding="utf-8")
    assert not formulas(text) and "'=cmd|' /C calc'!A0" in cells(text)
    assert set(json.loads((run.folder / "results.json").read_text())["per_class"]) == set(CLASSES)
    assert compare.main([run.place, "--repeats", "1"]) == 0 and compare.main([run.place, "--repeats", "1", "--markdown"]) == 0
    assert gallery.main([run.place, "--clips", "6"]) == 0
    assert harmless(capsys.readouterr().out)


def test_predicted(run, videos, tmp_path, capsys):
    words = [run.place, str(videos / "0"), "--csv", str(tmp_path / "a.csv"), "--json", str(tmp_path / "a.json")]
    assert predict.main([*words, "--save", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert harmless(shown) and "\\x1b[31mred.avi" in shown and "[link=javascript:x].avi" in shown
    assert not formulas((tmp_path / "a.csv").read_text(encoding="utf-8"))
    names = [entry["video"] for entry in json.loads((tmp_path / "a.json").read_text())]
    assert sorted(Path(name).name for name in names) == sorted(FILES)
    assert len(list((tmp_path / "out").iterdir())) == len(FILES)
    for name in FILES:
        assert predict.main([run.place, str(videos / "1" / name)]) == 0
    assert harmless(capsys.readouterr().out)
    assert saved_model.main([run.place, "--out", str(tmp_path / "model"), "--no-verify"]) == 0
    assert predict.main([str(tmp_path / "model"), str(videos / "2")]) == 0
    assert harmless(capsys.readouterr().out)


def test_checked_and_listed(videos, tmp_path, capsys):
    (tmp_path / "=x" / "[bold]").mkdir(parents=True)
    (tmp_path / "=x" / "[bold]" / "\x1b[31m.avi").write_bytes(b"no video")
    assert check.main([str(tmp_path / "=x"), "--out", str(tmp_path / "check.csv")]) == 1
    assert index.main([str(videos / "videos.csv"), "--out", str(tmp_path / "manifest.csv"), "--val", "0"]) == 0
    shown = capsys.readouterr().out
    assert harmless(shown) and "[/x]" in shown and "\\x1b[31m.avi" in shown
    assert not formulas((tmp_path / "check.csv").read_text(encoding="utf-8"))
    listed = cells((tmp_path / "manifest.csv").read_text(encoding="utf-8"))
    assert "=cmd|' /C calc'!A0" in listed and "'=cmd|' /C calc'!A0" not in listed  # what is read again stays as it is


def test_errors_and_log_of_a_script(tmp_path):
    """A message with markup, a colour and a line that would be written over."""
    code = "import logging, sys\nfrom videorec import terminal\nfrom videorec.config import UserError\n"
    code += (
        "def main(args):\n    logging.getLogger('x').info('%s', args[0])\n    raise UserError(args[0])\nterminal.run(main)\n"
    )
    name = "[/x] [bold]\x1b[31m \rnothing \u202e"
    done = subprocess.run([sys.executable, "-c", code, name], cwd=ROOT, capture_output=True, text=True)
    shown = "[/x] [bold]\\x1b[31m \\rnothing \\u202e"
    assert (done.returncode, done.stderr.splitlines()) == (2, [shown, f"error: {shown}"])


# === One by one ===


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, été 日本 \N{FAMILY}", "plain, été 日本 \N{FAMILY}"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b]8;;http://x\x1b\\", "\\x1b]8;;http://x\\x1b\\"),
        ("a\b\x7f\x9b", "a\\x08\\x7f\\x9b"),
        ("\u2066a\u2028\u200f", "\\u2066a\\u2028\\u200f"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("b\udce9", "b\\udce9"),
    ],
)
def test_visible(text, shown):
    assert terminal.visible(text) == shown == terminal.visible(shown)


def test_a_table_on_the_console():
    file = io.StringIO()
    table = Table("[bold]head", title="[/t]:smile:")
    table.add_row("[/x]\x1b[31m")
    terminal.console(file=file, width=60).print(table, "[/y]\r", style="bold")
    assert all(part in file.getvalue() for part in ("[bold]head", "[/t]:smile:", "[/x]\\x1b[31m", "[/y]\\r"))
    with terminal.Bar("[/x]") as bar:
        bar(1, 2)


def test_log_lines():
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s left out", ("\x1b[2J",), None)
    assert terminal.Formatter("%(message)s").format(record) == "\\x1b[2J left out"


@pytest.mark.parametrize(
    ("text", "written"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-x", "'-x"), ("+cmd", "'+cmd"), ("\tx", "'\tx"), ("a=b", "a=b"), ("", "")],
)
def test_cells(text, written):
    assert spreadsheet.cell(text) == written


@pytest.mark.parametrize("number", ["-0.5", "+3", "1e-5", "-2.5e-07"])
def test_numbers_stay_numbers(number):
    assert spreadsheet.cell(number) == number


def test_figures():
    names = ("$\\frac{1$", "y" * 5000, "\x1b[31m")
    content = as_png(confusion_figure(np.eye(3), names, "$\\frac{1$"))
    assert content.startswith(b"\x89PNG")
    rows = {name: {"ap": 0.5, "chance": 0.1, "positive_frames": 3} for name in names}
    assert as_png(pictures.precision_figure(rows, "$\\x$")).startswith(b"\x89PNG")
    curves = {"$\\frac{1$": {"model": [0.1, 0.2]}}
    assert as_png(pictures.by_lead_figure(curves, "$\\frac{1$")).startswith(b"\x89PNG")
