"""Reading prepared pictures: any video, stream and number; what is damaged or was not prepared is named."""

import dataclasses
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from grey_videos import frame_numbers, write_video

from videorec.config import Data, Flow, UserError
from videorec.data import sources
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.prepared import index as prepared
from videorec.data.prepared.index import Prepared, is_prepared
from videorec.storage import files
from videorec.tools import prepare


def numbers_of(jpegs) -> list[int]:
    return frame_numbers([cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in jpegs])


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two classes of two videos, segments of one of them, a broken one, and a folder of frames."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("a/1.avi", "a/2.avi", "b/3.avi"):
        write_video(folder / name)
    write_video(folder / "b/long.avi", 140)
    (folder / "b" / "4.avi").write_text("no video")
    (folder / "b" / "frames").mkdir()
    for k in range(5):
        cv2.imwrite(str(folder / "b" / "frames" / f"{k}.png"), np.full((48, 64, 3), 10 * k, np.uint8))
    lines = ["path,label,start,end,split,group", "a/1.avi,a,,,train,g1", "a/1.avi,a;b,0.5,1,train,g1", "a/2.avi,a,,,test,g2"]
    lines += ["b/3.avi,b,,,train,g3", "b/long.avi,b,,,val,g4", "b/4.avi,b,,,train,g5", "b/frames,b,,,test,g6"]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "out"
    options = ["--stream", "both", "--short-side", "48", "--videos-per-shard", "2", "--max-unreadable", "1"]
    assert prepare.main([str(source / "manifest.csv"), str(out), *options]) == 1
    return out


@pytest.fixture
def out(made, tmp_path):
    """A prepared folder that a test may damage."""
    return shutil.copytree(made, tmp_path / "out")


@pytest.fixture
def stored(out):
    return Prepared(str(out))


def video_of(stored, name, **segment) -> Video:
    return Video(files.join(stored.folder, name), ("a",), **segment)


# === The folder ===


def test_is_prepared(out, source, tmp_path):
    assert is_prepared(str(out)) and is_prepared(f"{out}/")
    for other in (source, tmp_path / "nothing", source / "manifest.csv"):
        assert not is_prepared(str(other))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.json").write_text("{}")
    assert not is_prepared(str(tmp_path / "other"))


def test_an_unfinished_folder(out):
    (out / "index.json").unlink()
    with pytest.raises(UserError, match="is not finished: run the same"):
        is_prepared(str(out))


def test_a_folder_of_another_version(out):
    index = out / "index.json"
    index.write_text(index.read_text().replace(prepared.FORMAT, prepared.FORMAT[:-1] + "7", 1))
    with pytest.raises(UserError, match="another version"):
        is_prepared(str(out))


def test_a_truncated_index(out):
    index = out / "index.json"
    index.write_text(index.read_text()[:-50])
    with pytest.raises(UserError, match=r"index\.json cannot be read"):
        Prepared(str(out))


def test_videos_are_the_rows_of_the_source(stored, source):
    rows = sources.find(Data(path=str(source / "manifest.csv")))
    moved = [dataclasses.replace(row, path=row.path.replace(str(source), stored.folder)) for row in rows]
    assert stored.videos() == moved
    assert sources.find(Data(path=stored.folder)) == moved


def test_the_index_is_opened_once(stored, monkeypatch):
    monkeypatch.setattr(files, "read", lambda path: pytest.fail("read again"))
    assert Prepared(stored.folder).settings == stored.settings


def test_settings(stored):
    assert stored.settings.streams == ("rgb", "flow")
    assert (stored.settings.short_side, stored.settings.quality, stored.settings.fps) == (48, 90, None)
    assert stored.settings.flow == Flow(short_side=48)


# === Pictures ===


def test_any_picture_by_its_number(stored):
    for video in (video for video in stored.videos() if video.path.endswith("2.avi")):
        assert stored.indices(video, "rgb", None).tolist() == list(range(20))
        assert numbers_of(stored.pictures(video, "rgb", [3, 17, 0, 3])) == [3, 17, 0, 3]
    assert numbers_of(stored.pictures(video_of(stored, "b/frames"), "rgb", range(5))) == [0, 1, 2, 3, 4]


