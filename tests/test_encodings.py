"""Text is read and written as UTF-8, whatever the system's locale is."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [*ROOT.glob("*.py"), *ROOT.glob("export/**/*.py"), *ROOT.glob("videorec/**/*.py")]


def without_encoding(tree: ast.AST) -> list[int]:
    """The lines of the calls that open a text file, or run a process for its text, in the encoding of the locale."""
    return [
        call.lineno for call in ast.walk(tree) if isinstance(call, ast.Call) and _is_text(call) and not _says(call, "encoding")
    ]


def _is_text(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("read_text", "write_text"):
        return isinstance(call.func, ast.Attribute)
    if name in ("run", "Popen", "check_output"):
        return _says(call, "text") or _says(call, "universal_newlines")
    if name in ("NamedTemporaryFile", "TemporaryFile"):
        return "b" not in _mode(call, 0, "w+b")
    if (isinstance(call.func, ast.Name) and name == "open") or name == "fdopen":
        return "b" not in _mode(call, 1, "r")
    first = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    return name == "open" and isinstance(first, str) and bool(first) and set(first) <= set("rwaxt+")  # Path.open("w")


def _mode(call: ast.Call, place: int, default: str) -> str:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] or call.args[place : place + 1]
    return given[0].value if given and isinstance(given[0], ast.Constant) else default


def _says(call: ast.Call, name: str) -> bool:
    return any(keyword.arg == name for keyword in call.keywords)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_file_names_its_encoding(path):
    lines = without_encoding(ast.parse(path.read_text(encoding="utf-8")))
    assert not lines, f"{path}, lines {lines}: encoding= is missing"


def test_what_is_noticed():
    code = "open(p)\nopen(p, 'w')\np.read_text()\np.open('w')\nrun(a, text=True)\nopen(p, mode='r')\nNamedTemporaryFile('w')\n"
    assert without_encoding(ast.parse(code)) == [1, 2, 3, 4, 5, 6, 7]
    fine = (
        "open(p, 'rb')\nRun.open(p)\np.read_text(encoding='utf-8')\nav.open(p, 'w')\nrun(a)\nopen(p, 'w', encoding='utf-8')\n"
    )
    assert without_encoding(ast.parse(fine)) == []
