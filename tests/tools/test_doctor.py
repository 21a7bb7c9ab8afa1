"""python -m videorec.tools.doctor."""

import importlib.metadata
import re

import pytest

from videorec.tools import doctor, doctor_packages, doctor_videos


def test_what_is_there(capsys):
    assert doctor.main([]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"^  tensorflow +{re.escape(importlib.metadata.version('tensorflow'))}$", text, re.MULTILINE)
    assert all(f"\n{title}\n" in text for title in ("Machine", "Videos that OpenCV reads", "Optional"))
    assert "H.264         yes" in text and "CPU" in text


@pytest.mark.parametrize(
    ("installed", "line"),
    [
        (None, "filelock is missing: pip install 'filelock"),
        ("1.0", "filelock must be .*>=3.32.*; 1.0 is installed: pip install"),
    ],
)
def test_what_is_missing_is_said_with_its_command(installed, line, monkeypatch, capsys):
    known = doctor_packages.version_of
    monkeypatch.setattr(doctor_packages, "version_of", lambda name: installed if name == "filelock" else known(name))
    assert doctor.main([]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.search(line, last), last


def test_a_codec_that_cannot_be_read(monkeypatch):
    monkeypatch.setattr(doctor_videos.doctor_samples, "files", lambda: {("none", ".mp4"): b"nothing"})
    ((codec, text),) = doctor_videos.readable()
    assert codec == "none" and text.startswith("CANNOT BE READ by OpenCV")
