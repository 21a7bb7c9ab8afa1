import numpy as np
import pytest

from videorec.data import flow
from videorec.reports import pictures


@pytest.mark.parametrize("encoding", flow.ENCODINGS)
def test_motion_has_the_hue_of_its_direction_and_is_as_bright_as_it_is_fast(encoding):
    directions = [(7, 0), (0, 7), (-7, 0), (0, -7), (3.5, 0), (0, 0)]  # right, down, left, up, slowly right, none
    clips = np.zeros((1, 6, 10, 12, 2), np.float32)
    clips[0] = np.reshape(directions, (6, 1, 1, 2))
    shown = pictures.motion(flow.encode(clips, encoding), encoding)
    assert shown.shape == (1, 6, 10, 12, 3) and shown.dtype == np.uint8
    right, down, left, up, slow, none = shown[0, :, 5, 5].astype(int)
    # Pure colours of 0, 90, 180 and 270 degrees, within a level of short_snippets: 0.3 px.
    for colour, expected in zip(
        (right, down, left, up), [(255, 0, 0), (128, 255, 0), (0, 255, 255), (128, 0, 255)], strict=True
    ):
        np.testing.assert_allclose(colour, expected, atol=14)
    np.testing.assert_allclose(slow, (128, 0, 0), atol=14)
    assert none.tolist() == [0, 0, 0]


def test_a_few_wrong_vectors_do_not_darken_the_rest():
    clips = np.zeros((1, 2, 40, 40, 2), np.float32)
    clips[..., 0] = 1
    clips[0, 0, 0, :3] = 7
    shown = pictures.motion(flow.encode(clips), "lrcn")
    assert shown[0, 1, 20, 20].tolist() == [255, 0, 0]


def test_clips_without_motion_are_black():
    assert not pictures.motion(flow.encode(np.zeros((2, 3, 4, 5, 2))), "lrcn").any()
