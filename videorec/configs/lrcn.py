"""LRCN as one would use it today: frozen MobileNetV2, cached features, a bidirectional LSTM over the whole video.

    python train.py lrcn --data.path videos/
    python evaluate.py runs/lrcn

Without a network connection, give the backbone's weights as a file: --model.weights FILE.

Bidirectional, since the mean over steps counts the first step as much as the last: an LSTM that reads forwards only must
guess there. Differences of the features, since those of a frozen backbone show the scene more than what moves in it. With
--model.no-bidirectional --model.differences previous the model is causal.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.lrcn import LRCN

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=LRCN(backbone="mobilenet_v2", tap="pooled", units=64, bidirectional=True, differences=("previous", "mean")),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, label_smoothing=0.1, cache_views=2),
)
