"""New videos in, answers out: against evaluate.py, and against the model on frames that are read by hand."""

import csv
import itertools

import numpy as np
import pytest
from by_hand import frames_by_hand, outputs_by_hand
from grey_videos import write_video
from tiny_runs import copied, measured

from videorec import Predictor
from videorec.config import UserError
from videorec.data import flow
from videorec.data.manifest import Video
from videorec.inference.overlapping import Overlapping
from videorec.inference.prediction import Prediction
from videorec.runs.run import Run

# === Recognition ===


@pytest.mark.parametrize("options", ["", "--evaluate.clips 3", "--evaluate.crops 2", "--evaluate.crops 10"])
def test_gives_the_probabilities_of_an_evaluation(quick_runs, synthetic, tmp_path, options):
    run = copied(Run(quick_runs / "a"), tmp_path / "run")
    measured(run, options, tmp_path / "out")
    clips, crops = (int(options.split()[-1]) if name in options else 1 for name in ("clips", "crops"))
    text = (run.folder / "recipe.json").read_text()
    text = text.replace('"clips": 1', f'"clips": {clips}').replace('"crops": 1', f'"crops": {crops}')
    (run.folder / "recipe.json").write_text(text)
    with open(tmp_path / "out" / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    predictor = Predictor(run.folder, batch=5)
    predictions = list(predictor(row["video"] for row in rows))
    assert [p.video for p in predictions] == [row["video"] for row in rows] and len(rows) == 16
    for row, prediction in zip(rows, predictions, strict=True):
        expected = [float(row[f"p({name})"]) for name in predictor.classes]
        np.testing.assert_allclose(list(prediction.probabilities.values()), expected, atol=2e-6)
        assert prediction.label == row["predicted"]
        assert prediction.score == max(prediction.probabilities.values())


def test_one_video_alone_and_as_a_segment(quick_runs, video):
    predictor = Predictor(quick_runs / "a")
    alone, (among, part) = predictor(video), predictor([str(video), Video(str(video), (), start=1.0, end=2.0)])
    assert alone.probabilities == pytest.approx(among.probabilities, abs=1e-6) and len(alone.top(3)) == 3
    assert part.video == f"{video}[1-2s]" and part.probabilities != alone.probabilities
    assert alone.as_dict()["label"] == alone.label and "error" not in alone.as_dict()


def test_what_cannot_be_read_is_a_row_with_its_reason(quick_runs, video, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "folder").mkdir()
    names = ["gone.mp4", "empty.mp4", "text.mp4", "folder"]
    given = [tmp_path / "gone.mp4", video, tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "folder", video]
    predictions = list(Predictor(quick_runs / "a", threads=3)(given))
    assert [p.error is None for p in predictions] == [False, True, False, False, False, True]
    assert [p.video for p in predictions if p.error] == [str(tmp_path / name) for name in names]
    reasons = ["no such file", "the file is empty", "text, not a video", "a folder without pictures"]
    for prediction, reason in zip([p for p in predictions if p.error], reasons, strict=True):
        assert reason in prediction.error and prediction.label is None
        assert prediction.as_dict() == {"video": prediction.video, "error": prediction.error}
    assert predictions[1].probabilities == predictions[5].probabilities


def test_an_endless_list_is_read_a_few_ahead(quick_runs, video):
    taken = itertools.count()
    endless = (str(video) for _ in iter(lambda: next(taken), None))
    answers = Predictor(quick_runs / "a", batch=2, threads=2)(endless)
    assert [next(answers).error for _ in range(5)] == [None] * 5
    assert next(taken) < 20


def test_several_labels(old_runs):
    run = old_runs / "trained" / "several_labels"
    frames = frames_by_hand(old_runs / "data" / "v4")  # 12 frames: one of each quarter
    expected = outputs_by_hand(run, rgb=frames[[1, 4, 7, 10]])
    prediction = Predictor(run)(old_runs / "data" / "v4")
    np.testing.assert_allclose(list(prediction.probabilities.values()), expected["probabilities"], atol=1e-5)
    likely = [name for name, p in prediction.top(9) if p >= 0.5]
    assert list(prediction.labels) == likely and len(likely) >= 1
    np.testing.assert_allclose(prediction.attention["attention"], expected["attention"], atol=1e-5)


def test_two_streams(old_runs):
    run = old_runs / "trained" / "two_streams"
    pictures = frames_by_hand(old_runs / "data" / "v5", crop=24)
    motion = flow.encode(flow.of_frames(pictures))[:, 4:-4, 4:-4]
    rgb = pictures[:-1, 4:-4, 4:-4]  # the last frame has no motion
    expected = outputs_by_hand(run, rgb=rgb[[2, 8]], flow=motion[[2, 8]])  # the middles of two halves of 11
    prediction = Predictor(run)(old_runs / "data" / "v5")
    np.testing.assert_allclose(list(prediction.probabilities.values()), expected["probabilities"], atol=1e-5)


# === The other tasks ===


def test_labels_of_moments(old_runs):
    run = old_runs / "trained" / "moments"
    expected = outputs_by_hand(run, rgb=frames_by_hand(old_runs / "data" / "v4"))["probabilities"]
    prediction = Predictor(run)(old_runs / "data" / "v4")
    np.testing.assert_allclose(prediction.moments, expected, atol=1e-5)
    assert prediction.rate == 10.0 and prediction.label is None
    high = {name: expected[:, k] >= 0.5 for k, name in enumerate(("green", "red"))}
    for segment in prediction.segments:
        first, last = round(segment.start * 10), round(segment.end * 10)
        assert high[segment.label][first:last].all()
    assert sum(round((s.end - s.start) * 10) for s in prediction.segments) == sum(x.sum() for x in high.values())
    assert len(prediction.as_dict()["segments"]) == len(prediction.segments) > 0


def test_moments_of_a_segment(old_runs, tmp_path):
    run = old_runs / "trained" / "moments"
    path = str(write_video(tmp_path / "video.avi"))  # 20 frames at 10 fps
    whole, part = Predictor(run)([path, Video(path, (), start=1.0)])
    assert (len(whole.moments), len(part.moments)) == (20, 10)


def test_labels_to_come(old_runs):
    run = old_runs / "trained" / "anticipation"
    logits = outputs_by_hand(run, rgb=frames_by_hand(old_runs / "data" / "v4")[-4:])["steps"]
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    prediction = Predictor(run)(old_runs / "data" / "v4")
    np.testing.assert_allclose([list(step.values()) for step in prediction.coming], expected, atol=1e-5)
    assert len(prediction.coming) == 2 and prediction.label == max(prediction.coming[0], key=prediction.coming[0].get)


def test_labels_to_come_need_enough_frames(old_runs, tmp_path):
    run = old_runs / "trained" / "anticipation"
    short = write_video(tmp_path / "short.avi", frames=3)
    assert "4 frames at 10 frames a second, 0.4 s, are needed. It has 3" in Predictor(run)(short).error


def test_frames_to_come(old_runs, tmp_path):
    run, path = old_runs / "trained" / "forecasts", old_runs / "data" / "sequences" / "test" / "blob.npz"
    with np.load(path) as arrays:
        seen = arrays[arrays.files[0]][-3:, ..., None]
    expected = outputs_by_hand(run, rgb=seen)["frames"]
    longer = tmp_path / "sequences.npy"
    np.save(longer, np.zeros((2, 8, *seen.shape[1:3]), np.uint8))
    colour, prediction, short, several = Predictor(run)([old_runs / "data" / "v0", path, tmp_path / "no.npz", longer])
    np.testing.assert_allclose(prediction.frames, expected, atol=1e-5)
    np.testing.assert_array_equal(prediction.seen, seen)
    assert prediction.as_dict() == {"video": str(path), "frames": [2, *seen.shape[1:]]}
    assert "frames of 1 channels are needed. It has 3" in colour.error
    assert short.error == "no such file"
    assert several.error is not None


# === Refusals ===


@pytest.mark.parametrize("options", [{"batch": 0}, {"threads": 0}])
def test_options_out_of_range(quick_runs, options):
    with pytest.raises(UserError, match="must be 1 or more"):
        Predictor(quick_runs / "a", **options)


def test_what_is_no_model(tmp_path, video):
    with pytest.raises(UserError, match="no run folder"):
        Predictor(tmp_path)
    with pytest.raises(UserError, match="Give a run folder, a SavedModel or a .tflite file"):
        Predictor(video)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "saved_model.pb").touch()
    with pytest.raises(UserError, match="without assets/recipe"):
        Predictor(tmp_path / "foreign")


