"""Time stamps: which are believed, and which frames a rate shows."""

import numpy as np
import pytest

from videorec.data import clock


def times(stamps, declared=None) -> list[float]:
    return clock.clock(np.array(stamps, float), declared).times.round(6).tolist()


def test_stamps_that_are_a_clock_are_taken_as_they_are():
    stamps = np.array([0, 0.04, 0.12, 0.16, 0.5, 0.54])  # a variable rate
    told = clock.clock(stamps + 3)
    np.testing.assert_allclose(told.times, stamps, atol=1e-12)
    assert told.remarks == () and not told.restarts


@pytest.mark.parametrize(("declared", "rate"), [(30000 / 1001, 30000 / 1001), (60.0, 59 / 1.969), (None, 59 / 1.969)])
def test_the_rate_is_measured_and_the_header_only_sharpens_it(declared, rate):
    stamps = np.round(np.arange(60) * 1001 / 30000, 3)  # rounded to milliseconds, as in Matroska
    assert clock.clock(stamps, declared).rate == pytest.approx(rate)


def test_a_gap_is_time_that_passed():
    told = clock.clock(np.concatenate([np.arange(10), np.arange(10) + 80]) / 10)
    assert told.times[10] - told.times[9] == pytest.approx(7.1)
    assert told.remarks == ("1 gap in its time stamps, the first of 7.1 s after 0.90 s",)
    assert told.rate == pytest.approx(10)


@pytest.mark.parametrize("jump", [1.7e9, 300.0, 12.0, -5.0, -1e9])
def test_a_clock_that_was_set_is_no_time(jump):
    stamps = np.arange(20) / 10
    told = clock.clock(stamps + np.where(np.arange(20) >= 8, jump, 0))
    np.testing.assert_allclose(told.times, stamps, atol=1e-6)
    (remark,) = told.remarks
    assert remark.startswith("its clock was set 1 time, the first of ") and "after 0.70 s" in remark
    assert told.restarts == (jump < 0)


@pytest.mark.parametrize("stamps", [[0, 1e9], [0, 0.04, 1e9], [0, 1e9, 2e9, 3e9], [0, np.nan, 0.08], [5, 5, 5, 5], [0, -1, -2]])
def test_no_stamps_make_a_rate_show_a_frame_for_ever(stamps):
    told = clock.clock(np.array(stamps), 20.0)
    assert np.isfinite(told.times).all() and (np.diff(told.times) > 0).all()
    assert len(clock.shown(told.times, 5)) < 20


def test_time_lapse_and_slides_are_believed():
    assert times([0, 30, 60, 90]) == [0, 30, 60, 90]
    assert times([0, 20, 40]) == [0, 20, 40]


def test_a_last_stamp_of_nothing_is_not_worth_a_word():
    told = clock.clock(np.array([0, 0.1, 0.2, 0.3, 0.0]))
    assert told.times.round(6).tolist() == [0, 0.1, 0.2, 0.3, 0.4] and told.remarks == ()


def test_one_frame():
    assert times([7.0]) == [0.0]


def test_shown_follows_its_rule():
    """Tick k shows the first frame not before start + k / fps: by a loop, as the rule reads."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        stamps = np.concatenate([[0], np.cumsum(rng.uniform(0.02, 0.5, 30))])
        fps, start, end = rng.uniform(1, 20), rng.uniform(0, 3), rng.uniform(4, 8)
        inside = [k for k, t in enumerate(stamps) if start <= t < end]
        expected, tick = [], 0
        for k in inside:
            while tick / fps <= stamps[k] - start + 1e-3:
                expected.append(k)
                tick += 1
        assert clock.shown(stamps, fps, start, end).tolist() == expected
        assert clock.shown(stamps, None, start, end).tolist() == inside


@pytest.mark.parametrize("stamps", [np.arange(50) / 25, np.cumsum(np.linspace(0.01, 0.2, 50)), np.array([0.0])])
def test_packing_keeps_microseconds(stamps):
    np.testing.assert_allclose(clock.unpack(clock.pack(stamps), len(stamps)), stamps, atol=1e-6)
