"""What several tests of exports share."""

import pytest

CLASSES = ("left", "right", "up", "down", "clockwise", "anticlockwise", "grow", "shrink")


@pytest.fixture(scope="session")
def untrained(tmp_path_factory, synthetic):
    """A run of a small LRCN with random weights and its SavedModel, for reading alone: 4 frames of 24 x 32, centre 20 x 24."""
    from untrained_runs import untrained_run

    from export import saved_model
    from videorec.config import Data, Experiment
    from videorec.models.lrcn import LRCN

    data = Data(path=str(synthetic), frames=4, resize=(24, 32), crop=(20, 24), workers=1)
    experiment = Experiment("x", data, LRCN(backbone="tiny", tap="fc", weights=None, units=6))
    run = untrained_run(tmp_path_factory.mktemp("untrained") / "x", experiment, CLASSES)
    assert saved_model.main([str(run.folder), "--no-verify"]) == 0
    return run
