"""Labels from tables, lists and folders: one spelling a class, and what cannot be a label."""

import os
import unicodedata

import pytest

from videorec.config import Data, UserError
from videorec.data import folders, labels, manifest, sources
from videorec.data.moments import published, tables

NFD, NFC = (unicodedata.normalize(form, "Überholen") for form in ("NFD", "NFC"))


def test_blanks_are_cut_and_letters_composed():
    assert labels.label(f"\u00a0 {NFD}\t", "here") == NFC == "Überholen" != NFD
    assert labels.label("high  jump", "here") == "high  jump"
    assert labels.labels(f" run ;; {NFD};{NFC};run", "here") == ("run", NFC)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a\x07b", "control character"), ("a\tb", "control character"), ("a\nb", "control character"),
        ("a\x85b", "control character"), ("a\u2028b", "line break"), ("a\udcffb", "byte that is not UTF-8"),
    ],
)  # fmt: skip
def test_what_no_label_holds(text, kind):
    with pytest.raises(UserError, match=f"m.csv, line 2: a label must not hold a {kind}") as error:
        labels.label(text, "m.csv, line 2")
    str(error.value).encode()  # can be shown


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "\u200b \u2060"])
def test_a_label_can_be_seen(text):
    with pytest.raises(UserError, match="videos/x: a label must hold a character that can be seen"):
        labels.label(text, "videos/x")


def test_tables_name_the_row(tmp_path):
    (tmp_path / "m.csv").write_text("path,label,start,end\na.mp4,run,0,1\nb.mp4,ru\x0bn,0,1\n")
    for read in (manifest.read, tables.read):
        with pytest.raises(UserError, match="m.csv, line 3: a label must not hold a control character"):
            read(tmp_path / "m.csv")
    (tmp_path / "f.csv").write_text("video,start_frame,end_frame,label\na,0,5,ru\x0bn\n")
    with pytest.raises(UserError, match="f.csv, line 2: a label must not hold a control character"):
        published.read_frame_table(tmp_path / "f.csv", 25)


def test_both_unicode_forms_are_one_class(tmp_path):
    (tmp_path / "m.csv").write_text(f"path,label\na.mp4,{NFD}\nb.mp4,{NFC}\nc.mp4,x\nd.mp4,x\n", encoding="utf-8")
    data = Data(path=str(tmp_path / "m.csv"), val=0)
    assert sources.load(data).classes == ("x", NFC)
    assert {video.labels for video in sources.find(data)} == {(NFC,), ("x",)}
    with pytest.raises(UserError, match="At least two classes"):
        sources.load(Data(path=str(tmp_path / "m.csv"), exclude=(NFD,)))


def test_folders_in_both_forms(tmp_path):
    for k, name in enumerate((NFD, NFC, " walk ")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{k}.avi").touch()
    assert sorted(video.labels for video in folders.class_folders(tmp_path)) == [("walk",), (NFC,), (NFC,)]


def test_a_folder_whose_name_is_not_utf8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/b\xe9ta"
    os.mkdir(folder)
    open(folder + b"/1.avi", "w").close()
    with pytest.raises(UserError, match=r"a label must not hold a byte that is not UTF-8. Received: 'b\\udce9ta'"):
        folders.class_folders(tmp_path)


def test_names_that_look_alike_are_said(tmp_path, caplog):
    names = [
        "Bar",
        "bar",
        "bar",
        "high jump",
        "high  jump",
        "walk",
        "walk\u200b",
        "ﬁt",
        "fit",
        "sit",
        "sit",
        "Straße",
        "strasse",
    ]
    (tmp_path / "m.csv").write_text(
        "path,label\n" + "".join(f"{k}.mp4,{name}\n" for k, name in enumerate(names)), encoding="utf-8"
    )
    assert len(sources.load(Data(path=str(tmp_path / "m.csv"))).classes) == 11
    said = [message for message in caplog.messages if "differ only by" in message]
    assert len(said) == 1
    for part in ("Bar (1) / bar (2)", "high  jump (1) / high jump (1)", "walk (1) / 'walk\\u200b' (1)", "fit (1) / ﬁt (1)"):
        assert part in said[0]
    assert "sit" not in said[0]


def test_several_labels_are_written_so_that_they_are_read_again(tmp_path):
    videos = [manifest.Video(str(tmp_path / "a.mp4"), ("x", "y"))]
    manifest.write(tmp_path / "m.csv", videos)
    assert manifest.read(tmp_path / "m.csv") == videos
    with pytest.raises(UserError, match="must not hold ';', which separates several. Received: 'x;y'"):
        manifest.write(tmp_path / "m.csv", [manifest.Video("a.mp4", ("x;y",))])


def test_unknown_names_to_leave_out_are_said(tmp_path, caplog):
    (tmp_path / "m.csv").write_text("path,label\n" + "".join(f"{k}.mp4,{'abc'[k % 3]}\n" for k in range(12)))
    assert sources.load(Data(path=str(tmp_path / "m.csv"), exclude=("A", "c"))).classes == ("a", "b")
    assert "--data.exclude A: " in caplog.text and "has no such class" in caplog.text
