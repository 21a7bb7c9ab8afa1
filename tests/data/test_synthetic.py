"""The built-in videos: what they show, and how they are written."""

import csv
import multiprocessing

import cv2
import numpy as np
import pytest

from videorec.data import synthetic

LABELS = synthetic.CLASSES
PAIRS = [LABELS[i : i + 2] for i in range(0, len(LABELS), 2)]
SEEDS = range(3)
COUNTS = {"train": 2, "val": 1, "test": 1}


def rows_of(manifest):
    with open(manifest, newline="") as file:
        return list(csv.DictReader(file))


def decode(path):
    reader = cv2.VideoCapture(str(path))
    frames = []
    while (read := reader.read())[0]:
        frames.append(read[1][..., ::-1])
    return np.stack(frames)


def stamps(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*") if path.is_file()}


def silhouettes(clip):
    """Where the shape is, `(T, H, W)` bool, without the renderer's help: what differs from the still scene.

    The shape is brighter than the scene. Where it stays all the time (the middle of growing) it counts as scene, which
    changes neither the sense of a motion nor of a growth.
    """
    gray = clip.astype(np.float32).max(axis=-1)
    return gray - gray.min(axis=0) > 45


def path_of(clip):
    """Centre x, y and area of the moving shape in each frame, `(T,)` each; y points down."""
    masks = silhouettes(clip)
    area = np.maximum(masks.sum(axis=(1, 2)), 1)
    v, u = np.mgrid[: clip.shape[1], : clip.shape[2]]
    return (masks * u).sum(axis=(1, 2)) / area, (masks * v).sum(axis=(1, 2)) / area, area


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic")
    return synthetic.write(folder, **COUNTS)


@pytest.mark.parametrize("first, second", PAIRS)
def test_a_pair_has_the_same_frames_in_reverse_order(first, second):
    for seed in SEEDS:
        a, b = synthetic.render(first, seed), synthetic.render(second, seed)
        assert a.dtype == np.uint8 and a.shape == (32, 96, 128, 3)
        np.testing.assert_array_equal(a, b[::-1])
        assert not np.array_equal(a, b)


@pytest.mark.parametrize("first, second", PAIRS)
def test_what_ignores_order_cannot_tell_a_pair_apart(first, second):
    """Any function of the set of frames gives both the same answer, hence exactly one of the two right: 0.5."""
    for seed in SEEDS:
        a, b = (synthetic.render(label, seed, frames=24, height=48, width=64) for label in (first, second))
        np.testing.assert_array_equal(np.sort(a, axis=0), np.sort(b, axis=0))
        np.testing.assert_array_equal(a.astype(np.int64).sum(axis=0), b.astype(np.int64).sum(axis=0))
        assert sorted(frame.tobytes() for frame in a) == sorted(frame.tobytes() for frame in b)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("height, width", [(72, 96), (120, 120)])
def test_the_shape_moves_as_the_label_says(label, height, width):
    for seed in SEEDS:
        x, y, area = path_of(synthetic.render(label, seed, 30, height, width))
        dx, dy = np.diff(x), np.diff(y)
        # The turn about the frame's centre: positive is clockwise on the screen, because y points down.
        turn = np.diff(np.unwrap(np.arctan2(y - height / 2, x - width / 2)))
        moved = {
            "left": -dx, "right": dx, "up": -dy, "down": dy,
            "clockwise": turn, "anticlockwise": -turn,
            "grow": np.diff(area), "shrink": -np.diff(area),
        }  # fmt: skip
        assert np.mean(moved[label] > 0) > 0.8, (seed, label)
        if label in ("left", "right", "up", "down"):  # it leaves and comes back at most once
            along, across = (dx, dy) if label in ("left", "right") else (dy, dx)
            assert np.median(np.abs(along)) > max(0.01 * min(height, width), 2 * np.median(np.abs(across)))
        if label in ("clockwise", "anticlockwise"):
            assert abs(turn.sum()) > 0.8 * np.pi


def test_optical_flow_agrees_with_the_label():
    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for label, axis, sign in (("left", 0, -1), ("right", 0, 1), ("up", 1, -1), ("down", 1, 1)):
        for seed in SEEDS:
            clip = synthetic.render(label, seed)
            a, b = (cv2.cvtColor(clip[t], cv2.COLOR_RGB2GRAY) for t in (15, 16))
            flow = flow_of.calc(a, b, None)[silhouettes(clip)[15]].mean(axis=0)
            assert sign * flow[axis] > 3 * abs(flow[1 - axis]), (label, seed, flow)


def test_the_first_frame_tells_nothing_about_the_sense_of_the_travel():
    """The place at the start is spread alike for both labels: guessing from it is no better than chance."""
    first = np.array([[path_of(synthetic.render(k, s, 12, 48, 48))[0][0] for k in PAIRS[0]] for s in range(60)])
    from_place = np.mean([first[:, 0] > 24, first[:, 1] < 24])
    assert abs(from_place - 0.5) < 0.18  # 120 guesses, 4 standard deviations


def test_the_seed_determines_the_clip_and_the_background_varies():
    for label in LABELS:
        a, b = synthetic.render(label, 3), synthetic.render(label, 3)
        np.testing.assert_array_equal(a, b)
        assert np.abs(a.astype(int) - synthetic.render(label, 4)).mean() > 5


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match="anticlockwise"):
        synthetic.render("sideways", 0)


