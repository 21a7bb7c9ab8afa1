"""The pipeline: order, determinism, weights, what cannot be read, and evaluation views."""

import numpy as np
import pytest
import tensorflow as tf
from grey_videos import frame_numbers, write_video

from videorec.config import Data, UserError
from videorec.data import pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.part import WHOLE, Part
from videorec.data.problems import Problems

DATA = Data(frames=4, resize=(32, 32), crop=(32, 32), augment=False, workers=2)


@pytest.fixture
def videos(tmp_path):
    """5 videos of two classes; video i has 20 + i frames."""
    paths = [write_video(tmp_path / f"{i}.avi", frames=20 + i) for i in range(5)]
    return [Video(str(path), ("a" if i < 4 else "b",)) for i, path in enumerate(paths)]


def batches(videos, data=DATA, epochs=range(2), seed=0, problems=None, batch=2, **options):
    reader = ClipReader(data, problems or Problems(len(videos), 1.0))
    load = pipeline.load_frames(videos, data, reader, seed)
    return list(pipeline.training(videos, ("a", "b"), data, load, batch, epochs, seed, **options).as_numpy_iterator())


def test_epochs_are_permutations_with_their_last_batch(videos):
    got = batches(videos)
    assert [len(x["rgb"]) for x, _, _ in got] == [2, 2, 1, 2, 2, 1]
    targets = np.concatenate([y["steps"] for _, y, _ in got])
    assert targets[:5].sum(0).tolist() == [4, 1] and targets[5:].sum(0).tolist() == [4, 1]
    assert got[0][0]["rgb"].shape == (2, 4, 32, 32, 3) and got[0][0]["rgb"].dtype == np.uint8


def test_a_resumed_run_sees_the_same_data(videos):
    data = Data(frames=4, resize=(40, 40), crop=(32, 32), workers=2)
    whole, rest = batches(videos, data, range(3)), batches(videos, data, range(1, 3))
    for (x, y, _), (x2, y2, _) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(x["rgb"], x2["rgb"])
        np.testing.assert_array_equal(y["steps"], y2["steps"])
    other = batches(videos, data, range(1, 3), seed=1)
    assert any((a[0]["rgb"] != b[0]["rgb"]).any() for a, b in zip(rest, other, strict=True))


def test_order_differs_between_epochs():
    orders = [pipeline.epoch_order(50, tf.constant(e), 0).numpy() for e in range(3)]
    for order in orders:
        assert sorted(order) == list(range(50))
    assert (orders[0] != orders[1]).any() and (orders[1] != orders[2]).any()


def test_class_balance(videos):
    shares = pipeline.class_shares(videos)
    np.testing.assert_allclose(shares, [0.625] * 4 + [2.5])  # 1/4 and 1/1 by their mean 0.4
    drawn = pipeline.epoch_order(1000, tf.constant(0), 0, tf.math.log(tf.constant(np.tile(shares, 200)))).numpy() % 5
    assert 450 < (drawn == 4).sum() < 550


WEIGHTS = np.float32([0.625, 2.5])


def test_weights_of_classes_go_to_losses_alone(videos):
    """Also to those of two streams; a clip of both classes counts their mean, one that cannot be read nothing."""
    videos = [*videos, Video(videos[0].path, ("a", "b")), Video("nowhere.avi", ("b",))]
    outputs = ("rgb_steps", "flow_steps", "steps", "probabilities")
    got = batches(videos, epochs=range(1), outputs=outputs, class_weights=WEIGHTS)
    seen = []
    for x, y, w in got:
        labels, readable = y["steps"], x["rgb"].any(axis=(1, 2, 3, 4))
        expected = readable * (labels @ WEIGHTS) / labels.sum(axis=1)
        for name in ("rgb_steps", "flow_steps", "steps"):
            np.testing.assert_allclose(w[name], expected)
        np.testing.assert_array_equal(w["probabilities"], readable)
        seen += w["steps"].tolist()
    assert sorted(seen) == [0, 0.625, 0.625, 0.625, 0.625, 1.5625, 2.5]


def test_weights_of_classes_are_those_of_all_processes(videos):
    """Batches of 3 and 2 rows, filled up to 4; two processes read half of each."""
    options = {"epochs": range(1), "batch": 3, "class_weights": WEIGHTS}
    whole = batches(videos, part=WHOLE, **options)
    parts = [batches(videos, part=Part(index, 2, 4), **options) for index in range(2)]
    for (_, _, w), first, second in zip(whole, *parts, strict=True):
        size = len(w["steps"])
        both = {name: np.concatenate([first[2][name], second[2][name]]) for name in w}
        np.testing.assert_allclose(both["steps"][:size], w["steps"] * 4 / size, rtol=1e-6)
        np.testing.assert_array_equal(both["probabilities"][:size], 1)
        assert not both["steps"][size:].any() and len(both["steps"]) == 4


def test_unreadable_videos_have_weight_0_and_are_named_once(videos, tmp_path, caplog):
    (tmp_path / "bad.mp4").write_bytes(b"")
    videos = [*videos, Video(str(tmp_path / "bad.mp4"), ("b",))]
    problems = Problems(6, 0.1)
    got = batches(videos, problems=problems)
    weights = np.concatenate([w["steps"] for _, _, w in got])
    assert sorted(weights.tolist()) == [0, 0] + [1] * 10
    assert problems.unreadable == {videos[-1].path: "the file is empty"}
    assert caplog.text.count("bad.mp4") == 1
    with pytest.raises(UserError, match=r"1 of 6 videos cannot be read.*bad\.mp4: the file is empty"):
        problems.check()
    problems.max_share = 0.2
    problems.check()


def test_evaluation_views_in_order(videos):
    reader = ClipReader(DATA, Problems(5, 1.0))
    got = list(pipeline.evaluation(videos, DATA, reader, clips=2, crops=10, batch=7).as_numpy_iterator())
    index = np.concatenate([i for _, i, _ in got])
    assert np.bincount(index).tolist() == [20] * 5
    clips = np.concatenate([x["rgb"] for x, _, _ in got])
    assert frame_numbers(clips[index == 0][0]) == [1, 6, 11, 16]
    assert frame_numbers(clips[index == 0][10]) == [3, 8, 13, 18]


def test_evaluation_over_all_dense_clips(videos, tmp_path):
    videos = [*videos[:2], Video(str(tmp_path / "missing.mp4"), ("a",))]
    data = Data(**{**DATA.__dict__, "sampling": "dense", "hop": 8})
    problems = Problems(3, 1.0)
    reader = ClipReader(data, problems)
    got = list(pipeline.evaluation(videos, data, reader, clips=0, crops=1, batch=2).as_numpy_iterator())
    assert np.bincount(np.concatenate([i for _, i, _ in got])).tolist() == [3, 3, 1]
    assert np.concatenate([w for _, _, w in got]).sum() == 6
    assert list(problems.unreadable.values()) == ["no such file"]
