"""Data on an S3 server: manifests, class folders, videos, prepared pictures; a server that goes away."""

import pytest
from grey_videos import write_video
from remote_files import write_videos
from tiny_runs import QUICK, trained

from videorec.config import Data, UserError
from videorec.data import decode, manifest, sources
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.storage import files
from videorec.tools import prepare


@pytest.fixture
def videos(s3, tmp_path) -> str:
    """A manifest on the server, of two classes with videos on the server."""
    return write_videos(s3, tmp_path)


def test_manifest(videos, s3, tmp_path):
    assert files.read(videos).splitlines()[1] == b"a/0.avi,a,,,train,"
    assert manifest.read(videos)[3] == Video(f"{s3}/videos/b/3.avi", ("b",), split="train")
    assert manifest.read(videos, tmp_path)[3].path == str(tmp_path / "b/3.avi")
    (tmp_path / "here.csv").write_bytes(files.read(videos))
    assert manifest.read(tmp_path / "here.csv", f"{s3}/videos") == manifest.read(videos)
    manifest.write(f"{s3}/local.csv", [Video(str(tmp_path / "c.avi"), ("c",))])
    assert manifest.read(f"{s3}/local.csv")[0].path == str(tmp_path / "c.avi")
    with pytest.raises(UserError, match=r"s3://.*/none\.csv cannot be read: .*no such file"):
        manifest.read(f"{s3}/none.csv")


def test_class_folders(videos, s3):
    videos = sources.find(Data(path=f"{s3}/videos/", group=r"(\d+)\.avi"))
    assert {(video.path, video.labels, video.group) for video in videos} == {
        (f"{s3}/videos/{'ab'[k % 2]}/{k}.avi", ("ab"[k % 2],), str(k)) for k in range(12)
    }
    for k, split in enumerate(("train", "test")):
        files.write(f"{s3}/divided/{split}/c/{k}.mp4", b"x")
    rows = [(video.path, video.split, video.labels) for video in sources.find(Data(path=f"{s3}/divided"))]
    assert rows == [(f"{s3}/divided/train/c/0.mp4", "train", ("c",)), (f"{s3}/divided/test/c/1.mp4", "test", ("c",))]
    with pytest.raises(UserError, match="cannot be read"):
        sources.find(Data(path=f"{s3}/none"))


def test_decoded_as_a_local_one(videos, s3, tmp_path):
    local = write_video(tmp_path / "v.avi", frames=16, size=(16, 16))
    here, there = [[retrieve().tolist() for retrieve in decode.Reader(path)] for path in (local, f"{s3}/videos/b/11.avi")]
    assert here == there and len(there) == 16


@pytest.mark.parametrize(
    ("path", "limit", "reason"), [("none.avi", 1, "no such file"), ("b/11.avi", 1e-6, "than the limit"), ("b", 1, "one file")]
)
def test_unreadable(videos, s3, path, limit, reason):
    with pytest.raises(Unreadable, match=reason):
        decode.Reader(f"{s3}/videos/{path}", cache_gb=limit)


# === Prepared pictures ===

PREPARE = ["--short-side", "16", "--videos-per-shard", "3"]


def test_prepared_from_there_to_there(videos, s3, tmp_path, caplog):
    """The same bytes as from local videos to a local folder; a second run does nothing; training reads them there."""
    caplog.set_level("INFO")
    out = f"{s3}/prepared"
    assert prepare.main([videos, out, *PREPARE]) == 0
    for name in manifest.read(videos):
        files.copy(name.path, tmp_path / "videos" / name.path.removeprefix(f"{s3}/videos/"))
    files.copy(videos, tmp_path / "videos/m.csv")
    assert prepare.main([str(tmp_path / "videos/m.csv"), str(tmp_path / "here"), *PREPARE]) == 0
    shards = {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir() if path.suffix == ".tfrecord"}
    assert len(shards) == 4 and shards == {name: files.read(f"{out}/{name}") for name in shards}
    assert prepare.main([videos, out, *PREPARE]) == 0 and "all 4 shards are there: nothing to do" in caplog.text
    trained("quickstart", f"{QUICK} --data.resize 16 16 --data.path {out} --train.epochs 1", runs=tmp_path / "runs")


def test_the_server_goes_away_while_preparing(videos, s3, s3_server, tmp_path, monkeypatch):
    """What is finished is kept and named; the same command goes on when the server is back."""
    rows = [Video(str(write_video(tmp_path / f"{k}.avi", frames=9, size=(16, 16))), ("a",)) for k in range(6)]
    manifest.write(tmp_path / "m.csv", rows)
    line = [str(tmp_path / "m.csv"), f"{s3}/prepared", *PREPARE, "--workers", "1"]
    publish, finished = files.publish, []

    def stop_after_first(local, path):
        publish(local, path)
        finished.append(path)
        s3_server.stop()

    with monkeypatch.context() as patched:
        patched.setattr(files, "publish", stop_after_first)
        with pytest.raises(UserError, match=r"s3://.*/prepared cannot be written: .* 2 shards are finished and kept"):
            prepare.main(line)
    assert len(finished) == 1
    s3_server.start()  # it has forgotten everything
    s3_server.new_bucket(s3.removeprefix("s3://"))
    assert prepare.main(line) == 0
