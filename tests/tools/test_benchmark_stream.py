"""The part `stream` of the benchmark. No test looks at a time."""

import keras
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("streams run on TensorFlow", allow_module_level=True)

from videorec.tools.benchmark import stream


def test_rows():
    rows = stream.measure(rounds=1, frames=20, names=("fc_lstm",), backbone="tiny", size=32)
    assert [row.target for row in rows] == ["<= 1.15", ">= 5", ">= 10", "", "<= 20 MB"]
    assert "fc_lstm: step / CNN alone (2 MB of weights)" in rows[0].name and all(" ms / " in row.detail for row in rows[:4])
    assert "after 20 frames" in rows[-1].detail and rows[-1].met


def test_bounds_from_below_and_memory():
    assert stream.resident() > 100
    assert stream._times_faster("a", [10.0, 30.0, 10.0], [2.0, 3.0, 1.0], 9).met  # 5, 10 and 10 times
    assert not stream._times_faster("a", [10.0, 30.0, 10.0], [2.0, 3.0, 1.0], 11).met