def test_a_prediction_prints_short():
    assert repr(Prediction("a.mp4", label="x", score=0.5)) == "Prediction('a.mp4', x 0.500)"
    assert repr(Prediction("a.mp4", error="no such file")) == "Prediction('a.mp4', error: no such file)"


def test_streams_of_one_predictor_side_by_side_and_one_after_the_other(quick_runs, video):
    """A stream that is left early leaves nothing to the next one, which takes over its step model."""
    predictor = Predictor(quick_runs / "a")
    alone = [now.probabilities for now in predictor.stream(video, 0)]
    early = predictor.stream(video, 0)
    next(early), next(early)
    assert [now.probabilities for now in predictor.stream(video, 0)] == alone
    assert next(early).probabilities == alone[2]
    early.close()
    assert [now.probabilities for now in predictor.stream(Video(str(video), ()), 0)] == alone and len(alone) == 20


def test_a_stream_with_a_memory_answers_from_its_last_seconds(quick_runs, video):
    """20 frames, 0.1 s apart, of which the answer is from the last 0.4 to 0.8 s: what the frames since a restart give alone."""
    predictor = Predictor(quick_runs / "a")
    frames = [now.frame for now in predictor.stream(video, 0)]
    answers = [now.probabilities for now in predictor.stream(video, 0, memory=0.79)]
    begins = [*[0] * 8, *[4] * 4, *[8] * 4, *[12] * 4]  # of the run that answers after each frame
    for number, (begin, answer) in enumerate(zip(begins, answers, strict=True)):
        *_, alone = predictor.stream(frames[begin : number + 1])
        assert answer == pytest.approx(alone.probabilities, abs=1e-5)
    assert answers[-1] != pytest.approx([*predictor.stream(video, 0)][-1].probabilities, abs=1e-3)
    with pytest.raises(UserError, match="memory must be more than 0 seconds"):
        next(predictor.stream(video, 0, memory=0))


def test_nothing_before_a_long_gap_counts():
    class Counting:
        frames = 0

        def push(self, inputs):
            self.frames += 1
            return self.frames

        def reset(self):
            self.frames = 0

    stream, counts = Overlapping(Counting(), Counting(), 4.0), []
    for time in [0, 1, 2, 3, 4, 5, 6, 20, 21, 22, 23, 24]:
        stream.at(time)
        counts.append(stream.push({}))
    assert counts == [1, 2, 3, 4, 3, 4, 3, 1, 2, 3, 4, 3]


def test_a_model_of_stored_flow_says_what_it_reads(quick_runs, tmp_path, caplog):
    run = copied(Run(quick_runs / "a"), tmp_path / "flow")
    recipe = run.recipe
    recipe["streams"]["rgb"]["flow"] = {"method": "stored", "encoding": "lrcn", "short_side": None}
    run.save_recipe(recipe)
    Predictor(run.folder)
    assert "reads folders of flow pictures: of other videos its answers mean nothing" in caplog.text
