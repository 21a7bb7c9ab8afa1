"""Visual attention as one would use it today: frozen MobileNetV2, cached maps, where to look in each frame.

    python train.py visual_attention --data.path videos/
    python evaluate.py runs/visual_attention

The output `attention` of the exported model tells how much each place of each frame counted.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.visual_attention import VisualAttention

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=VisualAttention(backbone="mobilenet_v2", tap="map", units=64, attention_units=64, differences=("previous", "mean")),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, label_smoothing=0.1, cache_views=2),
)
