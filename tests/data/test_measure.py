"""What reading a file from end to end shows: true counts and clocks of odd containers, and the signs of damage."""

import os
import signal
import time

import cv2
import numpy as np
import pytest
from grey_videos import declare, write_video
from made_videos import make
from PIL import Image

from videorec.config import Data
from videorec.data import containers, measure, measuring
from videorec.data.clips import ClipReader
from videorec.data.decode import Reader
from videorec.data.facts import Facts
from videorec.data.manifest import Video
from videorec.data.measuring import Worker
from videorec.data.problems import Problems

STAMPS = np.arange(20) / 10
LARGEST = 64_000_000


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.stop()


# === Headers that lie ===


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.webm", {"codec": "libvpx", "kind": "webm", "piped": True}),  # says nothing
        ("a.mkv", {"kind": "matroska", "piped": True}),
        ("a.avi", {"codec": "mjpeg", "kind": "avi", "piped": True}),  # says half a billion and more
        ("a.mp4", {"options": {"movflags": "frag_keyframe+empty_moov"}}),
        ("a.flv", {"codec": "flv"}),
    ],
)
def test_files_from_pipes(worker, tmp_path, name, options):
    facts = worker.measure(str(make(tmp_path / name, STAMPS, **options)), LARGEST)
    assert (facts.verdict, facts.frames, round(facts.rate, 3)) == ("good", 20, 10.0)
    np.testing.assert_allclose(facts.times, STAMPS, atol=2e-3)
    assert facts.seconds == pytest.approx(2.0, abs=2e-3)


def test_a_variable_rate(worker, tmp_path):
    stamps = np.cumsum(np.linspace(0.03, 0.3, 20))
    facts = worker.measure(str(make(tmp_path / "a.mkv", stamps)), LARGEST)
    np.testing.assert_allclose(facts.times, stamps - stamps[0], atol=1.5e-3)
    assert facts.rate == pytest.approx(19 / (stamps[-1] - stamps[0]), rel=1e-2)


def test_a_thousand_frames_a_second(worker, tmp_path):
    facts = worker.measure(str(make(tmp_path / "a.mp4", np.arange(20) / 1000, rate=1000)), LARGEST)
    assert facts.rate == pytest.approx(1000) and facts.seconds == pytest.approx(0.02)


def test_joined_transport_streams(worker, tmp_path):
    part = make(tmp_path / "part.ts", STAMPS, codec="libx264")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    facts = worker.measure(str(joined), LARGEST)
    assert (facts.verdict, facts.frames) == ("good", 40)
    np.testing.assert_allclose(facts.times, np.arange(40) / 10, atol=1e-4)
    assert "its clock was set 1 time" in facts.remarks["clock"]


def test_every_training_clip_sees_the_whole_file(tmp_path):
    """A WebM file from a pipe says nothing of its length: dense clips showed its first frame sixteen times."""
    path = make(tmp_path / "a.webm", STAMPS, codec="libvpx", kind="webm", piped=True)
    reader = ClipReader(Data(sampling="dense", frames=4, resize=(48, 64), crop=(48, 64)), Problems(1, 1.0))
    clips = [reader.training_clip(Video(str(path), ()), (seed,))["rgb"] for seed in range(40)]
    assert {round(float(frame.mean()) / 10) for clip in clips for frame in clip} == set(range(20))


def test_a_clock_that_was_set_does_not_freeze_a_clip(tmp_path):
    path = make(tmp_path / "a.mkv", STAMPS + np.where(np.arange(20) >= 10, 1.7e9, 0))
    assert [round(float(retrieve().mean()) / 10) for retrieve in Reader(path, fps=5)] == list(range(0, 20, 2))


# === Damage ===


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mkv", {"codec": "libx264"}),
        ("a.webm", {"codec": "libvpx"}),
        ("a.avi", None),
        ("a.mp4", {"codec": "libx264", "options": {"movflags": "faststart"}}),
        ("a.mov", {"codec": "mpeg4", "options": {"movflags": "faststart"}}),
        ("a.ts", {"codec": "libx264"}),
    ],
)
@pytest.mark.parametrize("share", [0.55, 0.8])
def test_what_is_cut_off_is_damage(worker, tmp_path, name, options, share):
    path = write_video(tmp_path / name, size=(480, 640)) if options is None else make(tmp_path / name, STAMPS, **options)
    assert worker.measure(str(path), LARGEST).verdict == "good"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    facts = worker.measure(str(path), LARGEST)
    assert facts.verdict in ("damaged", "unreadable") and facts.frames < 20
    assert facts.unreadable or " frames can be read; " in facts.damage


def test_errors_of_the_decoder(worker, tmp_path):
    path = make(tmp_path / "a.mp4", STAMPS, codec="libx264")
    content = bytearray(path.read_bytes())
    place = content.index(b"mdat") + 900
    content[place : place + 200] = np.random.default_rng(0).bytes(200)
    path.write_bytes(content)
    facts = worker.measure(str(path), LARGEST)
    assert facts.verdict == "damaged" and "the decoder reports" in facts.damage
    assert worker.measure(str(make(tmp_path / "b.mp4", STAMPS, codec="libx264")), LARGEST).verdict == "good"  # said of a, not b


