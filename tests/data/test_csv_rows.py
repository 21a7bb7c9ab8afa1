"""CSV files as people and programs write them: read where they can mean one thing only, else refused with the cause."""

import os

import pytest

from videorec.config import UserError
from videorec.data import given, manifest
from videorec.data.csv_rows import read_rows, write_rows

PLAIN = "path,label,start,end\na.mp4,run,1.5,4\nb.mp4,jump;Überholen,,\n"
ROWS = [
    {"path": "a.mp4", "label": "run", "start": "1.5", "end": "4"},
    {"path": "b.mp4", "label": "jump;Überholen", "start": "", "end": ""},
]
SEMICOLONS = 'path;label;start;end\na.mp4;run;1.5;4\nb.mp4;"jump;Überholen";;\n'


def rows_of(tmp_path, content: bytes | str, needed=("path", "label"), known=manifest.COLUMNS) -> list:
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(path, needed, known)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN.encode(),
        b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        SEMICOLONS,
        "sep=;\r\n" + SEMICOLONS,
        PLAIN.replace(",", "\t"),
        PLAIN.replace("path,label,start,end", ' Path ,LABEL, "Start",End'),
        PLAIN.replace("a.mp4,run", ' "a.mp4", "run"'),
        PLAIN.replace("\n", "\n\n") + "\n  \n,,,\n",
        PLAIN.replace("\n", ",,\n"),
        "\n\n" + PLAIN,
        ",path,label,start,end\n0,a.mp4,run,1.5,4\n1,b.mp4,jump;Überholen,,\n",  # pandas, with its index
    ],
)
def test_one_table_in_many_forms(tmp_path, content):
    assert [row for row, _ in rows_of(tmp_path, content)] == ROWS


