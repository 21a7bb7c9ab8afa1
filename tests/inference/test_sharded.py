"""`predict.py --out`: the rows of one process, in shards that a stop does not lose, in this process and on Apache Beam."""

import csv
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import predict
from videorec.config import UserError
from videorec.data import beam

ROOT = Path(__file__).resolve().parents[2]
# The flag changes nothing here; with it, DirectRunner does not look for a newer runner on the network.
BEAM = ["--runner", "DirectRunner", "--allow_unsafe_triggers"]
VIDEOS = ["videos", "gone.mp4"]
needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None, reason="Apache Beam is not installed (requirements-dev.txt)"
)


@pytest.fixture(scope="module", autouse=True)
def folder(old_runs, tmp_path_factory):
    """The stored runs, and a folder `videos` of seven videos and a file that is none, as the working folder."""
    place = tmp_path_factory.mktemp("sharded")
    for number in range(7):
        shutil.copytree(old_runs / f"data/v{number}", place / f"videos/v{number}")
    (place / "videos/broken.mp4").write_text("no video")
    shutil.copytree(old_runs / "trained", place / "trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        yield place


def one_process(run: str) -> list[list[str]]:
    """The rows of `--csv`, with the head."""
    if not os.path.exists(f"{run}.csv"):
        assert predict.main([f"trained/{run}", *VIDEOS, "--csv", f"{run}.csv"]) == 0
    return rows_of(Path(f"{run}.csv"))


def rows_of(path: Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def shards(out: Path) -> list[Path]:
    return sorted(out.glob("answers-*"))


def rows_in_shards(out: Path) -> list[list[str]]:
    """The rows of all CSV shards in order, below one head."""
    heads, rows = zip(*((head, rows) for head, *rows in map(rows_of, shards(out))), strict=True)
    assert all(head == heads[0] for head in heads)
    return [heads[0], *(row for part in rows for row in part)]


def assert_equal(rows: list[list[str]], expected: list[list[str]]) -> None:
    """The texts are equal, and numbers to the last digit that is written, which hangs on what else is in a batch."""
    assert len(rows) == len(expected) and rows[0] == expected[0]
    for row, other in zip(rows[1:], expected[1:], strict=True):
        for value, wanted in zip(row, other, strict=True):
            assert value == wanted or float(value) == pytest.approx(float(wanted), abs=1.5e-6), (row, other)


# === The rows ===


@needs_beam
@pytest.mark.parametrize("run", ["clips", "several_labels", "moments", "anticipation"])
def test_beam_gives_the_rows_of_one_process(run, tmp_path):
    out = tmp_path / "out"
    args = [f"trained/{run}", *VIDEOS, "--out", str(out), "--format", "csv", "--videos-per-shard", "4"]
    assert predict.main([*args, *BEAM]) == 0
    assert [path.name for path in shards(out)] == [f"answers-0000{k}-of-00003.csv" for k in range(3)]
    rows = rows_in_shards(out)
    assert_equal(rows, one_process(run))
    assert [row[0] for row in rows if row[-1]][1:] == ["videos/broken.mp4", "gone.mp4"]


def test_parquet_holds_the_same_with_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert predict.main(["trained/several_labels", *VIDEOS, "--out", str(tmp_path), "--videos-per-shard", "4"]) == 0
    table = parquet.read_table(tmp_path)  # the folder as it is: what is no rows begins with _
    head, *expected = one_process("several_labels")
    assert table.column_names == head
    types = {name: str(kind) for name, kind in zip(table.column_names, table.schema.types, strict=True)}
    assert {kind for name, kind in types.items() if name == "score" or name.startswith("p(")} == {"double"}
    assert {types[name] for name in ("video", "label", "labels", "damage", "error")} == {"string"}
    rows = [["" if x is None else f"{x:.6f}" if isinstance(x, float) else x for x in row.values()] for row in table.to_pylist()]
    assert_equal([head, *rows], [head, *expected])


def test_names_of_all_kinds(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    names = ["=1+1.mp4", os.fsdecode(b"bad\xff.mp4"), "zwei\nZeilen.mp4", "größer.mp4"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("no video")
    args = ["trained/clips", str(tmp_path / "in"), "--videos-per-shard", "3"]
    paths = [str(tmp_path / "in" / name) for name in sorted(names)]
    assert predict.main([*args, "--out", str(tmp_path / "csv"), "--format", "csv"]) == 1  # none can be read
    assert [row[0] for row in rows_in_shards(tmp_path / "csv")[1:]] == paths
    assert [row[0] for row in rows_of(tmp_path / "csv/_unreadable.csv")[1:]] == paths
    assert predict.main([*args, "--out", str(tmp_path / "parquet")]) == 1
    written = parquet.read_table(tmp_path / "parquet").column("video").to_pylist()
    assert written == [path.replace("\udcff", "\\udcff") for path in paths]


# === What is there ===


def test_killed_and_started_again_it_makes_the_same_files(tmp_path, caplog):
    args = ["trained/clips", *VIDEOS, "--format", "csv", "--videos-per-shard", "1"]
    assert predict.main([*args, "--out", str(tmp_path / "whole")]) == 0
    done = tmp_path / "out/_done"
    process = subprocess.Popen([sys.executable, str(ROOT / "predict.py"), *args, "--out", str(tmp_path / "out")])
    while process.poll() is None and not list(done.glob("0*.json")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    times = {path.name: path.stat().st_mtime_ns for path in done.glob("0*.json")}
    assert 1 <= len(times) <= 8
    caplog.set_level("INFO")
    assert predict.main([*args, "--out", str(tmp_path / "out")]) == 0
    assert f"{len(times)} of 9 shards are there, {9 - len(times)} are to be made" in caplog.text
    assert {name: (done / name).stat().st_mtime_ns for name in times} == times
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert not [path for path in (tmp_path / "out").rglob(".*")]

    before = contents(tmp_path / "out")
    assert predict.main([*args, "--out", str(tmp_path / "out")]) == 0
    assert "all 9 shards are there: nothing to do" in caplog.text and contents(tmp_path / "out") == before


@needs_beam
def test_what_is_missing_or_cut_is_made_again_and_counted(tmp_path, caplog):
    caplog.set_level("INFO")
    args = ["trained/clips", *VIDEOS, "--out", str(tmp_path), "--format", "csv", "--videos-per-shard", "4"]
    assert predict.main(args) == 0
    whole = contents(tmp_path)
    first, second, third = shards(tmp_path)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-9])
    changed = third.stat().st_mtime_ns
    assert predict.main([*args, *BEAM]) == 0
    assert "1 of 3 shards are there, 2 are to be made" in caplog.text
    assert contents(tmp_path) == whole and third.stat().st_mtime_ns == changed
    counted = {"videos": 9, "rows": 9, "answered": 7, "unreadable": 2, "damaged": 0}
    assert json.loads((tmp_path / "_summary.json").read_text()) == counted
    assert "9 videos" in caplog.text and "7 answered, 2 unreadable (listed in" in caplog.text


def test_again_asks_about_videos_that_can_be_read_now(old_runs, tmp_path, caplog):
    caplog.set_level("INFO")
    args = ["trained/clips", "videos/v0", "videos/v1", "late", "--out", str(tmp_path), "--format", "csv"]
    args += ["--videos-per-shard", "2"]
    assert predict.main(args) == 0
    shutil.copytree(old_runs / "data/v2", "late")
    try:
        assert predict.main(args) == 0 and rows_in_shards(tmp_path)[-1][-1] == "no such file"
        assert predict.main([*args, "--again"]) == 0
    finally:
        shutil.rmtree("late")
    assert "1 of 2 shards are there, 1 are to be made" in caplog.text
    assert rows_in_shards(tmp_path)[-1][-1] == "" and not (tmp_path / "_unreadable.csv").exists()


# === What is refused ===


@pytest.mark.parametrize(
    ("args", "message"),
    {
        "another model": ("trained/several_labels videos", "model: trained/clips -> trained/several_labels"),
        "another list": ("trained/clips videos/v0 videos/v2", r"videos: 8 -> 2; number 1: videos/broken.mp4 -> videos/v0"),
        "another size": ("trained/clips videos --videos-per-shard 3", "videos a shard: 4 -> 3"),
        "another format": ("trained/clips videos --format parquet", "format of the files: csv -> parquet"),
        "a folder of other files": (
            "trained/clips videos --out videos",
            "videos must be empty.* It holds broken.mp4 and 7 more",
        ),
        "forecasts": ("trained/forecasts videos", "--out is for models that give labels"),
        "a camera": ("trained/clips 0", "--out is for videos, not for cameras"),
        "another output": ("trained/clips videos --csv a.csv", "With --out nothing else is written or shown. Received: --csv"),
        "an option of Beam alone": ("trained/clips videos --direct_num_workers=2", "Options of Apache Beam need --runner"),
        "too many a shard": (
            "trained/clips videos --videos-per-shard 100001",
            "--videos-per-shard must be 1 or more and at most",
        ),
    }.values(),
)
def test_refusals(args, message, once):
    if message.startswith("format"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")

    def make(folder):
        how = ["--format", "csv", "--videos-per-shard", "4"]
        assert predict.main(["trained/clips", "videos", "--out", str(folder), *how]) == 0

    place = once("answers", make)
    before = contents(place)
    how = ["--format", "csv", "--videos-per-shard", "4", "--out", str(place)]
    given = args.split()
    how = [word for k in range(0, 6, 2) if how[k] not in given for word in how[k : k + 2]]
    with pytest.raises(UserError, match=message):
        predict.main([*given, *how])
    assert contents(place) == before


@pytest.mark.parametrize("option", ["--format parquet", "--format csv", "--videos-per-shard 1000", "--again"])
def test_what_shards_are_like_needs_a_folder_for_them(option):
    with pytest.raises(UserError, match=f"{option.split()[0]} needs --out FOLDER"):
        predict.main(["trained/clips", "videos", *option.split()])


def test_without_out_there_is_no_runner(monkeypatch, tmp_path):
    with pytest.raises(UserError, match="--runner needs --out FOLDER"):
        predict.main(["trained/clips", "videos", *BEAM])
    for name, option, hint in (("apache_beam", BEAM, beam.INSTALL), ("pyarrow", [], "pip install pyarrow")):
        monkeypatch.setitem(sys.modules, name, None)
        form = ["--format", "parquet" if name == "pyarrow" else "csv"]
        with pytest.raises(UserError) as error:
            predict.main(["trained/clips", "videos", "--out", str(tmp_path / "out"), *form, *option])
        assert hint in str(error.value) and not (tmp_path / "out").exists()


# === Elsewhere ===


def test_videos_and_answers_on_a_server(s3, tmp_path, folder):
    from remote_files import below, write_videos  # needs tensorflow-io, as the fixture does

    from videorec.storage import files

    manifest = write_videos(s3, tmp_path)
    assert predict.main([f"{folder}/trained/clips", manifest, "--csv", str(tmp_path / "one.csv")]) == 0
    args = [f"{folder}/trained/clips", manifest, "--out", f"{s3}/answers", "--format", "csv", "--videos-per-shard", "5"]
    assert predict.main(args) == 0
    assert {name for name in below(f"{s3}/answers") if name.startswith("answers-")} == {
        f"answers-0000{number}-of-00003.csv" for number in range(3)
    }
    files.remove(f"{s3}/answers/answers-00001-of-00003.csv")
    assert predict.main([*args, *(BEAM if importlib.util.find_spec("apache_beam") else [])]) == 0
    shards = [files.read(f"{s3}/answers/answers-0000{number}-of-00003.csv").decode().splitlines() for number in range(3)]
    expected = (tmp_path / "one.csv").read_text().splitlines()
    assert_equal([line.split(",") for line in [shards[0][0], *(row for shard in shards for row in shard[1:])]],
                 [line.split(",") for line in expected])  # fmt: skip
