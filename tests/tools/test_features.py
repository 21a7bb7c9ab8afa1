"""`videorec.tools.features`: the feature cache of a training, filled ahead, here or by Apache Beam."""

import importlib.util
import shutil
import zipfile
from pathlib import Path

import pytest
from moments import write_set
from tiny_runs import BACKBONE, TINY, trained

from videorec.config import UserError
from videorec.config import file as config_file
from videorec.tools import features, features_work, splits_work

SETTINGS = f"lrcn {TINY} {BACKBONE} --model.units 8 --train.cache-views 2"
# The flag changes nothing here; with it, DirectRunner does not look for a newer runner on the network.
BEAM = "--shares 3 --runner DirectRunner --allow_unsafe_triggers"
RUNNERS = [
    "",
    pytest.param(
        BEAM,
        marks=pytest.mark.skipif(
            importlib.util.find_spec("apache_beam") is None, reason="Apache Beam is not installed (requirements-dev.txt)"
        ),
    ),
]


def stored(folder: Path) -> dict[str, tuple]:
    """The numbers of every entry, by its file."""
    entries = {}
    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            entries[path.name] = tuple(archive.read(name) for name in sorted(archive.namelist()))
    for path in [*folder.rglob("*.f16"), *folder.rglob("*.f32")]:
        entries[path.name] = path.read_bytes()
    return entries


@pytest.mark.parametrize("runner", RUNNERS, ids=["here", "beam"])
def test_a_training_finds_all_of_it(tmp_path, synthetic, runner, caplog):
    """The numbers are those that it computes by itself."""
    data = f"--data.path {synthetic} --train.cache-dir"
    assert features.main(f"{SETTINGS} {data} {tmp_path}/ahead {runner}".split()) == 0
    preset, settings = SETTINGS.split(" ", 1)
    trained(preset, f"{settings} {data} {tmp_path}/own --train.epochs 1", "own", tmp_path / "runs")
    ahead = stored(tmp_path / "ahead")
    assert len(ahead) == 32 * 2 + 16 and ahead == stored(tmp_path / "own")  # views of training videos, and of validation
    caplog.set_level("INFO")
    trained(preset, f"{settings} {data} {tmp_path}/ahead --train.epochs 1", "ahead", tmp_path / "runs")
    assert "64 clips reused, 0 computed" in caplog.text and "16 clips reused, 0 computed" in caplog.text


def test_of_whole_videos_in_shares(tmp_path):
    table = write_set(tmp_path / "moments", {"train": 3, "val": 2}, overlap=False)
    settings = f"{BACKBONE} --data.resize 32 32 --data.crop 32 32 --data.fps 10 --data.path {table}"
    settings += f" --data.frames 20 --model.units 4 --model.window 3 --train.cache-dir {tmp_path}"
    text = config_file.as_text(splits_work.experiment("multi_lstm", settings.split()))
    counts = []
    for number in range(2):
        assert features_work.fill(text, (number, 2)) == {}
        counts.append(len(stored(tmp_path)))
    views = 4  # --train.cache-views of training videos
    assert counts == [2 * views + 1, 3 * views + 2]


def test_what_cannot_be_read_is_named(tmp_path, synthetic, caplog):
    videos = shutil.copytree(synthetic.parent, tmp_path / "videos")
    first = next(path for path in sorted(videos.rglob("*.*")) if path.suffix != ".csv")
    first.write_bytes(b"no video")
    data = f"--data.path {videos}/{synthetic.name} --train.cache-dir {tmp_path}/cache --data.max-unreadable 0.5"
    assert features.main(f"{SETTINGS} {data}".split()) == 1
    assert "not computed: " in caplog.text and first.name in caplog.text.rsplit("not computed: ", 1)[1]
    assert stored(tmp_path / "cache")


@pytest.mark.parametrize(
    "words, message",
    [
        (f"{SETTINGS} --train.no-cache", "Features are computed ahead for models with a frozen CNN"),
        (f"quickstart {TINY}", "Features are computed ahead for models with a frozen CNN"),
        (f"{SETTINGS} --direct_num_workers=2", "Options of Apache Beam need --runner"),
        (f"{SETTINGS} --data.frams 3", "frams"),
    ],
)
def test_refused_before_any_work(tmp_path, synthetic, words, message):
    with pytest.raises(UserError, match=message):
        features.main([*words.split(), "--data.path", str(synthetic), "--train.cache-dir", str(tmp_path / "cache")])
    assert not (tmp_path / "cache").exists()
