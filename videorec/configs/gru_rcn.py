"""GRU-RCN as one would use it today: frozen MobileNetV2, cached features of two resolutions, both directions.

    python train.py gru_rcn --data.path videos/
    python evaluate.py runs/gru_rcn

A ConvGRU on the maps at 1/16 of the frame, a GRU on the average of the last map; all states count, not the last alone.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.gru_rcn import GRURCN

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=GRURCN(
        backbone="mobilenet_v2",
        tap="pooled",
        levels=("block_12_add",),
        form="bidirectional",
        filters=(32, 64),
        reduce=64,
        states="mean",
        percept_dropout=0.5,
        dropout=0.5,
        differences=("previous", "mean"),
    ),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, label_smoothing=0.1, cache_views=2),
)