def test_only_the_records_of_the_wanted_pictures_are_read(stored, monkeypatch):
    video, asked, read = video_of(stored, "b/long.avi"), [], files.read_range
    monkeypatch.setattr(files, "read_range", lambda path, offset, length: asked.append(offset) or read(path, offset, length))
    assert [number % 25 for number in (70, 139)] == numbers_of(stored.pictures(video, "rgb", [70, 139]))
    assert len(asked) == 2  # of the three
    stored.pictures(video, "rgb", [0, 1, 63])
    assert len(asked) == 3


def test_rates(stored):
    """10 a second; at 20, tick k shows the first picture not before k / 20."""
    video = video_of(stored, "a/1.avi")
    assert stored.indices(video, "rgb", 5).tolist() == list(range(0, 20, 2))
    assert stored.indices(video, "rgb", 20)[:7].tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert stored.indices(video_of(stored, "b/frames"), "rgb", 5).tolist() == [0, 1, 2, 3, 4]  # no clock


def test_segments(stored):
    segment = video_of(stored, "a/1.avi", start=0.5, end=1.0)
    assert numbers_of(stored.pictures(segment, "rgb", stored.indices(segment, "rgb"))) == [5, 6, 7, 8, 9]
    assert stored.indices(segment, "rgb", 5).tolist() == [0, 2, 4]
    with pytest.raises(Unreadable, match="not among"):
        stored.indices(video_of(stored, "a/1.avi", start=0.7), "rgb")


def test_flow_has_a_picture_fewer(stored):
    video = video_of(stored, "b/3.avi")
    assert stored.indices(video, "flow").tolist() == list(range(19))
    assert len(stored.pictures(video, "flow", [18, 0])) == 2


def test_a_video_that_could_not_be_read_keeps_its_reason(stored):
    with pytest.raises(Unreadable, match="text, not a video.*when it was prepared"):
        stored.pictures(video_of(stored, "b/4.avi"), "rgb", [0])
    with pytest.raises(Unreadable, match="not among the videos"):
        stored.indices(video_of(stored, "b/9.avi"), "rgb")


def test_many_threads(stored):
    video = video_of(stored, "b/long.avi")
    numbers = np.random.default_rng(0).integers(0, 140, 200)
    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(lambda number: numbers_of(stored.pictures(video, "rgb", [number])), numbers))
    assert shown == [[number % 25] for number in numbers]


# === Names ===


def test_official_lists_name_videos_of_the_folder(tmp_path):
    """Lists name .avi files; one of them was prepared from a folder of frames."""
    videos, lists = tmp_path / "videos", tmp_path / "lists"
    write_video(videos / "Run" / "v_Run_g01_c01.avi", 4)
    write_video(videos / "Sit" / "v_Sit_g01_c01.avi", 5)
    (videos / "Sit" / "v_Sit_g02_c01").mkdir()
    cv2.imwrite(str(videos / "Sit" / "v_Sit_g02_c01" / "0.png"), np.full((48, 64, 3), 50, np.uint8))
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 Run\n2 Sit\n")
    (lists / "trainlist01.txt").write_text("Run/v_Run_g01_c01.avi 1\nSit/v_Sit_g01_c01.avi 2\n")
    (lists / "testlist01.txt").write_text("Sit/v_Sit_g02_c01.avi\n")
    assert prepare.main([str(videos), str(tmp_path / "out"), "--short-side", "48"]) == 0
    listed = sources.find(Data(path=str(lists), videos=str(tmp_path / "out")))
    stored = Prepared(str(tmp_path / "out"))
    assert [(video.split, len(stored.indices(video, "rgb"))) for video in listed] == [("train", 4), ("train", 5), ("test", 1)]
    assert numbers_of(stored.pictures(listed[2], "rgb", [0])) == [5]


@pytest.mark.parametrize(
    ("folder", "path", "name"),
    [
        ("/data/out", "/data/out/a/1.mp4", "a/1.mp4"),
        ("out", "out/a/1.mp4", "a/1.mp4"),
        (".", "a/1.mp4", "a/1.mp4"),
        ("/data/lists", "/data/lists/../videos/1.mp4", "../videos/1.mp4"),
        ("/data/out", "/elsewhere/1.mp4", "elsewhere/1.mp4"),
        ("s3://bucket/out", "s3://bucket/out/a/1.mp4", "a/1.mp4"),
        ("s3://bucket/out/", "s3://other/1.mp4", "other/1.mp4"),
    ],
)
def test_names(folder, path, name):
    assert prepared.name_below(folder, path) == name


