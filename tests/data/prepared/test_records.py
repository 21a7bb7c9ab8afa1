"""The format of prepared pictures: what others read in it, and that nothing is lost on the way."""

import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from grey_videos import frame_numbers, write_video

from videorec.config import Flow
from videorec.data import flow
from videorec.data.decode import Reader, count
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.prepared import records
from videorec.data.prepared.records import Settings
from videorec.data.resize import scale_to_short_side

RGB = Settings(("rgb",), 32, 90, None, None, 32)
FEATURES = {
    "video": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.VarLenFeature(tf.string),
    "stream": tf.io.FixedLenFeature([], tf.string),
    "first": tf.io.FixedLenFeature([], tf.int64),
    "pictures": tf.io.VarLenFeature(tf.string),
    "stamps": tf.io.VarLenFeature(tf.float32),
}


def decoded(jpegs) -> np.ndarray:
    """`(N, H, W, 3)` RGB by OpenCV."""
    return np.stack([cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in jpegs])[..., ::-1]


def jpegs_of(path, stream="rgb", settings=RGB, **segment) -> list[bytes]:
    return [jpeg for jpeg, _ in records.pictures(Video(str(path), ("a",), **segment), stream, settings)]


def moving_texture(path, frames=6, shift=(2, 1), size=(96, 128)):
    """A texture that moves by `shift` (x, y) px a frame, lossless enough to measure motion in."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 240, 3), dtype=np.uint8)
    noise = cv2.GaussianBlur(noise, (0, 0), 2.5)
    noise = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX)
    path.mkdir()
    for k in range(frames):
        top, left = 60 - shift[1] * k, 60 - shift[0] * k
        cv2.imwrite(str(path / f"{k}.png"), noise[top : top + size[0], left : left + size[1]])
    return path


@pytest.fixture
def long(tmp_path):
    """130 frames of 48 x 64 at 10 a second: two full records and one of two pictures."""
    return write_video(tmp_path / "long.avi", 130)


# === Records ===


def test_anybody_reads_the_records(long, tmp_path):
    timed = list(records.pictures(Video(str(long), ("x", "y")), "rgb", RGB))
    entry = records.write(tmp_path / "one.tfrecord", "x/long.avi", ("x", "y"), "rgb", timed)
    examples = [tf.io.parse_single_example(e, FEATURES) for e in tf.data.TFRecordDataset(str(tmp_path / "one.tfrecord"))]
    assert [int(e["first"]) for e in examples] == [0, 64, 128]
    assert [len(e["pictures"].values) for e in examples] == [64, 64, 2]
    assert {e["video"].numpy() for e in examples} == {b"x/long.avi"} and {e["stream"].numpy() for e in examples} == {b"rgb"}
    assert all(e["label"].values.numpy().tolist() == [b"x", b"y"] for e in examples)
    stamps = np.concatenate([e["stamps"].values for e in examples])
    np.testing.assert_allclose(stamps, np.arange(130) / 10, atol=1e-4)
    pictures = [jpeg for e in examples for jpeg in e["pictures"].values.numpy()]
    frames = np.stack([retrieve() for retrieve in Reader(long)])[..., ::-1]
    small = np.stack([cv2.resize(frame, (43, 32), interpolation=cv2.INTER_AREA) for frame in frames])
    assert np.abs(decoded(pictures).astype(int) - small).max() <= 3  # grey: only the quality's rounding is left
    assert entry["pictures"] == 130 and entry["start"] == 0 and entry["rate"] == pytest.approx(10)


def test_places_and_checksums(long, tmp_path):
    path = tmp_path / "one.tfrecord"
    entry = records.write(path, "v", ("a",), "rgb", records.pictures(Video(str(long), ("a",)), "rgb", RGB))
    content = path.read_bytes()
    raw = [example.numpy() for example in tf.data.TFRecordDataset(str(path))]
    assert len(entry["records"]) == 3
    for (offset, length, checksum), example in zip(entry["records"], raw, strict=True):
        assert content[offset : offset + length] == example
        assert zlib.crc32(example) == checksum
        assert records.parse(example)[0].startswith(b"\xff\xd8")


def test_memory_holds_one_record(tmp_path):
    """400 pictures of 100 kB are 40 MB; a record of them is 6.4 MB, and serializing it takes a few copies."""
    timed = ((np.random.default_rng(k).bytes(100_000), k / 25) for k in range(400))
    records.serialize("v", ("a",), "rgb", 0, [(b"", 0.0)])  # imports
    tracemalloc.start()
    entry = records.write(tmp_path / "one.tfrecord", "v", ("a",), "rgb", timed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert entry["pictures"] == 400 and peak < 30e6


# === RGB ===


@pytest.mark.parametrize(("side", "size"), [(24, (24, 32)), (48, (48, 64)), (500, (48, 64))])
def test_short_side(video, side, size):
    """48 x 64 px; never enlarged."""
    pictures = decoded(jpegs_of(video, settings=Settings(("rgb",), side, 90, None, None, 32)))
    assert pictures.shape == (20, *size, 3)
    assert frame_numbers(pictures) == list(range(20))


def test_colours_are_in_the_order_of_any_viewer(tmp_path):
    (tmp_path / "frames").mkdir()
    red = np.full((32, 32, 3), (0, 0, 255), np.uint8)  # BGR
    cv2.imwrite(str(tmp_path / "frames" / "1.png"), red)
    (jpeg,) = jpegs_of(tmp_path / "frames")
    assert np.abs(tf.io.decode_jpeg(jpeg).numpy().reshape(-1, 3).astype(int) - (255, 0, 0)).max() <= 3


def test_quality(long):
    small, large = (len(b"".join(jpegs_of(long, settings=Settings(("rgb",), 48, q, None, None, 32)))) for q in (30, 100))
    assert small < large


def test_rates_and_segments(video):
    at_5 = Settings(("rgb",), 48, 90, 5, None, 32)
    timed = list(records.pictures(Video(str(video), ("a",)), "rgb", at_5))
    assert frame_numbers(decoded([jpeg for jpeg, _ in timed])) == list(range(0, 20, 2))
    np.testing.assert_allclose([stamp for _, stamp in timed], np.arange(10) / 5)
    timed = list(records.pictures(Video(str(video), ("a",), start=0.5, end=1.0), "rgb", RGB))
    assert frame_numbers(decoded([jpeg for jpeg, _ in timed])) == [5, 6, 7, 8, 9]
    np.testing.assert_allclose([stamp for _, stamp in timed], np.arange(5) / 10, atol=1e-9)  # from the segment's start


def test_frames_of_several_sizes_become_one(tmp_path):
    for k, size in enumerate([(40, 60), (60, 40), (80, 120)]):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((*size, 3), 10 * k, np.uint8))
    assert decoded(jpegs_of(tmp_path)).shape == (3, 32, 48, 3)


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no image")
    with pytest.raises(Unreadable, match="not an image"):
        jpegs_of(tmp_path)
    with pytest.raises(Unreadable, match="no such file"):
        jpegs_of(tmp_path / "nothing.mp4")


# === Flow ===


def flow_settings(encoding="lrcn", **other) -> Settings:
    return Settings(("flow",), 96, 90, None, Flow(encoding=encoding, **{"short_side": 96} | other), 32)


@pytest.mark.parametrize(("encoding", "mean", "worst"), [("lrcn", 0.05, 0.3), ("short_snippets", 0.16, 0.95)])
def test_flow_survives_jpeg(tmp_path, encoding, mean, worst):
    """Everything moves. Rounding to levels alone errs by 1/64 px (lrcn) and 0.08 px (short_snippets) on average."""
    path = moving_texture(tmp_path / "moving")
    frames = np.stack([retrieve() for retrieve in Reader(path)])[..., ::-1]
    true = flow.of_frames(frames)
    back = flow.decode(decoded(jpegs_of(path, "flow", flow_settings(encoding))), encoding)
    error = np.abs(back - true)
    assert back.shape == (5, 96, 128, 2)
    assert error.mean() < mean and error.max() < worst
    np.testing.assert_allclose(np.median(back, axis=(0, 1, 2)), (2, 1), atol=0.2)


def test_flow_is_measured_at_its_short_side(tmp_path):
    path = moving_texture(tmp_path / "moving")
    half = flow.decode(decoded(jpegs_of(path, "flow", flow_settings(short_side=48))))
    assert half.shape == (5, 48, 64, 2)
    np.testing.assert_allclose(np.median(half, axis=(0, 1, 2)), (1, 0.5), atol=0.1)
    enlarged = decoded(jpegs_of(path, "flow", flow_settings(short_side=120)))
    assert enlarged.shape == (5, 120, 160, 3)
    frames = [scale_to_short_side(retrieve(), 120)[..., ::-1] for retrieve in Reader(path)]
    error = flow.decode(enlarged) - flow.of_frames(np.stack(frames))
    assert np.abs(error).mean() < 0.05


def test_flow_at_a_rate(video):
    at_5 = flow_settings(fps=5)
    timed = list(records.pictures(Video(str(video), ("a",)), "flow", at_5))
    np.testing.assert_allclose([stamp for _, stamp in timed], np.arange(9) / 5)


def test_stored_flow_pictures_are_taken_over(tmp_path):
    rng = np.random.default_rng(0)
    levels = cv2.resize(rng.integers(60, 200, (4, 4, 3), dtype=np.uint8), (128, 96))  # smooth, as flow is
    cv2.imwrite(str(tmp_path / "1.png"), levels[..., ::-1])
    (picture,) = decoded(jpegs_of(tmp_path, "flow", flow_settings(method="stored")))
    assert np.abs(picture.astype(int) - levels).mean() < 1


def test_one_frame_has_no_motion(tmp_path):
    with pytest.raises(Unreadable, match="single frame: no motion"):
        jpegs_of(write_video(tmp_path / "one.avi", 1), "flow", flow_settings())


# === Time ===


def shown(stamps, fps) -> list[int]:
    """The rule itself: tick k shows the first picture not before k / fps, to a millisecond."""
    ticks = int((stamps[-1] + 1e-3) * fps) + 1
    return [next(i for i, stamp in enumerate(stamps) if stamp >= k / fps - 1e-3) for k in range(ticks)]


@pytest.mark.parametrize("fps", [1, 3, 7.5, 10, 12, 24, 25, 30, 60])
@pytest.mark.parametrize("rate", [10, 25, 30000 / 1001])
def test_lower_and_higher_rates(rate, fps):
    stamps = np.arange(50) / rate
    entry = {"pictures": 50, **records.clock_of(list(stamps))}
    assert set(entry) == {"pictures", "start", "rate"}
    assert records.at_rate(entry, fps).tolist() == shown(stamps, fps)


def test_unequal_stamps():
    stamps = [0.02, 0.05, 0.30, 0.31, 0.75, 1.5]
    entry = {"pictures": 6, **records.clock_of(stamps)}
    assert entry["stamps"] == stamps
    assert records.at_rate(entry, 4).tolist() == shown(stamps, 4) == [0, 2, 4, 4, 5, 5, 5]
    assert records.at_rate(entry, None).tolist() == list(range(6))


def test_without_a_clock():
    entry = {"pictures": 3, **records.clock_of([None] * 3)}
    assert entry == {"pictures": 3}
    assert records.at_rate(entry, 5).tolist() == [0, 1, 2]


def test_a_variable_rate_as_the_reader_resamples_it(shared_data):
    path = shared_data / "videos/readable/vfr.mp4"
    reader, stamps = Reader(path), []
    for _ in reader:
        stamps.append(reader.stamp)
    entry = {"pictures": len(stamps), **records.clock_of(stamps)}
    assert "stamps" in entry
    for fps in (5, 10, 24):
        assert len(records.at_rate(entry, fps)) == count(path, fps=fps)
        assert records.at_rate(entry, fps).tolist() == shown(stamps, fps)


def test_settings_as_json():
    settings = Settings(("rgb", "flow"), 128, 80, 12.5, Flow(fps=6, short_side=100), 16)
    assert Settings.from_dict(settings.to_dict()) == settings
    assert Settings.from_dict(RGB.to_dict()) == RGB
