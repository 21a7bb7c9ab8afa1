"""LRCN as one would use it today: frozen MobileNetV2, cached features, an LSTM over 16 frames of the whole video.

    python train.py lrcn --data.path videos/
    python evaluate.py runs/lrcn

Without a network connection, give the backbone's weights as a file: --model.weights FILE.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.lrcn import LRCN

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(256, 256), crop=(224, 224)),
    model=LRCN(backbone="mobilenet_v2", tap="pooled", units=256),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, patience=15),
)
