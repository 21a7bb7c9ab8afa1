"""The options that a dataclass gives a command line, and what to answer to words that are none of them."""

import contextlib
import dataclasses
import difflib
import os
import re
from collections.abc import Iterator, Sequence

import tyro

from videorec.config.errors import UserError

HELP = ("-h", "--help")
LISTED = 5  # unknown options named in one message


def refuse_unknown(options: type | object, words: Sequence[str], prog: str, hint: str = "") -> None:
    """Refuse words of a command line that a dataclass of options does not know.

    Raises:
        UserError: with the nearest option for each, and the hint.
    """
    if message := refusal(words, set(flags(options)), prog, hint):
        raise UserError(message)


def flags(options: type | object, prefix: str = "") -> Iterator[str]:
    """Every option of a dataclass and of those in it: `--data.path`, `--data.augment` and `--data.no-augment`."""
    for field in dataclasses.fields(options):
        value = _value(options, field)
        name = prefix + field.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            yield from flags(value, f"{name}.")
        elif tyro.conf.Positional[str].__metadata__[0] not in getattr(field.type, "__metadata__", ()):
            yield f"--{name}"
            if field.type is bool:
                yield f"--{prefix}no-{name.removeprefix(prefix)}"


def _value(options: type | object, field: dataclasses.Field):
    if not isinstance(options, type):
        return getattr(options, field.name)
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def is_flag(word: str) -> bool:
    """Whether a word names an option; negative numbers and `--` do not."""
    return re.match(r"--[A-Za-z]|-h$", word) is not None


def unknown(words: Sequence[str], known: set[str]) -> list[str]:
    """The words that are no known option; underscores are dashes, as everywhere. Where options are among them, the other
    words are their values."""
    names = [word.split("=")[0] for word in words if is_flag(word)] or words
    return [name for name in names if name.replace("_", "-") not in {*known, *HELP}]


def refusal(words: Sequence[str], known: set[str], prog: str, hint: str = "") -> str:
    """What to answer to unknown words; empty where all are known."""
    lines = []
    for word in unknown(words, known):
        close = _nearest(word.replace("_", "-"), known) if is_flag(word) else ()
        guess = f" Did you mean {' or '.join(close)}?" if close else ""
        lines.append(f"{'Unrecognized option' if is_flag(word) else 'Unexpected value'} {word}.{guess}")
    if len(lines) > LISTED:
        lines[LISTED:] = [f"And {len(lines) - LISTED} more."]
    return with_help("\n".join([*lines, *filter(None, [hint])]), prog) if lines else ""


def _nearest(word: str, known: set[str]) -> list[str]:
    """The nearest options, several where they are equally near; their last part counts by itself too (--units)."""
    scores = {name: max(_likeness(word, name), 0.95 * _likeness(_last(word), _last(name))) for name in sorted(known)}
    best = max(scores.values(), default=0)
    return [name for name, score in scores.items() if score == best][:3] if best > 0.6 else []


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.lstrip("-"), other.lstrip("-")).ratio()


def _last(flag: str) -> str:
    return flag.lstrip("-").rsplit(".", 1)[-1]


def with_help(message: str, prog: str) -> str:
    """A message, and where to read more."""
    return f"{message}\nHelp: {prog} --help"


def in_short(text: str) -> str:
    """What tyro says is wrong, in two lines: its box without title, frame, colours and the option's whole help text."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    parts = [[]]
    for line in (line.strip("│ ") for line in plain.splitlines()[1:]):
        if line.strip("─-╰╯"):
            parts[-1].append(line)
        elif parts[-1]:  # a rule, or an empty line
            parts.append([])
    takes = [f"It takes: {part[1]}" for part in parts if part[:1] == ["Argument helptext:"]]
    return "\n".join([" ".join(parts[0]), *takes])


@contextlib.contextmanager
def without_wrapping() -> Iterator[None]:
    """tyro wraps its messages, long paths included, to the width of the terminal: here a very wide one."""
    width = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100000"
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if width is not None:
            os.environ["COLUMNS"] = width
