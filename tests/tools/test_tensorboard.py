"""Runs under their own names in TensorBoard."""

import pytest

from videorec.config import UserError
from videorec.tools import tensorboard


def test_runs_of_one_name_and_no_run(tmp_path):
    for place in ("a/x", "b/x", "b/y"):
        (tmp_path / place / "tensorboard").mkdir(parents=True)
        (tmp_path / place / "config.json").write_text("{}")
    names = tensorboard.events_below((str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "b" / "x")))
    assert names.keys() == {"a/x", "b/x", "y"}
    with pytest.raises(UserError, match=r"No run with events.*nowhere"):
        tensorboard.main([str(tmp_path / "nowhere")])
