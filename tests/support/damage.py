"""Damage of every kind to files, drawn from a seed; reading them may succeed, or say a sentence, and nothing else."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from videorec.config import UserError

ODD = (None, True, -1, 0, 7, 10**18, 1e308, "", "x", "../../etc/passwd", [], {}, [[]], {"a": 1}, "\u202e[/x]")


def damage(path: Path, draw: random.Random) -> str:
    """Damage one file, or put something else in its place; says how."""
    kinds = [cut, flip, overwrite, empty, remove, folder_in_place, noise]
    if path.suffix == ".json":
        kinds += [swap_value] * 7
    kind = draw.choice(kinds)
    kind(path, draw)
    return f"{kind.__name__} {path.name}"


def cut(path: Path, draw: random.Random) -> None:
    """Cut the end off."""
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content) + 1)])


def flip(path: Path, draw: random.Random) -> None:
    """Change up to twenty bytes, most of them near the beginning or the end, where the structure of a file stands."""
    content = bytearray(path.read_bytes())
    for _ in range(draw.randint(1, 20) if content else 0):
        near = min(draw.choice([64, 1024, len(content)]), len(content))
        content[draw.choice([-1, 1]) * draw.randrange(near)] = draw.choice([0, 255, draw.randrange(256)])
    path.write_bytes(content)


def overwrite(path: Path, draw: random.Random) -> None:
    """Overwrite a run of bytes with zeros."""
    content = bytearray(path.read_bytes())
    start = draw.randrange(len(content) + 1)
    content[start : start + 512] = bytes(len(content[start : start + 512]))
    path.write_bytes(content)


def empty(path: Path, draw: random.Random) -> None:
    """Leave a file of no bytes."""
    path.write_bytes(b"")


def noise(path: Path, draw: random.Random) -> None:
    """Leave random bytes."""
    path.write_bytes(draw.randbytes(draw.randrange(1, 2000)))


def remove(path: Path, draw: random.Random) -> None:
    """Remove the file."""
    path.unlink()


def folder_in_place(path: Path, draw: random.Random) -> None:
    """Put a folder where the file was."""
    path.unlink()
    path.mkdir()


def swap_value(path: Path, draw: random.Random) -> None:
    """Replace a value of a JSON file, or drop it."""
    try:
        tree = json.loads(path.read_bytes())
    except ValueError:
        return
    places = [(tree, key) for key in keys(tree)]
    for holder, key in places:  # grows while it is walked
        places += [(holder[key], inner) for inner in keys(holder[key])]
    if not places:
        return
    holder, key = draw.choice(places)
    if draw.random() < 0.2:
        del holder[key]
    else:
        holder[key] = draw.choice(ODD)
    path.write_text(json.dumps(tree), encoding="utf-8")


def keys(tree) -> Iterator:
    """Of an object or a list."""
    return iter(list(tree)) if isinstance(tree, dict) else iter(range(len(tree)) if isinstance(tree, list) else ())


def trial(whole: Path, folder: Path, seed: int, read: Callable[[Path], object], files: str = "*") -> str:
    """Damage one file of a copy of `whole`, read the copy, and say what was done and what came of it.

    Args:
        whole: a folder, or a file.
        folder: where the copy is made.
        files: the pattern of those that may be damaged.

    Raises:
        AssertionError: reading raised anything but a UserError, or one without the name of any file or folder in the copy.
    """
    draw, place = random.Random(seed), folder / whole.name
    if whole.is_dir():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(whole, place)
        paths = sorted(path for path in place.rglob(files) if path.is_file())
    else:
        place = folder / f"{whole.stem}_{seed}{whole.suffix}"  # readers may keep files open by their names
        shutil.rmtree(place, ignore_errors=True)
        shutil.copyfile(whole, place)
        paths = [place]
    done = damage(draw.choice(paths), draw)
    try:
        read(place)
    except UserError as error:
        assert str(place) in str(error), f"{seed}, {done}: no file is named: {error}"
        return f"{done}: {error}"
    except Exception as error:
        raise AssertionError(f"{seed}, {done}: {type(error).__name__}: {error}") from error
    return f"{done}: read"
