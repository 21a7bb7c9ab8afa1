"""The videos of several runs together: the split of who has seen most, in whole groups."""

import pytest

from videorec.config import UserError
from videorec.data.joined_records import Known, check_same_videos, join, tell
from videorec.data.record import Entry, Record


def known(base: str = "videos", name: str = "run", **splits) -> Known:
    """`a="test"`: the video a.mp4; `b_g="train"`: b.mp4 of the group g."""
    rows = [(key.partition("_"), split) for key, split in splits.items()]
    return Known(name, base, Record(tuple(Entry(f"{a}.mp4", ("x",), group=g or None, split=s) for (a, _, g), s in rows)))


def splits(record: Record) -> dict[str, str | None]:
    return {entry.path.removesuffix(".mp4"): entry.split for entry in record.entries}


def test_each_video_is_in_the_split_of_who_has_seen_most_of_it():
    one = known(a="train", b="test", c="test", d="val", e=None, f="test", g=None)
    other = known(a="test", b="train", c="test", d="test", e="val", f="val", g=None)
    together = {"a": "train", "b": "train", "c": "test", "d": "val", "e": "val", "f": "val", "g": None}
    assert splits(join([one, other])) == splits(join([other, one])) == together
    assert join([one]) == one.record


def test_a_group_is_not_divided():
    """The video b was not there when the second run was made, and a, of the same recording, trained it."""
    one, other = known(a_g="test", b_g="test", c_h="test"), known(a_g="train", c_h="test")
    assert splits(join([one, other])) == {"a": "train", "b": "train", "c": "test"}


def test_paths_from_another_folder(tmp_path):
    one, other = known(str(tmp_path / "all"), a="test", b="train"), known(str(tmp_path / "all/"), a="train", b="test")
    assert splits(join([one, other])) == {"a": "train", "b": "train"}
    below = Known("below", str(tmp_path), Record(tuple(Entry(f"all/{n}.mp4", ("x",), split="train") for n in "ab")))
    check_same_videos(one, below)
    assert splits(join([one, below])) == {"a": "train", "b": "train"}
    elsewhere = known(str(tmp_path / "other"), "else", a="train", b="train")
    with pytest.raises(UserError, match="run: 2 videos, else: 2, 4 of them in one alone"):
        check_same_videos(one, elsewhere)


def test_what_is_said(caplog):
    one, other = known(name="first", a="test", b="test", c="val", d="train"), known(a="train", b="test", c="train", d="train")
    tell(one, join([one, other]))
    assert "1 of the 2 test videos of first were seen by another member in its training, and are no test videos" in caplog.text
    assert "1 of the 1 val videos of first" in caplog.text and "1 test videos are left. Members of one manifest" in caplog.text
    caplog.clear()
    tell(one, join([one, one]))
    assert not caplog.text
    tell(one, join([one, known(a="train", b="val", c="val", d="train")]))
    assert "0 test videos are left" in caplog.text
