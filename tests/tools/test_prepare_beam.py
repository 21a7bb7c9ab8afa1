"""`videorec.tools.prepare --runner`: what Apache Beam makes, to the byte."""

import pytest
from file_times import digests
from grey_videos import write_video

from videorec.config import UserError
from videorec.tools import prepare

pytest.importorskip("apache_beam", reason="Apache Beam is not installed (requirements-dev.txt, below Python 3.13)")

# The flag changes nothing here; with it, DirectRunner does not look for a newer runner on the network.
BEAM = ["--runner", "DirectRunner", "--allow_unsafe_triggers"]


@pytest.fixture
def source(tmp_path):
    for name in ("a/1.avi", "a/2.avi", "b/1.avi", "b/2.avi", "b/3.avi"):
        write_video(tmp_path / "videos" / name, 12)
    return tmp_path / "videos"


def test_the_same_bytes(source, tmp_path, caplog):
    options = ["--short-side", "32", "--videos-per-shard", "2", "--stream", "both"]
    assert prepare.main([str(source), str(tmp_path / "threads"), *options]) == 0
    assert prepare.main([str(source), str(tmp_path / "beam"), *options, *BEAM]) == 0
    whole = digests(tmp_path / "threads")
    assert len(whole) == 2 + 2 * 3 and digests(tmp_path / "beam") == whole

    # Either goes on with what the other began.
    (tmp_path / "beam" / "shard-00001-of-00003.tfrecord").unlink()
    (tmp_path / "threads" / "shard-00002-of-00003.tfrecord").unlink()
    assert prepare.main([str(source), str(tmp_path / "beam"), *options]) == 0
    caplog.set_level("INFO")
    assert prepare.main([str(source), str(tmp_path / "threads"), *options, *BEAM]) == 0
    assert "2 of 3 shards are there, 1 are to be made" in caplog.text
    assert digests(tmp_path / "beam") == digests(tmp_path / "threads") == whole


def test_unreadable_videos(source, tmp_path):
    (source / "b" / "1.avi").write_text("no video")
    with pytest.raises(UserError, match="1 of 5 videos cannot be read"):
        prepare.main([str(source), str(tmp_path / "out"), "--short-side", "32", *BEAM])
    assert prepare.main([str(source), str(tmp_path / "out"), "--short-side", "32", "--max-unreadable", "0.5", *BEAM]) == 1
