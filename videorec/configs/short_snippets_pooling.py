"""Beyond Short Snippets, pooling, as one would use it today: frozen MobileNetV2, cached features, max over time.

    python train.py short_snippets_pooling --data.path videos/
    python evaluate.py runs/short_snippets_pooling

On the average over space: with --model.tap map, as in the paper, every place has weights of its own: too many for
small data.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.short_snippets_pooling import ShortSnippetsPooling

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=ShortSnippetsPooling(backbone="mobilenet_v2", tap="pooled", hidden=256, dropout=0.5, differences=("previous",)),
    train=Train(epochs=60, batch=16, learning_rate=5e-4, label_smoothing=0.1, cache_views=2),
)
