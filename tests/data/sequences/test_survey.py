"""What the log says of sequences before a run."""

import logging

import cv2
import numpy as np
import pytest

from videorec.config.forecasting import Sequences
from videorec.data.sequences import survey
from videorec.data.sequences.files import FileSequences


def opened(folder, **changes) -> FileSequences:
    return FileSequences(Sequences(str(folder), frames=3, **changes), 2, 0)


def test_the_log_says_once_which_axes_were_taken(tmp_path, caplog):
    for n in range(4):
        np.save(tmp_path / f"{n}.npy", np.full((9 + n, 6, 8), 9, np.uint8))
    np.save(tmp_path / "colour.npy", np.full((9, 6, 8, 1), 9, np.uint8))
    with caplog.at_level(logging.INFO):
        opened(tmp_path)
    lines = [record.message for record in caplog.records if "auto" in record.message]
    assert sorted(lines) == [
        "4 files (0.npy, 1.npy, 2.npy, ...): --data.axes auto takes THW, frames of 6 x 8 x 1 (H x W x C)",
        "colour.npy: --data.axes auto takes THWC, frames of 6 x 8 x 1 (H x W x C)",
    ]
    caplog.clear()
    (tmp_path / "colour.npy").unlink()
    opened(tmp_path, axes="THW")
    assert "auto" not in caplog.text


@pytest.mark.parametrize("budget", [1 << 30, 0])
def test_masks_of_0_and_1_are_named(tmp_path, caplog, monkeypatch, budget):
    """Not an array that is all 0, nor one whose first frames are dark, where all is looked at."""
    monkeypatch.setattr(survey, "LOOKED_THROUGH", budget)
    mask, other, dark = np.random.default_rng(0).integers(0, 2, (3, 12, 6, 8), dtype=np.uint8)
    dark[-1, 0, 0] = 200
    for n, array in enumerate((mask, other, np.zeros_like(mask), dark)):
        np.save(tmp_path / f"{n}.npy", array)
    (tmp_path / "pictures").mkdir()
    for k in range(5):
        cv2.imwrite(str(tmp_path / "pictures" / f"{k}.png"), mask[k])
    opened(tmp_path)
    named = ("3 files (0.npy, 1.npy, pictures)", "4 files (0.npy, 1.npy, 3.npy, ...)")[budget == 0]
    assert f"{named}: only the values 0 and 1, as uint8, which is almost black" in caplog.text
    caplog.clear()
    source = opened(tmp_path, values=(0, 1))
    assert max(source.window("train", index).max() for index in range(source.windows("train"))) == 1
    assert "almost black" not in caplog.text


def test_masks_of_true_and_false_need_nothing(tmp_path, caplog):
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", np.ones((6 + n, 4, 4), bool))
    assert opened(tmp_path).window("train", 0).min() == 1 and "almost black" not in caplog.text
