"""predict.py from the command line: what it reads, shows and writes, and how it ends."""

import csv
import json
import shutil
from pathlib import Path

import pytest

import predict
from videorec import Predictor
from videorec.config import UserError

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
    with open("out/a.csv", newline="") as file:
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
    assert "no video stream" in rows[0]["error"] and rows[0]["label"] == ""
    for row, entry in zip(rows[1:], entries[1:], strict=True):
        assert (row["label"], row["error"]) == (entry["label"], "")
        for name, p in entry["probabilities"].items():
            assert float(row[f"p({name})"]) == pytest.approx(p, abs=1e-6)
    shown = capsys.readouterr().out
    assert "unreadable: no video stream" in shown and "deep/v1" in shown


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
        "over its source": ("trained/clips data/clips.csv --csv data/clips.csv", "--csv must not be one of the files"),
    }.values(),
)
def test_what_cannot_be_carried_out_is_refused_before_the_model_is_loaded(args, message, monkeypatch):
    monkeypatch.setattr("videorec.Predictor.__init__", lambda *_: pytest.fail("loaded"), raising=False)
    with pytest.raises(UserError, match=message):
        predict.main(args.split())


def test_what_is_done_stays_when_it_is_interrupted(monkeypatch):
    def interrupted(self, videos):
        yield Predictor.__call__(self, "data/v0")
        raise KeyboardInterrupt

    predictor = Predictor("trained/clips")
    monkeypatch.setattr("videorec.inference.predictor.Predictor", lambda place: lambda videos: interrupted(predictor, videos))
    with pytest.raises(KeyboardInterrupt):
        predict.main(["trained/clips", "data/v0", "data/v1", "--json", "out/a.json", "--csv", "out/a.csv"])
    assert [entry["video"] for entry in json.loads(Path("out/a.json").read_text())] == ["data/v0"]
    assert len(Path("out/a.csv").read_text().splitlines()) == 2
