"""Streams of a Predictor: after t frames, what the clip model gives for the first t."""

import logging

import numpy as np
import pytest
from by_hand import frames_by_hand, outputs_by_hand

from videorec import Predictor
from videorec.config import UserError
from videorec.data.pictures import Unreadable


@pytest.fixture(scope="module")
def pictures(old_runs) -> np.ndarray:
    """`(12, 24, 24, 3)`: the frames of a video."""
    return frames_by_hand(old_runs / "data" / "v4", crop=24)


@pytest.mark.parametrize("source", ["frames", "file"])
def test_of_a_recogniser(old_runs, pictures, source):
    run = old_runs / "trained" / "clips"
    given = pictures if source == "frames" else str(old_runs / "data" / "v4")
    answers = list(Predictor(run).stream(given))
    assert [answer.time for answer in answers] == pytest.approx(np.arange(12) / 25)
    for t in (1, 2, 7, 12):
        expected = outputs_by_hand(run, rgb=pictures[:t, 4:-4, 4:-4])["probabilities"]
        answer = answers[t - 1]
        np.testing.assert_allclose(list(answer.probabilities.values()), expected, atol=1e-5)
        assert answer.label == max(answer.probabilities, key=answer.probabilities.get)
        np.testing.assert_array_equal(answer.frame, pictures[t - 1])


def test_of_moments_in_the_order_of_the_frames(old_runs, pictures):
    """The model awaits two later frames: its answers come so much later, and the last ones at the end."""
    run = old_runs / "trained" / "moments"
    taken = []

    def frames():
        for picture in pictures:
            taken.append(picture)
            yield picture

    answers, ahead = [], []
    for answer in Predictor(run).stream(frames()):
        answers.append(answer)
        ahead.append(len(taken) - len(answers))
    expected = outputs_by_hand(run, rgb=pictures[:, 4:-4, 4:-4])["probabilities"]
    np.testing.assert_allclose([list(answer.probabilities.values()) for answer in answers], expected, atol=1e-5)
    np.testing.assert_allclose([answer.time for answer in answers], np.arange(12) / 10, atol=1e-6)  # the run's rate
    assert ahead[:10] == [2] * 10
    assert all(set(a.labels) == {name for name, p in a.probabilities.items() if p >= 0.5} for a in answers)


def test_of_labels_to_come(old_runs, pictures):
    run = old_runs / "trained" / "anticipation"
    answers = list(Predictor(run).stream(pictures))
    for t in (1, 4, 12):
        logits = outputs_by_hand(run, rgb=pictures[:t, 4:-4, 4:-4])["steps"]
        expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        np.testing.assert_allclose([list(step.values()) for step in answers[t - 1].coming], expected, atol=1e-5)


def test_of_frames_to_come(old_runs):
    run = old_runs / "trained" / "forecasts"
    with np.load(old_runs / "data" / "sequences" / "test" / "blob.npz") as arrays:
        frames = arrays[arrays.files[0]][..., None]
    answers = list(Predictor(run).stream(frames))
    for t in (1, 3, 5):
        np.testing.assert_allclose(answers[t - 1].frames, outputs_by_hand(run, rgb=frames[:t])["frames"], atol=1e-5)
    colour = Predictor(run).stream(np.repeat(frames[:1], 3, axis=-1))  # grey frames of a camera
    np.testing.assert_allclose(next(colour).frames, answers[0].frames, atol=1e-5)


def test_the_interval_of_the_run_is_kept(quick_runs, video, caplog):
    predictor = Predictor(quick_runs / "a")  # its frames were some 0.4 s apart
    interval = predictor.recipe["streams"]["rgb"]["interval"]
    times = [answer.time for answer in predictor.stream(video)]
    np.testing.assert_allclose(times, np.arange(len(times)) * interval, atol=1e-6)
    assert len(times) == int(1.9 // interval) + 1  # 20 frames at 10 fps
    assert len(list(predictor.stream(video, interval=0))) == 20
    assert len(list(predictor.stream(video, interval=1.0))) == 2
    assert "does not say" not in caplog.text


def test_an_older_run_says_that_it_does_not_know_the_interval(old_runs, pictures, caplog):
    with caplog.at_level(logging.WARNING):
        list(Predictor(old_runs / "trained" / "clips").stream(str(old_runs / "data" / "v4")))
    assert "does not say how far apart its frames were in training: every frame" in caplog.text


def test_refusals(old_runs, quick_runs, tmp_path):
    predictor = Predictor(quick_runs / "a")
    with pytest.raises(UserError, match=r"interval must be 0 or more seconds. Received: -1"):
        next(predictor.stream([], interval=-1))
    with pytest.raises(Unreadable, match="no such file"):
        next(predictor.stream(str(tmp_path / "gone.mp4")))
    with pytest.raises(ValueError, match=r"uint8, RGB, 0 to 255. Received: \(20, 20, 3\) float32"):
        next(predictor.stream([np.zeros((20, 20, 3), np.float32)]))
    whole = Predictor(old_runs / "trained" / "several_labels")  # its first state is the mean over all frames
    with pytest.raises(UserError, match="initial_state_from='mean'"):
        next(whole.stream([]))
    both = Predictor(old_runs / "trained" / "two_streams")
    with pytest.raises(UserError, match="layer bidirectional reads the sequence in both directions"):
        next(both.stream([]))
    assert list(predictor.stream([])) == []


def test_a_model_of_whole_clips_is_asked_about_the_last_ones(old_runs, pictures):
    """Its clips have 4 frames: before there are so many, the last one is held."""
    predictor = Predictor(old_runs / "trained" / "several_labels")
    assert "initial_state_from='mean'" in predictor.cannot_stream()
    answers = list(predictor.stream(pictures, windows=True))
    assert len(answers) == 12
    for t, shown in ((1, [0, 0, 0, 0]), (3, [0, 1, 2, 2]), (4, [0, 1, 2, 3]), (12, [8, 9, 10, 11])):
        expected = outputs_by_hand(old_runs / "trained" / "several_labels", rgb=pictures[shown, 4:-4, 4:-4])["probabilities"]
        np.testing.assert_allclose(list(answers[t - 1].probabilities.values()), expected, atol=1e-5)
    assert Predictor(old_runs / "trained" / "clips").cannot_stream() is None


@pytest.mark.parametrize(("name", "memory"), [("moments", None), ("several_labels", 2.0)])
def test_windows_are_for_recognisers_without_memory(old_runs, name, memory):
    with pytest.raises(UserError, match="windows are for recognisers, without memory"):
        next(Predictor(old_runs / "trained" / name).stream([], windows=True, memory=memory))