def test_fewer_frames_than_a_table_declares_are_said(worker, tmp_path):
    facts = worker.measure(str(declare(write_video(tmp_path / "a.avi"), 25)), LARGEST)
    assert facts.verdict == "good" and facts.remarks == {"count": "declares 25 frames, 20 can be read"}


def write_pictures(folder, count: int = 5, suffix: str = ".jpg"):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(count):
        cv2.imwrite(str(folder / f"{k}{suffix}"), rng.integers(0, 255, (40, 60, 3), np.uint8))
    return folder


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_that_is_cut_short(worker, tmp_path, suffix):
    folder = write_pictures(tmp_path / "frames", suffix=suffix)
    assert worker.measure(str(folder), LARGEST) == Facts(5, 60, 40)
    whole = (folder / f"3{suffix}").read_bytes()
    (folder / f"3{suffix}").write_bytes(whole[: len(whole) // 2])
    facts = worker.measure(str(folder), LARGEST)
    assert facts.verdict == "damaged" and f"3{suffix}" in facts.damage
    assert facts.frames + len(facts.missing) == 5


def test_the_mark_at_the_end_of_a_jpeg(tmp_path):
    """A thumbnail in the header has a mark of its own; cameras append bytes after the picture's."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8))
    picture.save(tmp_path / "plain.jpg")
    plain = (tmp_path / "plain.jpg").read_bytes()
    header = b"\xff\xe1" + (len(plain) + 2).to_bytes(2, "big") + plain  # APP1 with a whole JPEG in it
    path = tmp_path / "a.jpg"
    for content, cut in ((plain[:2] + header + plain[2:], False), (plain + b"SEFT" * 9, False), (plain[:-40], True)):
        path.write_bytes(content)
        assert bool(containers.missing_end(path)) == cut
    path.write_bytes((plain[:2] + header + plain[2:])[:-40])
    assert containers.missing_end(path) == "it lacks the mark at the end of a JPEG"


def test_a_gif_that_is_cut_short(worker, tmp_path):
    pages = [Image.fromarray(np.random.default_rng(k).integers(0, 255, (40, 60), np.uint8)) for k in range(5)]
    path = tmp_path / "a.gif"
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=100)
    assert worker.measure(str(path), LARGEST).verdict == "good"
    path.write_bytes(path.read_bytes()[:-500])
    assert "it lacks the mark at the end of a GIF" in worker.measure(str(path), LARGEST).damage


# === Sizes ===


def test_nothing_above_the_limit_is_decoded(worker, tmp_path):
    path = tmp_path / "bomb.gif"
    path.write_bytes(b"GIF89a" + (16000).to_bytes(2, "little") * 2 + b"\0\0\0" + b"," + bytes(9) + b"\2\1\0\0;")
    facts = worker.measure(str(path), LARGEST)
    assert facts.unreadable == "its frames have 16000 x 16000 px, more than --data.max-pixels 64000000 (256,000,000)"
    assert "48" in worker.measure(str(write_video(tmp_path / "a.avi")), 64 * 48 - 1).unreadable
    folder = write_pictures(tmp_path / "frames")
    assert worker.measure(str(folder), 60 * 40 - 1).unreadable.startswith("0.jpg: its frames have 60 x 40 px")
    assert worker.measure(str(folder), 60 * 40).verdict == "good"


# === The process ===


def test_a_decoder_that_dies_or_hangs_is_replaced(tmp_path, monkeypatch):
    path, worker = str(write_video(tmp_path / "a.avi")), Worker()
    try:
        assert worker.measure(path, LARGEST).frames == 20
        process = worker._process
        os.kill(process.pid, signal.SIGSTOP)
        facts = worker.measure(path, LARGEST, silence=0.3)
        assert facts.unreadable == "the decoder gave no frame for 0.3 s and was stopped"
        assert process.poll() == -signal.SIGKILL
        assert worker.measure(path, LARGEST).frames == 20
        monkeypatch.setattr(measuring.json, "dumps", lambda request: "no request")
        assert worker.measure(path, LARGEST).unreadable.startswith("the decoder ended its process")
        monkeypatch.undo()
        assert worker.measure(path, LARGEST).frames == 20
    finally:
        worker.stop()


def test_facts_survive_a_line_of_text():
    facts = Facts(3, 4, 5, 3, 25.0, {"stamps": [0, 0.1, 0.5]}, "", "cut", {"count": "x"}, ("a.png",))
    assert Facts.from_json(facts.to_json()) == facts


def test_a_short_file_is_not_announced(tmp_path, worker):
    path, told = str(write_video(tmp_path / "a.avi")), []
    worker.measure(path, LARGEST)
    time.sleep(measure.ALIVE_SECONDS + 0.1)  # the time between two files is no file's
    worker.measure(path, LARGEST, slow=lambda: told.append(1))
    assert not told


def test_a_long_file_is_announced_once(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    path = str(write_video(tmp_path / "a.avi"))

    class Slow(Worker):
        def measure(self, path, max_pixels, silence=60.0, slow=lambda: None):
            for _ in range(3):  # signs of life
                slow()
            return super().measure(path, max_pixels)

    monkeypatch.setattr(measuring, "_idle", [Slow()])
    assert measuring.one(path, LARGEST).frames == 20
    assert caplog.text.count(f"{path} is read from end to end once, which takes a while") == 1
    measuring.stop_all()
