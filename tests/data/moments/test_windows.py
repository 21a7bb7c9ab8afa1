"""Windows of long videos: where they lie, their labels and weights, and that both ways to read them agree."""

import dataclasses
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from grey_videos import declare, frame_numbers, write_video

from videorec.config.dense import DenseData
from videorec.data.decode import Reader
from videorec.data.moments import windows
from videorec.data.moments.tables import DenseVideo, Segment
from videorec.data.moments.windows import Labelled
from videorec.data.problems import Problems
from videorec.features.videos import from_features

DATA = DenseData(fps=10.0, frames=4, resize=(32, 32), crop=(32, 32), augment=False, workers=2)
CLASSES = ("v0", "v1", "v2", "even")
LENGTHS = (20, 7, 9)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Videos of `LENGTHS` frames at 10 a second: frame k has the grey 10 k, the label of its video, and `even` by turns."""
    folder, written = tmp_path_factory.mktemp("videos"), []
    for index, length in enumerate(LENGTHS):
        path = write_video(folder / f"{index}.avi", length, size=(32, 32))
        even = [Segment("even", k / 10, (k + 1) / 10) for k in range(0, 60, 2)]  # after the end too
        written.append(DenseVideo(str(path), (Segment(f"v{index}", 0, 6), *even)))
    return written


def whole(videos, lengths=LENGTHS, data=DATA, **settings) -> Labelled:
    return Labelled(videos, lengths, CLASSES, data, **settings)


class NumberedFeatures:
    """Features as a store gives them: (video, frame, view)."""

    shapes = {"rgb": (3,)}

    def __init__(self, videos):
        self.videos = list(videos)

    def read(self, video, view, start, stop):
        index = self.videos.index(video)
        assert 0 <= start < stop <= LENGTHS[index]
        return {"rgb": np.array([(index, k, view) for k in range(start, stop)], np.float32)}


def rows_of(dataset):
    """`(inputs, targets, weights)` of each example of a data set of batches."""
    for inputs, targets, weights in dataset.as_numpy_iterator():
        assert targets.keys() == weights.keys() == {"steps", "probabilities"}
        yield from zip(inputs["rgb"], targets["steps"], weights["steps"], strict=True)


def of_epochs(labelled, examples, epochs, batch=3, seed=5):
    return list(rows_of(windows.training(labelled, examples, batch, epochs, seed, ("steps", "probabilities"))))


# === Where windows lie ===


def test_plans(videos):
    labelled = whole(videos, horizon=1)  # windows of 5: 4, 2, 2
    assert windows.count(labelled) == 8
    plain = [[video, start] for video, length in enumerate(LENGTHS) for start in range(length - 4)]
    assert windows.plan(labelled, 0, -1).tolist() == plain
    plans = [windows.plan(labelled, 3, epoch) for epoch in range(6)]
    for epoch, plan in enumerate(plans):
        assert sorted(plan[:, 0]) == [0] * 4 + [1] * 2 + [2] * 2
        np.testing.assert_array_equal(plan, windows.plan(labelled, 3, epoch))
    assert len({tuple(sorted(map(tuple, plan.tolist()))) for plan in plans}) > 1  # they lie elsewhere
    assert len({tuple(plan[:, 0]) for plan in plans}) > 1  # in another order
    assert not np.array_equal(plans[0], windows.plan(labelled, 4, 0))
    # Shifts are uniform over one window, half of them to the left and held at 0: the first start of 3 in 5 epochs.
    assert 0.5 < np.mean([windows.starts_of(labelled, 0, 3, epoch)[0] == 0 for epoch in range(300)]) < 0.7


# === Labels ===

MOMENTS = DenseVideo("v", (Segment("v0", 0.2, 0.6), Segment("even", 0.5, 9)), ambiguous=(Segment("Ambiguous", 0.8, 0.9),))


@pytest.mark.parametrize(
    ("settings", "start", "v0", "even", "weights"),
    [
        ({}, 0, [0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]),
        ({}, 3, [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]),
        ({}, 7, [0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 1, 0]),  # 8 is ambiguous, 10 is after the end
        ({"single": True}, 0, [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1]),
        ({"horizon": 3}, 0, [1, 1, 0], [0, 1, 1], [1, 1, 1]),  # frames 4, 5, 6
        ({"horizon": 3, "single": True}, 4, [0, 0, 0], [1, 1, 1], [0, 1, 0]),  # 8, 9, 10
        ({"horizon": 2}, 6, [0, 0], [1, 1], [0, 0]),  # both after the end
    ],
)
def test_labels_by_hand(settings, start, v0, even, weights):
    targets, counted = whole([MOMENTS], (10,), **settings).labels(0, start, 10)
    expected = np.zeros((len(v0), 4), np.float32)
    expected[:, 0], expected[:, 3] = v0, even
    np.testing.assert_array_equal(targets, expected)
    np.testing.assert_array_equal(counted, np.float32(weights))
    assert targets.dtype == counted.dtype == np.float32


def expected_of(index, start, frames, first, length):
    """Targets and weights of `frames` frames from `first` on, of the window at `start`."""
    numbers = np.arange(start + first, start + first + frames)
    targets = np.zeros((frames, 4))
    targets[:, index], targets[:, 3] = 1, numbers % 2 == 0
    return targets, numbers < length


# === Examples ===


@pytest.mark.parametrize("horizon", [0, 3])
def test_every_window_once_an_epoch(videos, horizon):
    labelled = whole(videos, horizon=horizon)
    frames = windows.from_frames(labelled, Problems(3, 0.0), 5)
    features = from_features(labelled, NumberedFeatures(videos), 3)
    wanted = horizon or 4
    for epoch in range(2):
        plan = Counter(map(tuple, windows.plan(labelled, 5, epoch).tolist()))
        of_pictures, of_numbers = (of_epochs(labelled, examples, range(epoch, epoch + 1)) for examples in (frames, features))
        shown = Counter()
        for inputs, targets, weights in of_numbers:
            index, start, view = map(int, inputs[0])
            assert view == (epoch + index) % 3
            there = min(4, LENGTHS[index] - start)
            np.testing.assert_array_equal(inputs[:there], [(index, start + k, view) for k in range(there)])
            assert not inputs[there:].any()
            expected = expected_of(index, start, wanted, 4 if horizon else 0, LENGTHS[index])
            np.testing.assert_array_equal(targets, expected[0])
            np.testing.assert_array_equal(weights, expected[1])
            shown[index, start] += 1
        assert shown == plan
        as_set = Counter((targets.tobytes(), weights.tobytes()) for _, targets, weights in of_numbers)
        assert as_set == Counter((targets.tobytes(), weights.tobytes()) for _, targets, weights in of_pictures)
        for inputs, targets, _ in of_pictures:
            index, numbers = int(targets[0, :3].argmax()), frame_numbers(inputs)
            there = min(4, LENGTHS[index] - numbers[0])
            assert numbers == [*range(numbers[0], numbers[0] + there), *[0] * (4 - there)]
            plan[index, numbers[0]] -= 1
        assert not any(plan.values())


@pytest.mark.parametrize("way", ["frames", "features"])
def test_resumed_epochs_are_those_of_an_uninterrupted_run(videos, way):
    data = dataclasses.replace(DATA, augment=True, color=0.4)
    labelled = whole(videos, data=data)
    examples = (
        windows.from_frames(labelled, Problems(3, 0.0), 5)
        if way == "frames"
        else from_features(labelled, NumberedFeatures(videos), 2)
    )
    all_of_them = of_epochs(labelled, examples, range(3))
    number = windows.count(labelled)
    assert number == 5 + 2 + 3 and len(all_of_them) == 3 * number
    resumed = of_epochs(labelled, examples, range(2, 3))
    for ours, others in zip(resumed, all_of_them[2 * number :], strict=True):
        for x, y in zip(ours, others, strict=True):
            np.testing.assert_array_equal(x, y)
    batches = windows.training(labelled, examples, 3, range(2), 5, ("steps",)).as_numpy_iterator()
    assert [len(inputs["rgb"]) for inputs, _, _ in batches] == [3, 3, 3, 1] * 2


def test_evaluation_shows_every_frame_once_and_plain(videos):
    data = dataclasses.replace(DATA, augment=True)
    labelled = whole(videos, data=data)
    for examples in (
        windows.from_frames(labelled, Problems(3, 0.0), 5),
        from_features(labelled, NumberedFeatures(videos), 2),
    ):
        dataset = windows.evaluation(labelled, examples, 4, ("steps", "probabilities"))
        assert dataset.cardinality().numpy() == 3  # of 10 windows
        shown = Counter()
        for inputs, targets, weights in rows_of(dataset):
            if inputs.shape == (4, 3):
                shown.update(
                    (int(v), int(k)) for (v, k, view), there in zip(inputs, weights, strict=True) if there and not view
                )
            else:
                numbers, there = frame_numbers(inputs), weights.astype(bool)
                shown.update((int(targets[0, :3].argmax()), k) for k in np.array(numbers)[there].tolist())
        assert shown == {(index, k): 1 for index, length in enumerate(LENGTHS) for k in range(length)}


def test_augmented_windows_differ_by_epoch_and_window(tmp_path):
    path = tmp_path / "noise"
    path.mkdir()
    still = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    for k in range(8):
        cv2.imwrite(str(path / f"{k}.png"), still)  # only augmentation can tell two frames apart
    data = dataclasses.replace(DATA, augment=True, crop=(24, 24))
    labelled = whole([DenseVideo(str(path), (Segment("v0", 0, 1),))], (8,), data)
    examples = windows.from_frames(labelled, Problems(1, 0.0), 5)
    seen = [inputs for inputs, _, _ in of_epochs(labelled, examples, range(2))]
    for window in seen:
        np.testing.assert_array_equal(window, np.broadcast_to(window[:1], window.shape))  # one change for a window
    assert len({window.tobytes() for window in seen}) == len(seen) == 4


# === What headers say ===


@pytest.mark.parametrize("declared", [1, 6, 536_870_912])  # the last is what AVI files from a pipe say
@pytest.mark.parametrize("horizon", [0, 2])
def test_wrong_headers_change_nothing(videos, tmp_path, declared, horizon):
    copies = [Path(shutil.copy(video.path, tmp_path)) for video in videos]
    videos = [dataclasses.replace(v, path=str(declare(copy, declared))) for v, copy in zip(videos, copies, strict=True)]
    lengths = windows.lengths(videos, DATA)
    assert lengths == list(LENGTHS)
    assert windows.lengths(videos, dataclasses.replace(DATA, fps=5.0)) == [10, 4, 5]
    labelled = whole(videos, lengths, horizon=horizon)
    examples = windows.from_frames(labelled, Problems(3, 0.0), 5)
    rows_read = of_epochs(labelled, examples, range(2))
    assert len(rows_read) == 2 * windows.count(labelled) == 2 * sum(-(-n // (4 + horizon)) for n in LENGTHS)


def test_a_file_that_breaks_off(tmp_path):
    path = write_video(tmp_path / "v.avi", 20, size=(480, 640))  # most of it is frames
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    there = len(Reader(path, 10.0))
    assert 1 < there < 20 == Reader(path).facts.declared
    video = DenseVideo(str(path), (Segment("v0", 0, 2),))
    labelled = whole([video], windows.lengths([video], DATA))
    examples = windows.from_frames(labelled, Problems(1, 0.0), 5)
    weights = [x["steps"] for *_, x in windows.evaluation(labelled, examples, 3, ("steps",)).as_numpy_iterator()]
    shown = np.concatenate(weights).ravel()
    np.testing.assert_array_equal(shown, np.arange(len(shown)) < there)


def test_motion_has_a_picture_fewer(videos, tmp_path):
    data = dataclasses.replace(DATA, stream="flow")
    assert windows.lengths(videos, data) == [19, 6, 8]
    labelled = whole(videos, (19, 6, 8), data)
    dataset = windows.evaluation(labelled, windows.from_frames(labelled, Problems(3, 0.0), 5), 4, ("steps",))
    assert sum(weights["steps"].sum() for _, _, weights in dataset.as_numpy_iterator()) == 19 + 6 + 8
    stored = dataclasses.replace(data, flow=dataclasses.replace(data.flow, method="stored"))
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.zeros((32, 32, 3), np.uint8))
    assert windows.lengths([DenseVideo(str(tmp_path), ())], stored) == [3]


def test_a_window_begins_again_where_its_video_ends():
    x = np.arange(6).reshape(3, 2)
    assert windows.filled(x, 3).tolist() == x.tolist()
    assert windows.filled(x, 7)[:, 0].tolist() == [0, 2, 4, 0, 2, 4, 0]
    assert windows.filled(x[:0], 4).tolist() == [[0, 0]] * 4


# === Unreadable videos ===


def test_unreadable_videos_weigh_nothing(videos, tmp_path):
    text = tmp_path / "text.avi"
    text.write_bytes(b"no video")
    broken = tmp_path / "broken"
    broken.mkdir()
    for k in range(72):
        cv2.imwrite(str(broken / f"{k:02d}.png"), np.full((32, 32, 3), 10, np.uint8))
    (broken / "70.png").write_bytes(b"no image")  # left out: the folder has 71 frames, for every command
    bad = [DenseVideo(str(path), (Segment("v1", 0, 9),)) for path in (text, broken)]
    both = [videos[0], *bad]
    lengths = windows.lengths(both, DATA)
    assert lengths == [20, 1, 71]
    labelled, problems = whole(both, lengths), Problems(3, 1.0)
    dataset = windows.evaluation(labelled, windows.from_frames(labelled, problems, 5), 3, ("steps", "probabilities"))
    shown = list(rows_of(dataset))
    assert len(shown) == windows.count(labelled) == 5 + 1 + 18
    assert set(problems.unreadable) == {str(text)}
    of_bad = Counter((*frame_numbers(inputs), *weights) for inputs, targets, weights in shown if targets[0, 1])
    assert of_bad == {(0,) * 8: 1, (1,) * 8: 17, (1, 1, 1, 1, 1, 1, 1, 0): 1}  # seen; counted
    assert sum(weights.sum() for _, targets, weights in shown if targets[0, 0]) == 20
    begun = windows.read_windows(labelled, 2, [60, 62, 69, 71], problems)
    assert [(start, len(frames)) for start, frames in begun] == [(60, 4), (62, 4), (69, 2), (71, 0)]
