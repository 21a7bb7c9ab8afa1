"""Peephole LSTM as one would use it today: frozen MobileNetV2, cached features, both directions.

python train.py fc_lstm --data.path videos/
python evaluate.py runs/fc_lstm
"""

from videorec.config import Data, Experiment, Train
from videorec.models.fc_lstm import FCLSTM

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=FCLSTM(backbone="mobilenet_v2", tap="pooled", units=64, bidirectional=True, differences=("previous", "mean")),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, label_smoothing=0.1, cache_views=2),
)
