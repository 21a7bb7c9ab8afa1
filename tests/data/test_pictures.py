"""Folders of pictures: values of more than 8 bits, and what of a picture is left out."""

import os

import cv2
import numpy as np
import pytest
from skimage import io

from videorec.config import Data, Experiment, Flow, UserError, rules
from videorec.config.dense import DenseData
from videorec.config.forecasting import Sequences
from videorec.data import pictures
from videorec.data.clips import ClipReader
from videorec.data.decode import Reader
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.data.prepared import records
from videorec.data.prepared.index import Prepared
from videorec.data.problems import Problems
from videorec.data.sequences import formats
from videorec.inference import live
from videorec.models.lrcn import LRCN
from videorec.runs import recipe
from videorec.tools import check, prepare

RAMP = np.arange(0, 6000, 50, dtype=np.uint16).reshape(10, 12)  # 12 bits and more
SCALED = np.rint(np.clip((RAMP.astype(np.float64) - 1000) / 4000, 0, 1) * 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def nothing_said():
    pictures.SAID.clear()


def folder(path, *arrays, suffix=".png"):
    path.mkdir(parents=True)
    for number, array in enumerate(arrays):
        if suffix == ".png":
            assert cv2.imwrite(str(path / f"{number}{suffix}"), array)
        else:
            io.imsave(path / f"{number}{suffix}", array, check_contrast=False)
    return path


def read(path, values=None) -> list[np.ndarray]:
    return [retrieve() for retrieve in Reader(path, values=values)]


# === 16 bits ===


def test_16_bits_need_a_range(tmp_path):
    """The error names the picture and the option, and comes before a picture is handed out."""
    path = folder(tmp_path / "a", RAMP, RAMP)
    assert len(Reader(path)) == 2
    with pytest.raises(Unreadable, match=r"0\.png holds uint16: say which .* become 0 and 255, --data.values LEAST MOST"):
        next(iter(Reader(path)))
    with pytest.raises(UserError, match=r"/a: 0\.png holds uint16"):
        pictures.check_values([str(tmp_path / "absent.mp4"), str(path)], None)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_by_their_range(tmp_path, suffix):
    """1000 and 5000 become 0 and 255; what is outside is clipped and said once."""
    colour = np.stack([RAMP, RAMP // 2, RAMP + 7], -1)
    grey, coloured = folder(tmp_path / "grey", RAMP, suffix=suffix), folder(tmp_path / "colour", colour, suffix=suffix)
    (frame,) = read(grey, (1000, 5000))
    assert frame.dtype == np.uint8 and frame.shape == (10, 12, 3)
    for channel in range(3):
        np.testing.assert_array_equal(frame[..., channel], SCALED)
    (frame,) = read(coloured, (1000, 5000))
    if suffix == ".tif":
        frame = frame[..., ::-1]  # OpenCV writes BGR, others RGB
    np.testing.assert_array_equal(frame[..., 0], SCALED)
    assert (frame[..., 1] != frame[..., 0]).any()


def test_what_is_clipped_is_said_once(tmp_path, caplog):
    read(folder(tmp_path / "a", RAMP, RAMP), (1000, 5000))
    assert caplog.text.count("and are clipped") == 1
    assert f"0.png: {int((RAMP < 1000).sum() + (RAMP > 5000).sum())} of 120 values lie outside 1000 to 5000" in caplog.text


def test_8_bits_are_read_as_they_are_or_by_the_range(tmp_path):
    mask = np.random.default_rng(0).integers(0, 2, (10, 12), dtype=np.uint8)
    path = folder(tmp_path / "a", mask)
    np.testing.assert_array_equal(read(path)[0][..., 1], mask)
    np.testing.assert_array_equal(read(path, (0, 1))[0][..., 1], 255 * mask)


def test_a_folder_of_two_types_is_an_error_that_names_both(tmp_path):
    shallow = (RAMP // 256).astype(np.uint8)
    for name, arrays, values in (("a", (shallow, RAMP), None), ("b", (RAMP, shallow), (0, 6000))):
        path = folder(tmp_path / name, *arrays)
        first, second = ("uint8", "uint16") if name == "a" else ("uint16", "uint8")
        with pytest.raises(Unreadable, match=rf"values of one type. Received: 0\.png {first} and 1\.png {second}"):
            Reader(path, values=values)


def test_flow_beside_frames_may_be_of_another_type(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(2):
        cv2.imwrite(str(tmp_path / "a" / f"img_{number}.png"), RAMP)
        for axis in "xy":
            cv2.imwrite(str(tmp_path / "a" / f"flow_{axis}_{number}.png"), np.full((10, 12), 128, np.uint8))
    data = Data(frames=2, resize=(10, 12), crop=(10, 12), values=(1000, 5000), stream="both", flow=Flow("stored"))
    (clip,) = ClipReader(data, Problems(1, 0.0)).plain_clips(Video(str(tmp_path / "a"), ("x",)), 1)
    np.testing.assert_array_equal(clip["rgb"][0, ..., 0], SCALED)
    assert abs(int(clip["flow"][0, 0, 0, 0]) - 128) <= 2  # no motion


def test_folders_of_two_types_are_named(tmp_path, caplog):
    paths = [folder(tmp_path / "a", RAMP), folder(tmp_path / "b", RAMP.astype(np.uint8))]
    pictures.check_values([str(path) for path in paths], (0, 6000))
    assert f"applies to pictures of several types: uint16 in {paths[0]}, uint8 in {paths[1]}" in caplog.text


def test_a_range_is_for_folders_of_pictures(tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"video")
    with pytest.raises(UserError, match="--data.values is for folders of pictures: leave it out. Received: 0 4095, for video"):
        pictures.check_values([str(video)], (0, 4095))
    pictures.check_values([str(video), str(folder(tmp_path / "b", RAMP))], (0, 4095))
    pictures.check_values(["prepared/a"], (0, 4095))  # the folder of prepared pictures knows its own


def test_masks_of_0_and_1_are_named(tmp_path, caplog):
    mask = np.random.default_rng(0).integers(0, 2, (10, 12), dtype=np.uint8)
    paths = [str(folder(tmp_path / name, array)) for name, array in (("a", mask), ("b", 0 * mask), ("c", mask))]
    pictures.check_values(paths, None)
    assert "the first pictures of 3 folders hold the values 0 and 1 alone, almost black" in caplog.text
    caplog.clear()
    pictures.check_values([*paths, str(folder(tmp_path / "d", 2 * mask))], None)
    pictures.check_values(paths, (0, 1))
    pictures.check_values(paths[1:2], None)
    assert not caplog.text


def test_check_says_what_must_be_given(tmp_path, capsys):
    """The range over all pictures, so that it can be chosen; a folder of two types cannot be read by anybody."""
    folder(tmp_path / "x" / "deep", RAMP, RAMP + 30)
    folder(tmp_path / "y" / "mixed", RAMP, RAMP.astype(np.uint8))
    folder(tmp_path / "y" / "plain", *2 * [RAMP.astype(np.uint8)])
    assert check.main([str(tmp_path)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "x/deep: its pictures hold uint16 from 0 to 5980: --data.values LEAST MOST must be given" in said
    assert "y/mixed: all pictures of a folder must hold values of one type" in said and "plain" not in said


# === Other kinds ===


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32"])
def test_float_and_signed_tiff(tmp_path, dtype):
    """OpenCV's colour flag reads no grey float, and takes -5 for 255."""
    array = (RAMP.astype(np.float64) - 3000).astype(dtype)
    path = folder(tmp_path / "a", array, suffix=".tif")
    with pytest.raises(Unreadable, match=rf"0\.tif holds {dtype}: say which"):
        read(path)
    np.testing.assert_array_equal(read(path, (-2000, 2000))[0][..., 2], SCALED)


def test_masked_values_become_black(tmp_path, caplog):
    array = np.full((10, 12), 0.5, np.float32)
    array[0, :3] = np.nan, np.inf, -np.inf
    (frame,) = read(folder(tmp_path / "a", array, suffix=".tif"), (0, 1))
    assert (frame[0, :3] == 0).all() and (frame[1:] == 128).all()
    assert "3 of 120 values are NaN or infinite and become 0" in caplog.text


def test_what_is_left_out_is_said_once(tmp_path, caplog):
    """Transparency, and the pages of a TIFF after the first."""
    noise = np.random.default_rng(0).integers(0, 256, (10, 12, 4), dtype=np.uint8)
    for name in "ab":
        (frame,) = read(folder(tmp_path / name, noise))
        np.testing.assert_array_equal(frame, noise[..., :3])
    pages = tmp_path / "pages"
    pages.mkdir()
    cv2.imwritemulti(str(pages / "0.tif"), [noise[..., 0], noise[..., 1]])
    np.testing.assert_array_equal(read(pages)[0][..., 0], noise[..., 0])
    assert caplog.text.count("alpha channel, which is left out") == 1
    assert "0.tif holds 2 pages, of which the first is read" in caplog.text


# === What is no picture ===


def test_hidden_files_and_pipes(tmp_path):
    """A Mac leaves `._0.png` beside 0.png; a pipe would be waited for."""
    path = folder(tmp_path / "a", *np.full((3, 10, 12), 9, np.uint8))
    for name in ("._0.png", ".5.png"):
        (path / name).write_bytes(b"Mac OS X")
    assert len(Reader(path)) == 3 and len(read(path)) == 3
    assert formats.open_file(path, "a", Sequences(), 3)[0].frames == 3
    os.mkfifo(path / "00.png")
    assert len(read(path)) == 3
    assert "3 of 4 pictures can be read, left out: 00.png is a named pipe, not a file" in Reader(path).facts.damage
    with pytest.raises(UserError, match=r"/a: 00\.png is a named pipe"):
        formats.open_file(path, "a", Sequences(), 3)
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match="/b holds no pictures"):
        formats.open_file(tmp_path / "b", "b", Sequences(), 3)


# === Wherever pictures are read ===


def test_clips_have_the_range(tmp_path):
    path = folder(tmp_path / "a", RAMP, RAMP)
    data = Data(frames=2, resize=(10, 12), crop=(10, 12), values=(1000, 5000))
    (clip,) = ClipReader(data, Problems(1, 0.0)).plain_clips(Video(str(path), ("x",)), 1)
    np.testing.assert_array_equal(clip["rgb"][1, ..., 0], SCALED)
    stored = recipe.make(Experiment(data=data, model=LRCN()), ("x",))
    assert stored["pictures"]["values"] == [1000, 5000] and recipe.data_of(stored).values == (1000, 5000)
    moment = next(live.of_file(Video(str(path), ()), None, recipe.values_of(stored)))
    np.testing.assert_array_equal(moment.frame[..., 0], SCALED)


def test_no_range_is_as_before_there_was_the_setting():
    """The keys of stored features and the recipes of runs do not change."""
    for data in (Data(), DenseData()):
        assert "values" not in data.pixel_settings()
    assert "values" not in recipe.make(Experiment(data=Data(), model=LRCN()), ("x",))["pictures"]
    settings = records.Settings(("rgb",), 64, 90, None, None, 32)
    assert "values" not in settings.to_dict() and records.Settings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize("values", [(1.0, 1.0), (2.0, 1.0), (0.0, float("nan")), (0.0, float("inf"))])
def test_ranges_that_are_none(values):
    experiment = Experiment("x", Data(values=values), LRCN())
    with pytest.raises(UserError, match="--data.values must be (two numbers, the first below|finite, each)"):
        rules.check_experiment(experiment)
        rules.check_recognition(experiment)
    with pytest.raises(UserError, match="--values must be (two numbers|finite)"):
        prepare.main(["videos", "out", "--values", *map(str, values)])


def test_prepared_pictures_have_the_range(tmp_path):
    for name in "xy":
        folder(tmp_path / "videos" / name / "a", RAMP, RAMP)
    out, made = tmp_path / "out", ["--workers", "1", "--quality", "100"]
    with pytest.raises(UserError, match="holds uint16: say which"):
        prepare.main([str(tmp_path / "videos"), str(tmp_path / "none"), *made])
    assert prepare.main([str(tmp_path / "videos"), str(out), *made, "--values", "1000", "5000"]) == 0
    stored = Prepared(str(out))
    (jpeg,) = stored.pictures(stored.videos()[0], "rgb", [1])
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(picture[..., 0].astype(int) - SCALED).max() <= 4  # JPEG
    stored.check(Data(resize=(10, 10), crop=(10, 10), values=(1000, 5000)))
    with pytest.raises(UserError, match=r"--data.values must be what .* \(--values\), 1000 5000, .* Received: none"):
        stored.check(Data(resize=(10, 10), crop=(10, 10)))
