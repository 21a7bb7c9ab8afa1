"""The benchmark of prepared pictures: the smallest setting gives its rows. No test looks at a time."""

import re

from videorec.tools.benchmark import prepare


def test_both_ways_of_sampling():
    rows = prepare.measure(rounds=1, batches=1, videos=4, frames=20)
    assert [row.name.split()[0] for row in rows] == ["uniform", "dense"]
    assert [row.target for row in rows] == [">= 5", ""]
    for row in rows:
        assert float(row.value) > 0
        ours, decoded = map(float, re.match(r"([\d.]+) / ([\d.]+) clips/s", row.detail).groups())
        assert ours > 0 and decoded > 0
