"""predict.py from the command line: what it reads, shows and writes, and how it ends."""

import csv
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import predict
from videorec import Predictor
from videorec.config import UserError
from videorec.data.manifest import Video
from videorec.inference import live
from videorec.inference.saving import places

STORED = Path(__file__).parent / "data" / "old_runs"


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A copy of the stored runs and their videos, as the working folder."""
    place = tmp_path_factory.mktemp("predict") / "here"
    shutil.copytree(STORED, place)
    (place / "videos" / "deep").mkdir(parents=True)
    for name in "v0", "v1":
        shutil.copytree(place / "data" / name, place / "videos" / "deep" / name)
    (place / "videos" / "broken.mp4").write_text("no video")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        yield place


def answers(*args: str) -> tuple[list[dict], list[dict]]:
    """The entries of the JSON and the rows of the CSV file of a call that ends well."""
    assert predict.main([*args, "--json", "out/a.json", "--csv", "out/a.csv"]) == 0
    with open("out/a.csv", newline="", errors="surrogateescape") as file:
        return json.loads(Path("out/a.json").read_text()), list(csv.DictReader(file))


# === What it says ===


def test_one_video_is_shown_with_its_most_probable_classes(capsys):
    expected = Predictor("trained/clips")("data/v0")
    assert predict.main(["trained/clips", "data/v0", "--top", "2"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == f"data/v0: {expected.label}"
    assert [line.split()[:2] for line in lines] == [[name, f"{p:.3f}"] for name, p in expected.top(2)]


def test_files_hold_what_the_predictor_says_and_unreadable_videos_with_their_reason(capsys):
    entries, rows = answers("trained/clips", "videos")
    predictor = Predictor("trained/clips")
    paths = ["videos/broken.mp4", "videos/deep/v0", "videos/deep/v1"]
    assert entries == [predictor(path).as_dict() for path in paths]
    assert [row["video"] for row in rows] == paths
    assert "text, not a video" in rows[0]["error"] and rows[0]["label"] == ""
    for row, entry in zip(rows[1:], entries[1:], strict=True):
        assert (row["label"], row["error"]) == (entry["label"], "")
        for name, p in entry["probabilities"].items():
            assert float(row[f"p({name})"]) == pytest.approx(p, abs=1e-6)
    shown = capsys.readouterr().out
    assert "unreadable: text, not a video" in shown and "deep/v1" in shown


def test_several_labels_are_those_of_one_half_or_more(folder):
    entries, rows = answers("trained/several_labels", "data/v0", "data/v1")
    for row, entry in zip(rows, entries, strict=True):
        likely = [name for name, p in sorted(entry["probabilities"].items(), key=lambda item: -item[1]) if p >= 0.5]
        assert row["labels"] == ";".join(likely) and entry.get("labels", []) == likely


def test_moments_become_a_row_a_segment(capsys):
    entries, rows = answers("trained/moments_one_at_a_time", "data/v0", "data/v1")
    expected = [(e["video"], s["start"], s["end"], s["label"]) for e in entries for s in e["segments"]]
    assert len(expected) >= 2
    assert [(row["video"], float(row["start"]), float(row["end"]), row["label"]) for row in rows] == expected
    assert len(capsys.readouterr().out.splitlines()) == len(expected) + 2  # the folder and the head


def test_labels_to_come_become_a_row_a_step(folder):
    (entry,), rows = answers("trained/anticipation", "data/v0")
    assert [row["step"] for row in rows] == [str(k + 1) for k in range(len(entry["coming"]))]
    for k, (row, step) in enumerate(zip(rows, entry["coming"], strict=True)):
        assert float(row["seconds"]) == pytest.approx((k + 1) / entry["rate"])
        assert row["label"] == max(step, key=step.get)


def test_forecasts_say_their_size(folder):
    (entry,), (row,) = answers("trained/forecasts", "data/sequences/test")
    size = Predictor("trained/forecasts")("data/sequences/test/blob.npz").frames.shape
    assert tuple(entry["frames"]) == size
    assert tuple(int(row[name]) for name in ("forecast", "height", "width", "channels")) == size


# === What it takes ===


def test_names_of_all_kinds_stay_in_the_files_and_on_the_screen(colored, capsys):
    names = ["a:b.avi", "größer [1].avi", os.fsdecode(b"bad\xff.avi")]
    for name in names:
        shutil.copy(colored, colored.parent / name)
    entries, rows = answers("trained/clips", str(colored.parent))
    paths = [str(colored.parent / name) for name in sorted([*names, "colored.avi"])]
    assert [entry["video"] for entry in entries] == [row["video"] for row in rows] == paths
    assert ["error" in entry for entry in entries] == [False, True, False, False]
    shown = capsys.readouterr().out
    assert "größer [1].avi" in shown and "bad\ufffd.avi" in shown and "its name is not UTF-8" in shown


def test_segments_of_a_manifest_are_asked_about_one_by_one(video):
    Path("m.csv").write_text(f"path,label,start,end\n{video},x,0,0.5\n{video},y,1,\n")
    entries, rows = answers("trained/clips", "m.csv")
    assert [row["video"] for row in rows] == [f"{video}[0-0.5s]", f"{video}[1-s]"]
    assert entries[0]["probabilities"] != entries[1]["probabilities"]


def test_json_on_standard_output_is_alone_there(capsys):
    assert predict.main(["trained/clips", "data/v0", "data/v1", "--json", "-"]) == 0
    out = capsys.readouterr()
    assert [entry["video"] for entry in json.loads(out.out)] == ["data/v0", "data/v1"]
    assert "data/" in out.err


def test_the_status_tells_whether_a_video_could_be_read(folder):
    assert predict.main(["trained/clips", "videos/broken.mp4"]) == 1
    assert predict.main(["trained/clips", "videos/broken.mp4", "data/v0", "no.mp4"]) == 0


@pytest.mark.parametrize(
    ("args", "message"),
    {
        "no video": ("trained/clips", "Which videos"),
        "no such file": ("trained/clips no.mp4", "Received: no.mp4: no such file"),
        "no match": ("trained/clips *.avi", r"No file matches \*.avi"),
        "no model": ("no_run data/v0", "no_run is no run folder"),
        "top": ("trained/clips data/v0 --top 0", "--top must be 1 or more"),
        "two to standard output": ("trained/clips data/v0 --json - --csv -", "cannot both"),
        "saved over its source": ("trained/clips videos --save videos", "--save must be another folder"),
        "over its source": ("trained/clips data/clips.csv --csv data/clips.csv", "--csv must not be one of the files"),
    }.values(),
)
def test_what_cannot_be_carried_out_is_refused_before_the_model_is_loaded(args, message, monkeypatch):
    monkeypatch.setattr("videorec.Predictor.__init__", lambda *_: pytest.fail("loaded"), raising=False)
    with pytest.raises(UserError, match=message):
        predict.main(args.split())


def test_what_is_done_stays_when_it_is_interrupted(monkeypatch):
    class Interrupted(Predictor):
        def __call__(self, videos):
            yield super().__call__("data/v0")
            raise KeyboardInterrupt

    monkeypatch.setattr("videorec.inference.predictor.Predictor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict.main(["trained/clips", "data/v0", "data/v1", "--json", "out/a.json", "--csv", "out/a.csv"])
    assert [entry["video"] for entry in json.loads(Path("out/a.json").read_text())] == ["data/v0"]
    assert len(Path("out/a.csv").read_text().splitlines()) == 2


# === Saved videos ===


def frames_of(path) -> list[np.ndarray]:
    """RGB frames, as whole numbers."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames
        frames.append(frame[..., ::-1].astype(int))


