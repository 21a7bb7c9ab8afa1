"""Frames and flow in one folder: each stream gets its own pictures, and the pairs become flow pictures in px."""

import cv2
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config import Data, Flow
from videorec.config.recognition import Evaluate
from videorec.config.rules import check_clips
from videorec.data import flow
from videorec.data.clips import ClipReader
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.problems import Problems
from videorec.data.sequences import formats

N, HEIGHT, WIDTH = 8, 24, 32
SIZE = {"resize": (HEIGHT, WIDTH), "crop": (HEIGHT, WIDTH), "frames": N}


def grey(level: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), level, np.uint8)


def write(folder, frames=range(1, N + 1), motion=range(1, N + 1), names=("img_{:05d}", "flow_x_{:05d}", "flow_y_{:05d}")):
    """Frame n shows 10 n, its flow the levels 100 + n and 200 - n."""
    folder.mkdir(exist_ok=True)
    image, x, y = (f"{name}.png" for name in names)
    for n in frames:
        cv2.imwrite(str(folder / image.format(n)), grey(10 * n))
    for n in motion:
        cv2.imwrite(str(folder / x.format(n)), grey(100 + n))
        cv2.imwrite(str(folder / y.format(n)), grey(200 - n))
    return Video(str(folder), ("a",))


def clip_of(video, stream, **changes) -> dict[str, np.ndarray]:
    own = {"flow": Flow(method="stored"), **SIZE, **changes}
    return next(ClipReader(Data(stream=stream, **own), Problems(1, 0.0)).plain_clips(video, 1))


def levels(clip) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in clip]


def px(level: int) -> float:
    """TSN stores -20 to 20 px as 0 to 255."""
    return 40 * level / 255 - 20


@pytest.mark.parametrize(
    "names",
    [
        ("img_{:05d}", "flow_x_{:05d}", "flow_y_{:05d}"),
        ("image_{}", "FLOW_X_{}", "flow_y_{}"),
        ("frame{:06d}", "flow_u_{:06d}", "flow_v_{:06d}"),
        ("{:04d}", "x_{:04d}", "y_{:04d}"),
    ],
)
@pytest.mark.parametrize("method", ["stored", "dis"])
def test_who_reads_frames_gets_no_flow(tmp_path, names, method):
    video = write(tmp_path / "v", names=names)
    assert levels(clip_of(video, "rgb", flow=Flow(method=method))["rgb"]) == [10 * n for n in range(1, N + 1)]
    assert len(Reader(video.path)) == N
    sequence = formats.open_file(tmp_path / "v", "v", __import__("videorec.config.forecasting", fromlist=["x"]).Sequences(), 2)[
        0
    ]
    assert sequence.frames == N


@pytest.mark.parametrize("encoding", flow.ENCODINGS)
def test_pairs_become_flow_pictures(tmp_path, encoding):
    clip = clip_of(write(tmp_path / "v"), "flow", flow=Flow(method="stored", encoding=encoding))["flow"]
    for n, picture in enumerate(clip, start=1):
        u, v = px(100 + n), px(200 - n)
        if encoding == "lrcn":
            expected = [16 * u + 128, min(16 * v + 128, 255), min(16 * np.hypot(u, v) + 128, 255)]
        else:
            expected = [(u + 40) * 255 / 80, (v + 40) * 255 / 80, 0]
        np.testing.assert_allclose(picture, np.broadcast_to(expected, picture.shape), atol=0.51)


@pytest.mark.parametrize("motion", [N, N - 1])
def test_both_streams_come_from_one_folder_picture_by_picture(tmp_path, motion):
    video = write(tmp_path / "v", motion=range(1, motion + 1))
    for changes in ({}, {"sampling": "dense"}, {"sampling": "first"}):
        clip = clip_of(video, "both", **changes | {"frames": motion})
        assert levels(clip["rgb"]) == [10 * n for n in range(1, motion + 1)]
        assert levels(clip["flow"]) == [round(16 * px(100 + n) + 128) for n in range(1, motion + 1)]
    check_clips(Data(stream="both", flow=Flow(method="stored")), Evaluate())


def test_what_is_broken_is_left_out_of_both(tmp_path):
    video = write(tmp_path / "v")
    for name in ("img_00002.png", "flow_x_00005.png"):
        (tmp_path / "v" / name).write_bytes(b"no picture")
    whole = [1, 3, 4, 6, 7, 8]
    clip = clip_of(video, "both", frames=len(whole))
    assert levels(clip["rgb"]) == [10 * n for n in whole]
    assert levels(clip["flow"]) == [round(16 * px(100 + n) + 128) for n in whole]


@pytest.mark.parametrize(
    ("broken", "stream"), [("img_*", "rgb"), ("flow_x_*", "flow"), ("flow_y_*", "both"), ("img_*", "both")]
)
def test_where_all_of_a_kind_is_broken_there_is_nothing(tmp_path, broken, stream):
    video = write(tmp_path / "v")
    for path in (tmp_path / "v").glob(broken):
        path.write_bytes(b"no picture")
    with pytest.raises(Unreadable, match="none of its|no frame has flow"):
        clip_of(video, stream)


def test_what_cannot_be_told_is_refused(tmp_path):
    alone = write(tmp_path / "alone", frames=())
    with pytest.raises(Unreadable, match="flow pictures alone"):
        clip_of(alone, "rgb")
    with pytest.raises(Unreadable, match=r"one folder \(img_00001.jpg.*which holds flow alone"):
        clip_of(alone, "both")
    assert len(clip_of(alone, "flow")["flow"]) == N
    with pytest.raises(Unreadable, match="which holds 8 pictures that are no such flow"):
        clip_of(write(tmp_path / "frames", motion=()), "both")
    half = write(tmp_path / "half")
    (tmp_path / "half" / "flow_y_00003.png").unlink()
    with pytest.raises(Unreadable, match="flow_x_00003.png has no other of its pair"):
        clip_of(half, "flow")
    with pytest.raises(Unreadable, match="no frame has flow of its number"):
        clip_of(write(tmp_path / "apart", frames=range(20, 24)), "both")
    file = Video(str(write_video(tmp_path / "v.avi")), ("a",))
    for stream in ("flow", "both"):
        with pytest.raises(Unreadable, match="stored reads folders of pictures, and this is a video file"):
            clip_of(file, stream)
    twice = write(tmp_path / "twice")
    cv2.imwrite(str(tmp_path / "twice" / "thumb_00003.png"), grey(0))
    with pytest.raises(Unreadable, match="told by their numbers"):
        clip_of(twice, "both")


def test_frames_with_names_like_an_axis_are_frames(tmp_path):
    video = write(tmp_path / "v", motion=(), names=("x_{:04d}", "", ""))
    assert levels(clip_of(video, "rgb")["rgb"]) == [10 * n for n in range(1, N + 1)]
