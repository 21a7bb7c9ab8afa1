"""Labels: what a class may be called, and names that are one to the eye and two to a computer."""

import logging
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from videorec.config import UserError

log = logging.getLogger(__name__)

SEPARATOR = ";"  # between several labels of one video
UNPRINTABLE = {"Cc": "control character", "Zl": "line break", "Zp": "line break", "Cs": "byte that is not UTF-8"}
INVISIBLE = "Cf"
MENTIONED = 5  # groups of names, in one message


def label(text: str, where: str) -> str:
    """The label that a text means: without blanks around it, and in Unicode's form NFC, in which `é` is one letter.

    Args:
        where: file and line, or folder, for the message.

    Raises:
        UserError: nothing that can be seen, a control character, a line break, or a byte that is not UTF-8 (in the name of a
            folder).
    """
    text = text.strip()
    kinds = () if text.isprintable() else map(unicodedata.category, text)
    for kind in kinds:
        if kind in UNPRINTABLE:
            raise UserError(f"{where}: a label must not hold a {UNPRINTABLE[kind]}. Received: {text!a}")
    if not text or (kinds and not _seen(text)):
        raise UserError(f"{where}: a label must hold a character that can be seen. Received: {text!a}")
    return canonical(text)


def labels(text: str, where: str) -> tuple[str, ...]:
    """The labels that a text lists as `a;b`, each once; raises as `label`."""
    return tuple(dict.fromkeys(label(part, where) for part in text.split(SEPARATOR) if part.strip()))


def canonical(name: str | None) -> str | None:
    """The name of a class or group in Unicode's form NFC."""
    return None if name is None else unicodedata.normalize("NFC", name)


def all_canonical(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes from a command line, or a file of before, in the form that labels have; not checked."""
    return tuple(canonical(name.strip()) for name in names)


def joined(names: Iterable[str]) -> str:
    """The text that `labels` reads again.

    Raises:
        UserError: a label holds the separator.
    """
    names = list(names)
    for name in names:
        if SEPARATOR in name:
            raise UserError(f"A label of a table must not hold {SEPARATOR!r}, which separates several. Received: {name!r}")
    return SEPARATOR.join(names)


def warn_of_alike(counts: Counter, source: str) -> None:
    """Name the labels that differ only by case, by blanks inside or by characters that cannot be seen: often one class.

    Args:
        counts: videos (or segments) by label.
        source: what they are of, for the message.
    """
    alike = defaultdict(list)
    for name in sorted(counts):
        alike[_seen(name)].append(name)
    groups = [" / ".join(f"{_shown(name)} ({counts[name]})" for name in names) for names in alike.values() if len(names) > 1]
    if groups:
        more = f", and {len(groups) - MENTIONED} more" if len(groups) > MENTIONED else ""
        rule = "labels that differ only by case, blanks or invisible characters are classes of their own"
        log.warning("%s: %s: %s%s", source, rule, ", ".join(groups[:MENTIONED]), more)


def _seen(name: str) -> str:
    """The name as a reader takes it."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != INVISIBLE)
    return " ".join(visible.casefold().split())


def _shown(name: str) -> str:
    return ascii(name) if any(unicodedata.category(c) == INVISIBLE for c in name) else name
