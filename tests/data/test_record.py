"""The record of a run's videos: its file, and how it names what lies where."""

import os

import pytest

from videorec.config import UserError
from videorec.data import record
from videorec.data.record import Entry, Record

# Names that tables change when nobody takes care: formulas, separators, line breaks, blanks, bytes that are not UTF-8.
NAMES = ["=1+1.mp4", "+a.mp4", "-a.mp4", "@a.mp4", "a,b;c.mp4", 'quote".mp4', "line\nbreak.mp4", "cr\r.mp4", " blank .mp4"]
NAMES += [os.fsdecode(b"caf\xe9.mp4"), "é.mp4", "tab\t.mp4", "é.mp4", "\\back.mp4"]


def test_every_name_survives(tmp_path):
    entries = [Entry(name, ("run",), split="train", size=k) for k, name in enumerate(NAMES)]
    entries += [Entry("s.mp4", ("a;b", "c\\", "d"), 0.1 + 0.2, 1234567.891, "group 1", "test")]
    entries += [Entry("left out.mp4", ("=x",), size=0), Entry("s3://bucket/x.mp4", (), 0.0)]
    (tmp_path / "videos.csv").write_bytes(Record(tuple(entries)).to_bytes())
    assert record.read(tmp_path / "videos.csv") == Record(tuple(entries))


def test_old_runs_have_none_and_data_made_on_the_fly_have_no_entries(tmp_path):
    assert record.read(tmp_path / "videos.csv") is None
    (tmp_path / "videos.csv").write_bytes(Record().to_bytes())
    assert record.read(tmp_path / "videos.csv") == Record()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "its last line has no end"),
        (b"path,label\r\n", "its first line must be path,label,start,end,group,split,size"),
        (b"HEADa.mp4,run,,,,train,12", "its last line has no end"),
        (b"HEADa.mp4,run,,\r\n", "line 2: expected 7 values"),
        (b"HEADa.mp4,run,,,,training,1\r\n", "line 2: expected a path, and a split"),
        (b"HEADa.mp4,run,,,,train,big\r\n", "line 2: invalid literal"),
        (b"HEADa.mp4,run,x,,,train,1\r\n", "start or end must be a number"),
        (b'HEAD"a.mp4,run,,,,train,1\r\n', "line 2: unexpected end of data"),
        (b"HEAD\0\r\n", "a NUL byte is no text"),
    ],
)
def test_a_damaged_file_is_a_sentence(tmp_path, content, words):
    path = tmp_path / "videos.csv"
    path.write_bytes(content.replace(b"HEAD", b"path,label,start,end,group,split,size\r\n"))
    with pytest.raises(UserError, match=words) as error:
        record.read(path)
    assert str(path) in str(error.value)


def test_paths_start_from_the_folder_of_the_data(tmp_path, monkeypatch):
    (tmp_path / "clips").mkdir()
    monkeypatch.chdir(tmp_path)
    inside = [("clips", "clips/run/a.mp4"), ("clips/", "clips/run/a.mp4"), (str(tmp_path / "clips"), "clips/run/a.mp4")]
    inside += [("./clips", str(tmp_path / "clips/run/a.mp4")), (".", "./run/a.mp4"), (".", "run/a.mp4")]
    inside += [("s3://bucket/clips", "s3://bucket/clips/run/a.mp4")]
    for base, path in inside:
        assert record.below(base, path) == "run/a.mp4", (base, path)
    # Spelled from the table on, a path above its folder moves with both; an absolute one stays where it is.
    assert record.below("lists", "lists/../clips/a.mp4") == "../clips/a.mp4"
    assert record.below("clips", "/other/a.mp4") == "/other/a.mp4"
    assert record.below("clips", "s3://bucket/a.mp4") == "s3://bucket/a.mp4"


def test_the_folder_of_the_data():
    assert record.base_of("m.csv") == "." and record.base_of("lists/m.csv") == "lists"
    assert record.base_of("lists/m.csv", "videos") == record.base_of("anything", "videos") == "videos"
    assert record.base_of("~/clips") == os.path.expanduser("~/clips")


def test_sizes(tmp_path):
    (tmp_path / "frames").mkdir()
    for name, size in (("1.jpg", 10), ("2.PNG", 20), ("notes.txt", 400), (".hidden.jpg", 800)):
        (tmp_path / "frames" / name).write_bytes(bytes(size))
    assert record.size_of(str(tmp_path / "frames")) == 30
    assert record.size_of(str(tmp_path / "frames/2.PNG")) == 20
    assert record.size_of(str(tmp_path / "none.mp4")) is None and record.size_of("s3://bucket/x.mp4") is None
