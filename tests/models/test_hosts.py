"""Which processes train together: what the environment says of them. (What they do: tests/test_several_hosts.py.)"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from videorec.config import UserError
from videorec.models import hosts

ROOT = Path(__file__).parents[2]
ALL = dict(zip(hosts.VARIABLES, ("127.0.0.1:1", "2", "0"), strict=True))


@pytest.fixture
def environment(monkeypatch):
    """Sets the variables of Keras's distribution, all others of them away."""

    def set_all(values: dict[str, str]) -> None:
        for name in hosts.VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.mark.parametrize("missing", hosts.VARIABLES)
def test_all_variables_or_none(environment, missing):
    environment({name: value for name, value in ALL.items() if name != missing})
    with pytest.raises(UserError, match=f"Missing: {missing}"):
        hosts._numbers()


@pytest.mark.parametrize("count, number", [("2", "2"), ("0", "0"), ("two", "0"), ("2", "-1")])
def test_the_number_of_a_process_is_below_that_of_all(environment, count, number):
    environment({**ALL, hosts.VARIABLES[1]: count, hosts.VARIABLES[2]: number})
    with pytest.raises(UserError, match=f"Received: {hosts.VARIABLES[1]}={count}, {hosts.VARIABLES[2]}={number}"):
        hosts._numbers()


def test_one_process_alone_agrees_with_itself(environment):
    environment({})
    hosts.agree({"settings": "any"})
    with pytest.raises(ValueError), hosts.failing_together():
        raise ValueError
    assert (hosts.count(), hosts.index(), hosts.devices(), hosts.first()) == (1, 0, 1, True)


def test_on_tensorflow_several_processes_are_refused(tmp_path):
    """Rather than that each trains the whole run by itself."""
    command = [sys.executable, "train.py", "quickstart", "--runs", str(tmp_path)]
    env = {**os.environ, **ALL, "KERAS_BACKEND": "tensorflow"}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert result.returncode == 2 and "Training by several processes (KERAS_DISTRIBUTION_JOB_ADDRESSES)" in result.stderr
    assert not any(tmp_path.iterdir())