def test_files_decode_to_what_was_rendered(small):
    counts, rates, sizes, suffixes = set(), set(), set(), set()
    plans = {plan.name: plan for plan in synthetic.plans(COUNTS, 0)}
    for row in rows_of(small):
        plan, path = plans[row["path"]], small.parent / row["path"]
        clip = decode(path)
        wanted = synthetic.render(plan.label, plan.seed, plan.frames, *plan.size)
        assert clip.shape == wanted.shape
        assert np.abs(clip.astype(int) - wanted).mean() < 12
        reader = cv2.VideoCapture(str(path))
        assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(plan.fps, rel=0.01)
        counts.add(len(clip)), rates.add(plan.fps), sizes.add(plan.size), suffixes.add(path.suffix)
    assert min(counts) >= 24 and max(counts) <= 40
    assert len(counts) > 5 and len(rates) > 3 and len(sizes) == 4 and len(suffixes) >= 3


def test_manifest_has_every_video_once_and_no_group_in_two_splits(small):
    rows = rows_of(small)
    assert list(rows[0]) == ["path", "label", "split", "group"]
    assert len(rows) == len({row["path"] for row in rows}) == 8 * sum(COUNTS.values())
    on_disk = {str(path.relative_to(small.parent).as_posix()) for path in small.parent.rglob("*.*")}
    assert on_disk == {row["path"] for row in rows} | {"manifest.csv"}, "nothing unfinished is left"
    for group in {row["group"] for row in rows}:
        members = [row for row in rows if row["group"] == group]
        assert len({row["split"] for row in members}) == 1
        assert tuple(row["label"] for row in members) in PAIRS


def test_a_second_call_writes_nothing(small):
    before = stamps(small.parent)
    assert synthetic.write(small.parent, **COUNTS) == small
    assert stamps(small.parent) == before


def test_an_interrupted_call_is_completed(tmp_path, monkeypatch):
    counts = {"train": 1, "val": 1, "test": 0}
    encode, calls = synthetic.encode, []

    def stops(*args):
        calls.append(args)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return encode(*args)

    synthetic.encoders()
    monkeypatch.setattr(synthetic, "encode", stops)
    with pytest.raises(KeyboardInterrupt):
        synthetic.write(tmp_path, **counts, workers=1)
    monkeypatch.undo()
    assert not (tmp_path / "manifest.csv").exists()
    kept = stamps(tmp_path)
    assert kept
    seen = []
    manifest = synthetic.write(tmp_path, **counts, progress=lambda done, total: seen.append((done, total)))
    assert {path: stamp for path, stamp in stamps(tmp_path).items() if path in kept} == kept
    assert seen[-1] == (16 - len(kept), 16 - len(kept))
    assert all(len(decode(tmp_path / row["path"])) >= 24 for row in rows_of(manifest))


def test_a_video_that_is_missing_is_written_again(tmp_path):
    manifest = synthetic.write(tmp_path, train=1, val=0, test=0)
    lost = tmp_path / rows_of(manifest)[3]["path"]
    frames = decode(lost)
    lost.unlink()
    synthetic.write(tmp_path, train=1, val=0, test=0)
    np.testing.assert_array_equal(decode(lost), frames)


def test_two_processes_may_write_the_same_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=synthetic.write, args=(tmp_path, 1, 0, 0)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    rows = rows_of(tmp_path / "manifest.csv")
    assert len(rows) == 8 and all(len(decode(tmp_path / row["path"])) >= 24 for row in rows)


def test_a_missing_encoder_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "ENCODERS", ((".mp4", "none", 0.5), (".avi", "MJPG", 0.5)))
    synthetic.encoders.cache_clear()
    try:
        manifest = synthetic.write(tmp_path, train=2, val=0, test=0)
        assert {row["path"][-4:] for row in rows_of(manifest)} == {".avi"}
        assert all(len(decode(tmp_path / row["path"])) >= 24 for row in rows_of(manifest))
    finally:
        synthetic.encoders.cache_clear()


def test_a_video_that_is_not_whole_is_an_error(tmp_path, monkeypatch):
    synthetic.encoders()
    monkeypatch.setattr(synthetic, "encode", lambda *args: False)
    with pytest.raises(OSError, match="disk"):
        synthetic.write(tmp_path, train=1, val=0, test=0)
    assert not (tmp_path / "manifest.csv").exists()


def test_another_seed_gives_other_videos(tmp_path):
    first = rows_of(synthetic.write(tmp_path, train=1, val=0, test=0, seed=0))
    second = rows_of(synthetic.write(tmp_path, train=1, val=0, test=0, seed=1))
    assert not {row["path"] for row in first} & {row["path"] for row in second}
    assert len(rows_of(tmp_path / "manifest.csv")) == 8
