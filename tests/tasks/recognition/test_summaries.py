"""Which errors TensorBoard shows, and which clips stay in memory for it."""

import numpy as np

from videorec.tasks.recognition import summaries
from videorec.training.metrics import Answered


def test_the_worst_errors_by_hand():
    probabilities = np.array(
        [[0.5, 0.4, 0.1], [0.9, 0.05, 0.05], [0.1, 0.2, 0.7], [0.6, 0.1, 0.3], [0.9, 0.0, 0.1]], np.float32
    )
    truth = np.eye(3, dtype=np.float32)[[1, 2, 2, 1, 1]]
    answers = Answered(probabilities, truth, np.array([1, 1, 1, 1, 0], np.float32))  # the third is right, the last unreadable
    assert summaries.worst(answers, 9) == [1, 3, 0]
    assert summaries.worst(answers, 2) == [1, 3]


def test_the_worst_errors_of_several_labels():
    truth = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    probabilities = np.array([[0.9, 0.01, 0.0], [0.9, 0.5, 0.0], [0.5, 0.0, 0.6]], np.float32)
    assert summaries.worst(Answered(probabilities, truth, np.ones(3, np.float32)), 9) == [1, 2]


def test_clips_are_loaded_once_and_the_oldest_forgotten(monkeypatch):
    monkeypatch.setattr(summaries, "KEPT", 3)
    asked = []

    def load(indices):
        asked.append(indices)
        return {"rgb": np.array(indices, np.uint8).reshape(-1, 1, 1, 1, 1)}

    kept = summaries.KeptClips(load)
    assert kept([4, 2])["rgb"].ravel().tolist() == [4, 2]
    assert kept([2, 7, 4])["rgb"].ravel().tolist() == [2, 7, 4]
    assert kept([9])["rgb"].ravel().tolist() == [9]  # 2, the oldest now, is forgotten
    assert kept([4, 7, 2])["rgb"].ravel().tolist() == [4, 7, 2]
    assert asked == [[4, 2], [7], [9], [2]]
