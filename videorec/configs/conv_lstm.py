"""ConvLSTM as one would use it today: frozen MobileNetV2, cached maps, one layer in both directions.

python train.py conv_lstm --data.path videos/
python evaluate.py runs/conv_lstm
"""

from videorec.config import Data, Experiment, Train
from videorec.models.conv_lstm import ConvLSTM

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=ConvLSTM(
        backbone="mobilenet_v2", tap="map", reduce=64, filters=(32,), bidirectional=True, differences=("previous", "mean")
    ),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, label_smoothing=0.1, cache_views=2),
)
