"""Sources of videos: folders, official lists, splits, and what is wrong with them."""

from functools import partial

import pytest

from videorec.config import Data, Experiment, UserError
from videorec.data import early_clue, manifest, sources
from videorec.models.lrcn import LRCN


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.fixture
def folder(tmp_path):
    """20 videos of `run` and of `jump`, one of them as a folder of frames."""
    for label in ("run", "jump"):
        touch(*(tmp_path / label / f"g{i // 2:02d}_{i:02d}.mp4" for i in range(20)))
    touch(tmp_path / "run" / "g10_20" / "0001.jpg", tmp_path / "run" / "notes.txt", tmp_path / ".hidden" / "a.mp4")
    return tmp_path


def test_class_folders(folder):
    loaded = sources.load(Data(path=str(folder)))
    assert loaded.classes == ("jump", "run")
    assert len(loaded.videos) == 41
    sizes = [len(loaded.split(name)) for name in manifest.SPLITS]
    assert sizes[0] > 25 and sizes[1] >= 4 and sizes[2] >= 4
    assert sources.load(Data(path=str(folder))) == loaded


def test_built_in_videos_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setitem(sources.BUILT_IN, "synthetic_early", partial(early_clue.write, train=2, val=1, test=1))
    loaded = sources.load(Data(path="synthetic_early"))
    assert sorted(loaded.classes) == sorted(early_clue.CLASSES)
    assert [len(loaded.split(name)) for name in manifest.SPLITS] == [8, 4, 4]
    assert (tmp_path / ".cache/videorec/synthetic_early/manifest.csv").exists()
    with pytest.raises(UserError, match="synthetic, synthetic_early"):
        sources.load(Data(path="synthetic_late"))


def test_groups_by_pattern(folder):
    loaded = sources.load(Data(path=str(folder), group=r"g\d\d"))
    manifest.check_groups(list(loaded.videos))
    assert {v.group for v in loaded.videos} == {f"g{i:02d}" for i in range(11)}


def test_split_folders(tmp_path):
    for split in ("train", "test"):
        touch(*(tmp_path / split / label / f"{split}{i}.mp4" for label in ("a", "b") for i in range(8)))
    loaded = sources.load(Data(path=str(tmp_path)))
    assert loaded.classes == ("a", "b")
    assert len(loaded.split("test")) == 16
    assert len(loaded.split("val")) >= 2 and len(loaded.split("train")) + len(loaded.split("val")) == 16


def test_exclude(folder):
    touch(folder / "sit" / "1.mp4")
    assert sources.load(Data(path=str(folder), exclude=("sit",))).classes == ("jump", "run")
    with pytest.raises(UserError, match="No video is left"):
        sources.load(Data(path=str(folder), exclude=("sit", "jump", "run")))


def test_missing_empty_and_one_class(tmp_path):
    with pytest.raises(UserError, match="nowhere, which does not exist"):
        sources.load(Data(path=str(tmp_path / "nowhere")))
    with pytest.raises(UserError, match="holds no videos. Expected one sub-folder a class"):
        sources.load(Data(path=str(tmp_path)))
    touch(*(tmp_path / "only" / f"{i}.mp4" for i in range(9)))
    with pytest.raises(UserError, match="At least two classes are needed"):
        sources.load(Data(path=str(tmp_path)))
    touch(tmp_path / "file.mp4")
    with pytest.raises(UserError, match="which is a file"):
        sources.load(Data(path=str(tmp_path / "file.mp4")))


def test_images_directly_in_a_class(tmp_path):
    touch(tmp_path / "a" / "1.jpg", tmp_path / "b" / "1.jpg")
    with pytest.raises(UserError, match="holds images directly"):
        sources.load(Data(path=str(tmp_path)))


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return Data(path=str(path))


def test_label_of_test_that_training_has_not(tmp_path):
    data = write(tmp_path / "m.csv", "path,label,split", "1,a,train", "2,b,train", "3,c,test", "4,a,val")
    with pytest.raises(UserError, match="Only in test: c.*--data.exclude c"):
        sources.load(data)


def test_partial_splits(tmp_path):
    data = write(tmp_path / "m.csv", "path,label,split", "1,a,train", "2,b,")
    with pytest.raises(UserError, match="Either every video has a split or none"):
        sources.load(data)
    data = write(tmp_path / "m.csv", "path,label,split", "1,a,test", "2,b,test")
    with pytest.raises(UserError, match="No video is marked train"):
        sources.load(data)


def test_evaluation_on_other_videos(folder, tmp_path_factory):
    trained = Experiment("x", Data(path=str(folder)), LRCN())
    same = sources.load_for_evaluation(trained.data, "test", trained)
    assert same == sources.load(trained.data).split("test")
    other = tmp_path_factory.mktemp("other")
    touch(other / "run" / "1.mp4", other / "run" / "2.mp4")
    assert len(sources.load_for_evaluation(Data(path=str(other)), "test", trained)) == 2
    data = write(other / "m.csv", "path,label,split", "1,run,train")
    with pytest.raises(UserError, match="has no test videos. Choose --evaluate.split train"):
        sources.load_for_evaluation(data, "test", trained)


def test_ucf101_lists(tmp_path):
    write(tmp_path / "classInd.txt", "1 Run", "2 Jump")
    train = [f"{c}/v_{c}_g{g:02d}_c{i:02d}.avi {k}" for k, c in ((1, "Run"), (2, "Jump")) for g in range(8, 14) for i in (1, 2)]
    write(tmp_path / "trainlist01.txt", *train)
    write(tmp_path / "testlist01.txt", *(f"{c}/v_{c}_g01_c01.avi" for c in ("Run", "Jump")))
    loaded = sources.load(Data(path=str(tmp_path), videos="/videos"))
    assert loaded.classes == ("Jump", "Run")
    assert loaded.split("test")[0].path == "/videos/Run/v_Run_g01_c01.avi"
    manifest.check_groups(list(loaded.videos))
    assert {v.group for v in loaded.split("val")} and len(loaded.split("train")) + len(loaded.split("val")) == 24


def test_hmdb51_lists(tmp_path):
    write(tmp_path / "run_test_split1.txt", *(f"film{i}_run_f_cm_np1_ba_med_{i}.avi {1 + i // 6}" for i in range(8)))
    write(tmp_path / "sit_test_split1.txt", *(f"film{i}_sit_u_nm_np1_fr_med_0.avi {i % 3}" for i in range(9)))
    loaded = sources.load(Data(path=str(tmp_path)))
    assert len(loaded.split("train")) + len(loaded.split("val")) == 6 + 3
    assert len(loaded.split("test")) == 2 + 3
    assert loaded.split("test")[0].path == str(tmp_path / "run" / "film6_run_f_cm_np1_ba_med_6.avi")