@pytest.fixture
def colored(tmp_path) -> Path:
    """A video of 20 frames at 10 fps, red for a second, then green."""
    writer = cv2.VideoWriter(str(tmp_path / "colored.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for k in range(20):
        writer.write(np.full((48, 64, 3), (0, 0, 220) if k < 10 else (0, 220, 0), np.uint8))
    writer.release()
    return tmp_path / "colored.avi"


@pytest.mark.parametrize("run", ["clips", "several_labels", "moments", "moments_one_at_a_time", "anticipation"])
def test_every_frame_is_saved_with_the_answer_below(run, colored, tmp_path):
    assert predict.main([f"trained/{run}", str(colored), "--save", str(tmp_path / "out")]) == 0
    frames = frames_of(tmp_path / "out" / "colored.mp4")
    assert len(frames) == 20
    shown = np.array([frame[:480] for frame in frames])  # 48 x 64, ten times as large
    assert shown.shape[2] == 640
    plain = run != "several_labels"  # attention colours the frames, and darkens what the model does not see
    middle = shown[:, 200:280, 280:360].mean(axis=(1, 2))
    assert (middle[:10, 0] > middle[:10, 1] + 60).all() and (middle[10:, 1] > middle[10:, 0] + 40).all()
    if plain:
        np.testing.assert_allclose(shown[3].mean(axis=(0, 1)), [220, 0, 0], atol=25)
    below = np.array([frame[480:] for frame in frames])
    assert (below.max(axis=(1, 2, 3)) > 200).all()  # white letters
    assert np.abs(below[-1] - below[0]).max() > 100  # the clock, and with it the cursor or the bars


def test_the_bars_of_a_saved_video_grow_with_the_score(colored, tmp_path):
    """The last frame's bars are as long as the probabilities of the stream's last answer, in its order."""
    assert predict.main(["trained/clips", str(colored), "--save", str(tmp_path / "out"), "--interval", "0"]) == 0
    *_, last = Predictor("trained/clips").stream(colored, 0)
    top = last.top(5)
    below = frames_of(tmp_path / "out" / "colored.mp4")[-1][480:]
    colored_px = (below.max(axis=2) - below.min(axis=2) > 60)[:, :307]  # names and bars: the rest is the plot
    rows = np.flatnonzero(colored_px.sum(axis=1))
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    lengths = [int(colored_px[run].sum(axis=1).max()) for run in runs]
    likely = [p for _, p in top if p > 0.05]
    assert len(lengths) >= len(likely)
    for length, p in zip(lengths, likely, strict=False):
        assert length / lengths[0] == pytest.approx(p / likely[0], abs=0.06)


def test_a_saved_video_keeps_the_times_of_its_frames(shared_data, tmp_path):
    pytest.importorskip("av")
    source = next((shared_data / "videos" / "readable").glob("*vfr*"))
    assert predict.main(["trained/clips", str(source), "--save", str(tmp_path)]) == 0
    ours, theirs = ([moment.time for moment in live.of_file(Video(str(path), ()), None)] for path in
                    (tmp_path / f"{source.stem}.mp4", source))  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert np.ptp(np.diff(theirs)) > 0.01


def test_forecasts_are_saved_as_array_picture_and_animation(tmp_path):
    assert predict.main(["trained/forecasts", "data/sequences/test/blob.npz", "--save", str(tmp_path)]) == 0
    expected = Predictor("trained/forecasts")("data/sequences/test/blob.npz").frames
    np.testing.assert_array_equal(np.load(tmp_path / "blob.npy"), expected)
    picture = cv2.imread(str(tmp_path / "blob.png"))
    first = np.clip(expected[0, ..., 0], 0, 1).repeat(4, axis=0).repeat(4, axis=1) * 255  # 16 x 16, four times as large
    np.testing.assert_allclose(picture[66:130, :64, 0], first, atol=1)
    assert len(frames_of(tmp_path / "blob.gif")) == 5


def test_names_of_saved_videos(tmp_path):
    """As the videos lie below their common folder; segments say their seconds, and no name is taken twice."""
    videos = [Video("x/a.mp4", ()), Video("x/a.avi", ()), Video("x/b/a.mp4", ()), Video("x/a.mp4", (), 1.0, 2.5)]
    assert list(places(videos, "out").values()) == ["out/a", "out/a_2", "out/b/a", "out/a_1-2.5s"]
    remote = [Video("s3://bucket/a/x.mp4", ()), Video("s3://bucket/b/x.mp4", ())]
    assert list(places(remote, "out").values()) == ["out/a/x", "out/b/x"]
    with pytest.raises(UserError, match="--save must be another folder than that of the videos. Received: x, with x/a.mp4"):
        places(videos, "x")


def test_without_a_screen_everything_else_goes_on(monkeypatch, caplog):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert predict.main(["trained/clips", "data/v0", "--show"]) == 0
    assert [message for message in caplog.messages if "there is no screen" in message] == caplog.messages[:1]
