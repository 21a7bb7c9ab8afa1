"""A remote run and the folders in which machines work on it: what is newer is copied, conflicts are named."""

import json

import pytest
from remote_files import below

from videorec.config import UserError
from videorec.runs.mirror import Mirror
from videorec.runs.run import Run
from videorec.storage import files


@pytest.fixture
def two(s3, tmp_path, monkeypatch):
    """Two machines' mirrors of one run, and the home folder of each."""

    def machine(name: str) -> Mirror:
        monkeypatch.setenv("HOME", str(tmp_path / name))
        return Mirror(f"{s3}/runs/x")

    one, other = machine("one"), machine("other")
    write(one, **{"config.json": "c", "state/state.json": "1", "state/w1": "w1", "model.keras": "m1"})
    one.push()
    other.pull()
    return one, other


def write(side: Mirror, **content: str) -> None:
    for name, text in content.items():
        (side.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (side.folder / name).write_text(text)


def content(side: Mirror) -> dict[str, str]:
    """The files of one side, but for its own notes and what is not finished."""
    paths = {path.relative_to(side.folder).as_posix(): path for path in side.folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in paths.items() if not name.startswith((".", "new_"))}


def test_one_trains_while_another_evaluates(two):
    one, other = two
    assert content(one) == content(other)
    write(one, **{"state/state.json": "2", "state/w2": "w2", "model.keras": "m2", "new_model.keras": "half"})
    (one.folder / "state/w1").unlink()
    write(other, **{"results.json": "r"})
    one.push()
    other.push()
    other.pull()
    one.pull()
    expected = {"config.json": "c", "state/state.json": "2", "state/w2": "w2", "model.keras": "m2", "results.json": "r"}
    assert content(one) == content(other) == expected
    assert below(one.url) == {*expected, "files.json"}


def test_a_conflict_touches_neither_side(two):
    one, other = two
    write(one, **{"model.keras": "m2"})
    one.push()
    write(other, **{"model.keras": "m3", "results.json": "r"})
    for action in (other.push, other.pull):
        with pytest.raises(UserError, match=r"has changed at s3://.* and in .* since both were the same: model\.keras"):
            action()
    assert files.read(f"{one.url}/model.keras") == b"m2" and content(other)["model.keras"] == "m3"
    assert "results.json" not in below(one.url)


def test_an_interrupted_upload_leaves_a_whole_state(two, monkeypatch):
    one, other = two
    write(one, **{"state/state.json": "2", "state/w2": "w2", "model.keras": "m2"})
    copied = []

    def fail_at_last(source, path):
        if copied[1:]:
            raise OSError("gone")
        copied.append(path)
        copy(source, path)

    copy = files.copy
    with monkeypatch.context() as gone, pytest.raises(UserError, match="Nothing is lost"):
        gone.setattr(files, "copy", fail_at_last)
        one.push()
    assert [path.rsplit("/", 1)[1] for path in copied] == ["model.keras", "w2"]
    assert files.read(f"{one.url}/state/state.json") == b"1" and "state/w1" in below(one.url)
    one.push()
    other.pull()
    assert content(other) == content(one)


def test_a_run_brought_there_by_other_means(s3, tmp_path):
    for name in ("config.json", "state/state.json"):
        files.write(f"{s3}/runs/x/{name}", name.encode())
    side = Mirror(f"{s3}/runs/x")
    side.pull()
    assert content(side) == {"config.json": "config.json", "state/state.json": "state/state.json"}
    write(side, **{"results.json": "r"})
    side.push()
    assert files.read(f"{s3}/runs/x/results.json") == b"r"
    assert {*json.loads(files.read(f"{s3}/runs/x/files.json"))} == {"config.json", "state/state.json", "results.json"}


def test_clear(two):
    one, other = two
    one.clear()
    assert below(one.url) == set()
    write(other, **{"config.json": "new"})
    other.push()
    assert files.read(f"{one.url}/config.json") == b"new"


def test_no_run_there(two, s3):
    with pytest.raises(UserError, match=r"s3://.*/runs/y is no run: it has no config.json. Runs there: x\."):
        Run.open(f"{s3}/runs/y")
