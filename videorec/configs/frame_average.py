"""The baseline without memory: frozen MobileNetV2, features averaged over the frames, one linear classifier.

python train.py frame_average --data.path videos/
python evaluate.py runs/frame_average
"""

from videorec.config import Data, Experiment, Train
from videorec.models.frame_average import FrameAverage

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=FrameAverage(backbone="mobilenet_v2", tap="pooled"),
    train=Train(epochs=60, batch=16, learning_rate=3e-3, cache_views=2),
)
