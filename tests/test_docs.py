"""What the documents name exists: modules, functions, classes, files, pictures, places in documents; counts are tested."""

import ast
import importlib
import re

import pytest
from documents import DOCUMENTS, NAMES, ROOT, blocks, prose

from videorec.tools.drawings.__main__ import NAMES as DRAWINGS

NAME = re.compile(r"\b(?:videorec|export)(?:\.\w+)+")
LINK = re.compile(r"(?<!`)\]\(([^):=]+)\)")
OWN_MODEL = "videorec.models.largest_features"  # which the reader of docs/adding_a_model.md writes
PAPERS = sorted((ROOT / "docs/papers").glob("*.md"))


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


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_modules_and_names_exist(path):
    text = path.read_text(encoding="utf-8")
    names = {name for name in NAME.findall(text) if not name.endswith(".X")}  # python -m videorec.tools.X
    imported = re.findall(r"^ *from (videorec[\w.]*|export[\w.]*) import ([\w, ]+)", text, re.MULTILINE)
    names |= {f"{module}.{name.split(' as ')[0].strip()}" for module, listed in imported for name in listed.split(",")}
    missing = []
    for name in sorted(names):
        try:
            if not name.startswith(OWN_MODEL):
                resolve(name)
        except (ImportError, AttributeError) as error:
            missing.append(f"{name}: {error}")
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_python_compiles_and_imports_what_exists(path):
    for code in blocks(path, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Import):
                for name in node.names:
                    importlib.import_module(name.name)
            elif isinstance(node, ast.ImportFrom) and node.module != OWN_MODEL:
                for name in node.names:
                    resolve(f"{node.module}.{name.name}")


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(path):
    missing = []
    for link in LINK.findall(prose(path)):
        name, _, anchor = link.strip().partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    assert not missing


def anchors(path):
    """Those that GitHub gives the headings of a document: small letters, blanks as dashes, no punctuation."""
    headings = re.findall(r"^#+ +(.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_is_listed_in_the_index():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    folder = ROOT / "docs"
    missing = [
        path for path in folder.rglob("*.md") if f"]({path.relative_to(folder)})" not in index and path.name != "README.md"
    ]
    assert PAPERS and not missing


@pytest.mark.parametrize("path", PAPERS, ids=[path.name for path in PAPERS])
def test_classes_of_a_paper_are_where_its_page_says(path):
    named = re.findall(
        r"((?:`\w+`(?:, | and )?)+)[^`\[]*\[videorec/[^\]]*\]\((\.\./\.\./videorec/[^)]+\.py)\)", path.read_text("utf-8")
    )
    assert named
    for names, link in named:
        tree = ast.parse((path.parent / link).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        listed = set(re.findall(r"`(\w+)`", names))
        assert listed & defined, (listed, link)


@pytest.mark.parametrize("path", PAPERS, ids=[path.name for path in PAPERS])
def test_counts_of_parameters_are_held_by_tests(path):
    counts = set(re.findall(r"\b\d{1,3}(?:,\d{3}){2,}\b", path.read_text(encoding="utf-8")))
    held = "\n".join(
        test.read_text(encoding="utf-8") for test in [*ROOT.glob("tests/layers/*.py"), *ROOT.glob("tests/models/**/*.py")]
    )
    assert [count for count in sorted(counts) if count.replace(",", "_") not in held] == []


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_are_what_their_scripts_draw(name):
    drawing = importlib.import_module(f"videorec.tools.drawings.{name}").draw()
    assert (ROOT / f"docs/drawings/{name}.svg").read_text(encoding="utf-8") == drawing.svg()
    assert any(f"drawings/{name}.svg)" in path.read_text(encoding="utf-8") for path in PAPERS)
