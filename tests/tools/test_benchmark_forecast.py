"""The part `forecast` of the benchmark: its arithmetic, and its row. No test looks at a time."""

import pytest

from videorec.models.convlstm_stack import ConvLSTMStack
from videorec.tools.benchmark import forecast


def test_row():
    (row,) = forecast.measure(1, ConvLSTMStack(filters=(4, 4), kernel=3, horizon=2), batch=2, frames=3, size=8)
    assert row.target == ">= 0.8" and "B=2, 3 -> 2, 8 x 8" in row.name and "8 -> 16" in row.name


def test_arithmetic_of_the_published_network():
    """56.8 G multiply-adds a sequence (the benchmark's table), two operations each, three times in training."""
    step = forecast.TrainStep(ConvLSTMStack(filters=(2,), kernel=1, horizon=10), batch=1, frames=10, size=64)
    weights = 16 * 8 + 2 * 8 + 2 * 16  # input and state kernels, output without bias
    assert step.flops == 3 * 2 * weights * 16 * 16 * 19
    assert 11_675_648 * 16 * 16 * 19 == pytest.approx(56.8e9, rel=1e-3)