def test_lines_are_those_of_the_file(tmp_path):
    lines = [where for _, where in rows_of(tmp_path, "\npath,label\n\na.mp4,x\n\n\nb.mp4,y\n")]
    assert lines == [f"{tmp_path}/table.csv, line 4", f"{tmp_path}/table.csv, line 7"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,label\na,x\nb,Überholen\n".encode("cp1252"),
         r"line 3: byte 0xdc is not UTF-8, in the cell '\\xdcberholen', which in Windows-1252 would be 'Überholen'. Save"),
        (b"path,label\na,x\nb\x81.mp4,y\n", r"line 3: byte 0x81 is not UTF-8, in the cell 'b\\x81.mp4'. Save"),
        (PLAIN.encode("utf-16-le"), "looks like UTF-16 without a byte order mark. Save it as UTF-8"),
        (PLAIN.encode("utf-16")[:-1], "begins as UTF-16-LE and is not: truncated data"),
        (b"path,label\na,x\nb\0,y\n", "line 3: a NUL byte is no text"),
        ("path;label,x\na;b,c\n", "one kind of separator is expected .* Received commas and semicolons: path;label,x"),
        ("path,label,path\na,b,c\n", "column path is named twice: path,label,path"),
        ("Path,label,PATH\na,b,c\n", "column path is named twice"),
        ("filename,class\na,b\n", "path,label. Received: filename,class. Rename filename to path, class to label"),
        ("video,file,label\na,a,b\n", "Rename video or file to path"),
        ("a.mp4,run\nb.mp4,jump\n", "Received: a.mp4,run. Is that a row already. The names come first, separated by"),
        ("path|label\na|x\n", "Received: path.label. Is that a row already. The names come first, separated by commas"),
        ("path\u200b,label\na,x\n", r"Received: 'path\\u200b',label"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0", r"is a ZIP archive, as workbooks of Excel are .\.xlsx.\. Save it as text"),
        (b"\x7fELF\2\1\1\0\0\0\0\0", "line 1: a NUL byte is no text. Is the file damaged, or of another kind"),
        ("path,label\na,x,y\n", r"line 2: expected 2 values \(path,label\), got 3"),
        ("path;label\na;x;y\n", r"line 2: expected 2 values \(path,label\), got 3"),
        ("path,label,\na,b.mp4,x\n", r"line 2: expected 2 values \(path,label\), got 3"),
        ("path,,label\na,q,x\n", "line 2: 'q' is in a column without a name"),
        (",path,label\n7,a,x\n", "line 2: '7' is in a column without a name"),
        ('path,label\na,x\nb,"y\nc,z\nd,w\n', 'line 3: a quote .". is not closed'),
        ('path,label\na,x\nb,"y\nc,z"\nd,w\n', "line 3: a value must not hold a line break. .* Received: 'y.nc,z'"),
        ('path,label\na,x\nb,"y\nc,"z"\nd,w\n', 'line 3: a quote .". is not closed, or stands inside a value'),
        ("path,label\n" + 'a,"' + "x" * 200_000, 'line 2: a quote .". is not closed'),
        ("Path,label\na,x\npath,Label\nb,y\n", "line 3: the names of the columns once more. Were two tables joined"),
        ("", "must name the columns path,label"),
        ("path,label\n,\n", "has no rows"),
    ],
)  # fmt: skip
def test_what_may_mean_two_things_is_refused(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        rows_of(tmp_path, content)


def test_decimal_commas_are_refused(tmp_path):
    (tmp_path / "m.csv").write_text("path;label;start;end\na.mp4;run;1,5;4\n")
    with pytest.raises(UserError, match=r"line 2: start must be a number, 0 or more .with a point: 1.5.. Received: '1,5'"):
        manifest.read(tmp_path / "m.csv")


def test_splits_in_any_case(tmp_path):
    (tmp_path / "m.csv").write_text("path,label,split\na.mp4,run,Train\nb.mp4,run,TEST\nc.mp4,run,\n")
    assert [video.split for video in manifest.read(tmp_path / "m.csv")] == ["train", "test", None]


def test_a_single_column_needs_no_separator(tmp_path):
    assert rows_of(tmp_path, "Path\na b.mp4\n", needed=("path",))[0][0] == {"path": "a b.mp4"}


def test_written_in_utf8_or_not_at_all(tmp_path):
    write_rows(tmp_path / "t.csv", ("path", "label"), [("é.mp4", "Überholen")])
    assert (tmp_path / "t.csv").read_bytes() == "path,label\r\né.mp4,Überholen\r\n".encode()
    with pytest.raises(UserError, match=r"is written in UTF-8, and row 3 is not: 'b\\udcff.mp4,y'. Rename the file"):
        write_rows(tmp_path / "t.csv", ("path", "label"), [("é.mp4", "x"), ("b\udcff.mp4", "y")])
    assert "Überholen" in (tmp_path / "t.csv").read_text(encoding="utf-8")


# === Paths and segments of manifests ===


def test_backslashes_are_folders_unless_a_file_has_that_name(tmp_path, caplog):
    for name in ("left/1.mp4", "left/deep/2.mp4", "right\\3.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = ["left\\1.mp4", "left\\deep/2.mp4", "right\\3.mp4", "gone\\4.mp4", "left/deep/5.mp4"]
    (tmp_path / "m.csv").write_text("path,label\n" + "".join(f"{name},x\n" for name in names))
    paths = [video.path.removeprefix(f"{tmp_path}/") for video in manifest.read(tmp_path / "m.csv")]
    assert paths == ["left/1.mp4", "left/deep/2.mp4", "right\\3.mp4", "gone/4.mp4", "left/deep/5.mp4"]
    assert len(caplog.messages) == 1 and "in 3 paths are read as /" in caplog.text


@pytest.mark.parametrize("path", ["C:\\videos\\1.mp4", "\\\\server\\share\\1.mp4"])
def test_absolute_paths_of_windows_are_refused(tmp_path, path):
    (tmp_path / "m.csv").write_text(f"path,label\n{path},x\n")
    with pytest.raises(UserError, match="line 2: an absolute path of Windows does not exist here"):
        manifest.read(tmp_path / "m.csv")


def test_segments_are_told_apart_by_all_their_digits(tmp_path):
    rows = ["1234.5671,1234.9", "1234.5674,1234.9", "0.1,0.30000000000000004", "0.1,0.3"]
    (tmp_path / "m.csv").write_text("path,label,start,end\n" + "".join(f"a.mp4,x,{row}\n" for row in rows))
    videos = manifest.read(tmp_path / "m.csv")
    names = [video.name.split("a.mp4")[1] for video in videos]
    assert names == ["[1234.5671-1234.9s]", "[1234.5674-1234.9s]", "[0.1-0.30000000000000004s]", "[0.1-0.3s]"]
    manifest.write(tmp_path / "again.csv", videos)
    assert manifest.read(tmp_path / "again.csv") == videos
    (tmp_path / "m.csv").write_text("path,label,start,end\na.mp4,x,1.0,2\na.mp4,x,1.00,2\n")
    with pytest.raises(UserError, match=r"a.mp4\[1-2s\] is listed twice"):
        manifest.read(tmp_path / "m.csv")


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 4.0, 123456.0, 1e6, 1.5e-5])
def test_short_names_of_segments_stay(value):
    """Caches and records of before know them."""
    assert manifest.Video("a.mp4", ("x",), value).name == f"a.mp4[{value:g}-s]"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "table.csv"
    os.mkfifo(path)
    with pytest.raises(UserError, match=r"table\.csv cannot be read: a named pipe, not a file"):
        manifest.read(path)
    with pytest.raises(UserError, match="a named pipe"):
        given.videos([str(path)])
