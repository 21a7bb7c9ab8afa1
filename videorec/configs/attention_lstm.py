"""LSTM with attention over its states as one would use it today: frozen MobileNetV2, cached features, both directions.

    python train.py attention_lstm --data.path videos/
    python evaluate.py runs/attention_lstm

The output `attention` of the exported model tells how much each frame counted.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.attention_lstm import AttentionLSTM

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=AttentionLSTM(backbone="mobilenet_v2", tap="pooled", units=64, bidirectional=True, differences=("previous", "mean")),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, label_smoothing=0.1, cache_views=2),
)
