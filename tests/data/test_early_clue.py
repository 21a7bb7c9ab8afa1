"""The built-in videos whose label shows in the first second alone."""

import cv2
import numpy as np
import pytest

from videorec.data import early_clue, manifest

LABELS = early_clue.CLASSES
COUNTS = {"train": 2, "val": 1, "test": 1}


def decode(path):
    reader = cv2.VideoCapture(str(path))
    frames = []
    while (read := reader.read())[0]:
        frames.append(read[1][..., ::-1])
    return np.stack(frames), reader.get(cv2.CAP_PROP_FPS)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return manifest.read(early_clue.write(tmp_path_factory.mktemp("early"), **COUNTS))


def test_four_lights_on_one_scene():
    clips = np.stack([early_clue.render(label, (0, 1, 2), 120, 54, 72) for label in LABELS]).astype(int)
    assert clips.shape == (4, 120, 54, 72, 3)
    assert (clips[:, 6:] == clips[:1, 6:]).all()  # six frames a second
    mean = clips[:, :6].mean(axis=(2, 3))  # (4, 6, 3)
    for light, (high, low) in zip(mean, ([[0], [1, 2]], [[0, 1], [2]], [[1], [0, 2]], [[2], [0, 1]]), strict=True):
        assert (light[:, high].min(axis=1) > light[:, low].max(axis=1) + 25).all()


def test_shapes_move_until_the_end():
    for seed in range(5):
        clip = early_clue.render("red", seed, 120).astype(int)
        changed = np.abs(np.diff(clip[6:], axis=0)).max(axis=(1, 2, 3)) > 40
        assert changed.mean() > 0.6 and changed[-12:].any()
        assert np.abs(clip - early_clue.render("red", seed + 1, 120)).mean() > 5


def test_the_seed_determines_the_clip():
    np.testing.assert_array_equal(early_clue.render("blue", 3), early_clue.render("blue", 3))


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match="yellow"):
        early_clue.render("left", 0)


def test_files_of_a_group_differ_in_the_first_second_alone(small):
    """Decoded, too: a codec that builds a frame on the one before it would carry the light on."""
    groups = {video.group for video in small}
    assert len(groups) == 4 and len(small) == 16
    seconds = set()
    for group in groups:
        members = [video for video in small if video.group == group]
        assert sorted(label for video in members for label in video.labels) == sorted(LABELS)
        assert len({video.split for video in members}) == 1
        clips, rates = zip(*(decode(video.path) for video in members), strict=True)
        assert set(rates) == {6} and len({clip.shape for clip in clips}) == 1
        assert all(np.array_equal(clip[6:], clips[0][6:]) for clip in clips)
        assert all(np.abs(clip[:6].astype(int) - clips[0][:6]).mean() > 15 for clip in clips[1:])
        seconds.add(len(clips[0]) / 6)
    assert len(seconds) > 1 and min(seconds) >= 18 and max(seconds) <= 22