def test_a_relative_folder(out, monkeypatch):
    monkeypatch.chdir(out.parent)
    for folder in ("out", "./out", "out/", str(out)):
        stored = Prepared(folder)
        assert len(stored.indices(stored.videos()[0], "rgb")) == 20
    with_dot = Video("./out/a/1.avi", ("a",))
    assert len(Prepared("out").indices(with_dot, "rgb")) == 20


# === Damage ===


def offset_of(out, name) -> tuple[str, int]:
    """The shard that holds a video, and where its first record lies."""
    index = json.loads((out / "index.json").read_text())
    entry = next(entry for entry in index["videos"] if entry["name"] == name)
    return out / index["shards"][entry["shard"]]["file"], entry["rgb"]["records"][0][0]


def test_a_flipped_byte(stored, out):
    shard, offset = offset_of(out, "b/3.avi")
    content = bytearray(shard.read_bytes())
    content[offset + 100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(Unreadable, match=f"{shard.name} is damaged at byte {offset}: run .*prepare again with --verify"):
        stored.pictures(video_of(stored, "b/3.avi"), "rgb", [0])
    assert stored.pictures(video_of(stored, "b/3.avi"), "flow", [0])  # only that record


def test_a_shard_that_is_truncated_or_gone(stored, out):
    shard, offset = offset_of(out, "b/3.avi")
    content = shard.read_bytes()
    for rest in (offset + 10, offset, 0):
        shard.write_bytes(content[:rest])
        with pytest.raises(Unreadable, match=f"{shard.name} is damaged at byte {offset}"):
            stored.pictures(video_of(stored, "b/3.avi"), "rgb", [5])
    shard.unlink()
    with pytest.raises(Unreadable, match=f"{shard.name} cannot be read"):
        stored.pictures(video_of(stored, "b/3.avi"), "rgb", [5])


# === What data asks for ===


def data_for(stored, **settings) -> Data:
    return Data(**{"path": stored.folder, "resize": (48, 64), "crop": (48, 48)} | settings)


def test_what_it_holds(stored):
    stored.check(data_for(stored))
    stored.check(data_for(stored, fps=5.0))
    stored.check(data_for(stored, stream="both"))
    stored.check(data_for(stored, stream="flow", flow=Flow(short_side=48), resize=(100, 100)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stream": "flow", "flow": Flow(method="farneback")}, "--flow.method dis"),
        ({"stream": "both", "flow": Flow(encoding="short_snippets")}, "--flow.encoding lrcn"),
        ({"stream": "flow", "flow": Flow(short_side=64)}, "--flow.short-side 48"),
        ({"stream": "flow", "resize": (96, 96)}, "--flow.short-side 48"),
        ({"stream": "flow", "flow": Flow(fps=5.0)}, "--flow.fps None"),
        ({"stream": "both", "fps": 5.0}, "--flow.fps None"),
    ],
)
def test_flow_cannot_be_changed(stored, settings, message):
    with pytest.raises(UserError, match=f"{message}.*Train with --data.flow.method dis --data.flow.encoding lrcn"):
        stored.check(data_for(stored, **settings))


def test_a_stream_and_a_rate_that_are_not_there(source, tmp_path):
    out = str(tmp_path / "rgb")
    options = ["--short-side", "32", "--fps", "5", "--exclude", "b", "--max-unreadable", "1"]
    assert prepare.main([str(source / "manifest.csv"), out, *options]) == 0
    stored = Prepared(out)
    with pytest.raises(UserError, match="holds no flow pictures"):
        stored.check(data_for(stored, stream="both"))
    with pytest.raises(UserError, match="5 pictures a second"):
        stored.check(data_for(stored, fps=10.0))
    stored.check(data_for(stored, fps=2.5))
    assert stored.indices(stored.videos()[0], "rgb", 2.5).tolist() == [0, 2, 4, 6, 8]


def test_pictures_that_are_enlarged_are_named(stored, caplog):
    stored.check(data_for(stored, resize=(224, 224)))
    assert "short side 48; they are enlarged to --data.resize 224 224" in caplog.text
