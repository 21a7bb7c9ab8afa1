"""Labels of every frame from few recordings of a fixed camera: changes on a grid, a GRU in both directions.

    python train.py change_grid --data.path segments.csv --data.videos recordings/
    python evaluate.py runs/change_grid

One label at a time. No pretrained weights: it reads where a frame differs from the one before, from the mean of the minute
around it and from the scene, so that it does not learn the rooms of a dozen recordings by heart. It reads whole videos in both
directions and cannot stream. Frame by frame, as a camera gives it: --model.no-bidirectional --model.differences previous
--model.past 300, with the average of the minute before for the scene. `segments.csv`: path,label,start,end[,split,group].
"""

from videorec.config import Experiment
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.models.change_grid import ChangeGrid

EXPERIMENT = Experiment(
    data=DenseData(single=True, frames=300, resize=(128, 128), crop=(128, 128)),
    model=ChangeGrid(target="dense", exclusive=True),
    train=DenseTrain(epochs=25, batch=4, learning_rate=3e-3, label_smoothing=0.1, monitor="last"),
    evaluate=DenseEvaluate(threshold=0.1, smooth=0.0, change_cost=6.0),
)
