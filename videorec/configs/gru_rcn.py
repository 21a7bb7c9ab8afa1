"""GRU-RCN as one would use it today: frozen MobileNetV2, cached maps of three resolutions, both directions.

python train.py gru_rcn --data.path videos/
python evaluate.py runs/gru_rcn
"""

from videorec.config import Data, Experiment, Train
from videorec.models.gru_rcn import GRURCN

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=GRURCN(
        backbone="mobilenet_v2",
        tap="pooled",
        levels=("block_12_add", "out_relu"),
        form="bidirectional",
        filters=(32, 32, 64),
        dropout=0.5,
    ),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, cache_views=2),
)
