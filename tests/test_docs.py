"""What the documents name exists: modules, functions, options, files."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAME = re.compile(r"\b(?:videorec|export)(?:\.\w+)+")
LINK = re.compile(r"(?<!`)\]\(([^)#:=]+)\)")


def resolve(name: str) -> None:
    """Raises ImportError or AttributeError unless a dotted name is a module, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[count:]:
            value = getattr(value, attribute)
        return
    raise ImportError(name)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_modules_and_names_exist(path):
    text = path.read_text()
    names = {name for name in NAME.findall(text) if not name.endswith(".X")}  # python -m videorec.tools.X
    imported = re.findall(r"^ *from (videorec[\w.]*|export[\w.]*) import ([\w, ]+)", text, re.MULTILINE)
    names |= {f"{module}.{name.split(' as ')[0].strip()}" for module, listed in imported for name in listed.split(",")}
    missing = []
    for name in sorted(names):
        try:
            resolve(name)
        except (ImportError, AttributeError) as error:
            missing.append(f"{name}: {error}")
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_exist(path):
    missing = [link for link in LINK.findall(path.read_text()) if not (path.parent / link.strip()).exists()]
    assert not missing
