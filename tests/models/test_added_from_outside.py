"""A new model is one file and one preset: nothing else names it, and every common test covers it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports are TensorFlow's")

MODEL = '''
"""The largest of each feature."""

from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import layers

from videorec.config import Recogniser
from videorec.models import heads
from videorec.models import streams as inputs
from videorec.models.backbones.tiny import TINY


@dataclass(frozen=True)
class LargestFeatures(Recogniser):
    """The largest value of each feature over time, and a classifier."""

    name: ClassVar[str] = "largest_features"
    width: int = 64
    """Units of a hidden layer."""

    @classmethod
    def forms(cls):
        """See `Model`."""
        return {"plain": {**TINY, "width": 4}, "map": {**TINY, "tap": "map", "width": 3}}

    def build(self, streams, classes) -> keras.Model:
        stream, shape = inputs.single(streams, self.name)
        frames, x = inputs.frame_features(stream, shape, self)
        x = layers.GlobalMaxPooling1D()(inputs.vectors(x))
        x = layers.Dense(self.width, activation="relu")(x)
        return keras.Model({stream: frames}, heads.per_clip(x, classes), name=self.name)
'''

PRESET = '''
"""The largest features of all frames, classified.

python train.py largest
"""

from videorec.config import Experiment
from videorec.models.largest_features import LargestFeatures

EXPERIMENT = Experiment(model=LargestFeatures(width=16))
'''

SCRIPT = """
import sys
import pytest
import videorec.configs, videorec.models
videorec.models.__path__.append("models")
videorec.configs.__path__.append("configs")
videorec.models.discover()
import train
try:
    videorec.models.__path__.append("twice")
    videorec.models.discover()
except ValueError as error:
    print(error)
del videorec.models.__path__[-1]
for arguments in (["--help"], ["largest", "--help"]):
    try:
        train.main(arguments)
    except SystemExit:
        print("=== end")
sys.exit(pytest.main(["-rA", "-k", "largest_features", "-p", "no:cacheprovider", "--rootdir", sys.argv[1], "-c",
                      sys.argv[1] + "/pyproject.toml", sys.argv[1] + "/tests/models/test_all_models.py"]))
"""


def test_a_file_and_a_preset_are_enough(tmp_path):
    files = [("models", "largest_features", MODEL), ("configs", "largest", PRESET), ("twice", "largest_again", MODEL)]
    for folder, name, text in files:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.py").write_text(text.lstrip())
    root = Path(__file__).resolve().parents[2]
    script = f"import sys\nsys.path.insert(0, {str(root)!r})\n{SCRIPT}"
    line, env = [sys.executable, "-c", script, str(root)], {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    presets, settings, tests = done.stdout.split("=== end\n")
    assert re.search(r"^  largest +The largest features of all frames, classified\.$", presets, re.M)
    assert re.search("Two models are called 'largest_features', in .*largest_features and .*largest_again", presets)
    assert "--model.width" in settings and "Units of a hidden layer" in settings
    for case in ("largest_features", "largest_features-map"):
        for test in ("trains_and_reaches_every_weight", "round_trip", "exported_it_gives_the_same"):
            assert re.search(rf"^PASSED .*::test_{test}\[{case}\]$", tests, re.M), test
