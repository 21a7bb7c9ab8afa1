import numpy as np

from videorec import pictures


def test_attended_places_stay_bright():
    clips = np.full((2, 3, 20, 30, 3), 200, np.uint8)
    attention = np.zeros((2, 3, 6), np.float32)  # 2 x 3 places
    attention[0, :, 0], attention[1, :, 5] = 1, 0.5
    got = pictures.attended(clips, attention, (2, 3))
    assert got.shape == clips.shape and got.dtype == np.uint8
    assert got[0, 1, 0, 0].tolist() == [200] * 3 and got[0, 1, -1, -1].tolist() == [30] * 3
    assert got[1, 1, -1, -1].tolist() == [200] * 3 and got[1, 1, 0, 0].tolist() == [30] * 3


def test_attended_frames_stay_bright():
    clips = np.full((1, 3, 4, 4, 3), 100, np.uint8)
    got = pictures.attended(clips, np.array([[0.0, 0.25, 0.5]]))
    assert [int(frame.max()) for frame in got[0]] == [15, 57, 100] or [int(f.max()) for f in got[0]] == [15, 58, 100]
