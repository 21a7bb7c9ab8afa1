"""What all tests of layers run on."""

import pytest

from videorec.layers.steps import InputMapsCell, InputTermCell


@pytest.fixture(autouse=True)
def small_layers_take_terms_first(monkeypatch):
    """The layers of these tests are small, and would make the terms of their inputs step by step: they take the way that
    wide layers do. `test_steps.py` compares both."""
    for kind in (InputTermCell, InputMapsCell):
        monkeypatch.setattr(kind, "terms_first", property(lambda cell: cell.kernel is not None))
