"""README.md and docs/: their blocks of code, and the commands that these and the prose hold."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_IN_PROSE = re.compile(r"`((?:\.venv/bin/)?python3? (?:-m )?(?:train\.py|evaluate\.py|predict\.py|videorec|export|docs)[^`]*)`")
_PLACEHOLDERS = {"PRESET": "lrcn", "NAME": "lrcn", "FILE": "config.json"}
# What commands of the documents call: each writes its words down, zeros between them, and what it is given on standard input.
_STUBS = ("python", "python3", "pip", "make", "tensorboard", "unzip", "source")
_STUB = """{name}() {{
    printf '%s\\0' {name} "$@" >> "$WORDS"
    if [ "$1" = - ]; then printf '%s\\0' "$(</dev/stdin)" >> "$WORDS"; fi
    printf '\\n\\0' >> "$WORDS"
}}
"""


def blocks(path: Path, *languages: str) -> list[str]:
    """The fenced blocks of a document in one of some languages ("": none named), without their indentation."""
    text = path.read_text(encoding="utf-8")
    return [
        re.sub(f"^{indent}", "", body, flags=re.MULTILINE) for indent, kind, body in _BLOCK.findall(text) if kind in languages
    ]


def prose(path: Path) -> str:
    """A document without its blocks."""
    return _BLOCK.sub("", path.read_text(encoding="utf-8"))


def commands(path: Path, folder: Path) -> list[list[str]]:
    """The words of every command of a document as bash divides them: variables, loops, ends of lines. No program is run.

    Raises:
        AssertionError: bash ends a block with an error: a mistake in it, or a program that is none of `_STUBS`.
    """
    scripts = [_shown(body) for body in blocks(path, "", "sh", "bash")]
    inline = " ".join(prose(path).split())  # lines of prose end anywhere
    scripts += [re.sub(r" (\.\.\.|…)$", "", text) for text in _IN_PROSE.findall(inline)]
    scripts = [
        script for script in scripts if not re.search(r"\bPRESET\b|tools\.X\b|^\S+ (-m )?[\w.]+$", script)
    ]  # names alone
    return [words for script in scripts for words in _words(script, folder)]


def _shown(body: str) -> str:
    """Of a block that shows what a command prints, the command: its lines begin with `$ `."""
    typed = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
    return "\n".join(typed) if typed else body


def _words(script: str, folder: Path) -> list[list[str]]:
    file = folder / "words"
    file.write_bytes(b"")
    stubs = "".join(_STUB.format(name=name) for name in _STUBS)
    script = script.replace(".venv/bin/python", "python")
    result = subprocess.run(
        ["/bin/bash", "-c", f"set -e\n{stubs}\n{script}"],
        cwd=folder,
        env={"WORDS": str(file), "PATH": str(folder), "HOME": str(folder)},  # no program is found but what is stubbed
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 0, f"{result.stderr}\nin:\n{script}"
    lines = file.read_text(encoding="utf-8").split("\n\0")[:-1]
    return [[_PLACEHOLDERS.get(word, word) for word in line.removesuffix("\0").split("\0")] for line in lines]
