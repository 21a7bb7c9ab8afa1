"""What comes next under a fixed camera, from few recordings: changes on a grid, a GRU over the frames seen.

    python train.py change_grid_anticipation --data.path segments.csv --data.videos recordings/
    python evaluate.py runs/change_grid_anticipation

20 s are seen, 1 s is anticipated: --data.frames, --model.horizon and --data.fps change that. `segments.csv`:
path,label,start,end[,split,group], one label at a time.
"""

from videorec.config import Experiment
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.models.change_grid_anticipation import ChangeGridAnticipation

EXPERIMENT = Experiment(
    data=DenseData(single=True, frames=100, resize=(128, 128), crop=(128, 128)),
    model=ChangeGridAnticipation(),
    train=DenseTrain(epochs=60, batch=16, learning_rate=3e-3, label_smoothing=0.1, monitor="last"),
    evaluate=DenseEvaluate(),
)
