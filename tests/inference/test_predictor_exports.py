"""Exports of the tasks beside recognition, asked by a Predictor: what the run itself says."""

import logging
import shutil
import zipfile

import numpy as np
import pytest

from export import saved_model, tflite
from videorec import Predictor
from videorec.config import UserError


@pytest.fixture(scope="module")
def exported(old_runs, tmp_path_factory):
    """Copies of the runs, each with a SavedModel and a TFLite file, and where it streams one frame by frame."""
    folder = tmp_path_factory.mktemp("exported")
    for name in ("moments", "anticipation", "forecasts"):
        run = shutil.copytree(old_runs / "trained" / name, folder / name)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(old_runs)
            assert saved_model.main([str(run), "--no-verify"]) == 0
            assert tflite.main([str(run), "--no-verify"]) == 0
            if name == "moments":
                assert tflite.main([str(run), "--no-verify", "--streaming"]) == 0
    return folder


def both(exported, form, video):
    """What the run says, and what the export says."""
    return Predictor(exported)(video), Predictor(exported / form)(video)


def test_moments_of_a_saved_model(exported, old_runs):
    run, export = both(exported / "moments", "saved_model", old_runs / "data" / "v4")
    np.testing.assert_allclose(export.moments, run.moments, atol=1e-5)
    assert [(s.label, s.start, s.end) for s in export.segments] == [(s.label, s.start, s.end) for s in run.segments]


def test_moments_of_a_file_of_one_length(exported, old_runs, caplog):
    """Windows of 6 frames, each from the beginning: the first as the run says it, and the log says what happens."""
    with caplog.at_level(logging.WARNING):
        run, export = both(exported / "moments", "model.tflite", old_runs / "data" / "v4")
    assert len(export.moments) == len(run.moments) == 12
    np.testing.assert_allclose(export.moments[:4], run.moments[:4], atol=1e-5)  # the others await frames of the next window
    assert "reads 6 frames at a time, and forgets those before them" in caplog.text


def test_moments_frame_by_frame(exported, old_runs, caplog):
    """The model awaits two later frames: the last two of the video are not told, and the log says so."""
    with caplog.at_level(logging.WARNING):
        run, export = both(exported / "moments", "model_streaming.tflite", old_runs / "data" / "v4")
    np.testing.assert_allclose(export.moments, run.moments[:10], atol=1e-5)
    assert "answers 2 frames late: the last ones of a video are left out" in caplog.text


@pytest.mark.parametrize("form", ["saved_model", "model.tflite"])
def test_labels_and_frames_to_come(exported, old_runs, form):
    run, export = both(exported / "anticipation", form, old_runs / "data" / "v4")
    for step, other in zip(run.coming, export.coming, strict=True):
        assert step == pytest.approx(other, abs=1e-5)
    run, export = both(exported / "forecasts", form, old_runs / "data" / "sequences" / "test" / "blob.npz")
    np.testing.assert_allclose(export.frames, run.frames, atol=1e-5)


def test_what_does_not_run_frame_by_frame_says_so(exported):
    with pytest.raises(UserError, match=r"model.tflite does not run frame by frame: python -m export.tflite RUN --streaming"):
        next(Predictor(exported / "moments" / "model.tflite").stream([]))


def test_a_cut_file_is_refused(exported, tmp_path):
    whole = (exported / "moments" / "model.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="it holds no recipe. Give a run folder, a SavedModel or a .tflite file"):
        Predictor(tmp_path / "cut.tflite")
    with zipfile.ZipFile(tmp_path / "empty.tflite", "w") as archive:
        archive.writestr("recipe.json", zipfile.ZipFile(exported / "moments" / "model.tflite").read("recipe.json"))
    with pytest.raises(UserError, match=r"empty.tflite cannot be read: .*It must be a TFLite file of export.tflite, whole"):
        Predictor(tmp_path / "empty.tflite")
