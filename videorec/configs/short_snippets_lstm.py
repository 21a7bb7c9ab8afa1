"""Beyond Short Snippets, LSTM, as one would use it today: frozen MobileNetV2, cached features, two layers of 128.

    python train.py short_snippets_lstm --data.path videos/
    python evaluate.py runs/short_snippets_lstm

Later frames weigh more, in the loss and in the answer. The paper's five layers of 512 want far more videos than most people
have.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.short_snippets_lstm import ShortSnippetsLSTM

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(224, 224), crop=(224, 224)),
    model=ShortSnippetsLSTM(backbone="mobilenet_v2", tap="pooled", layers=2, units=128, differences=("previous",)),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, step_gain="linear", label_smoothing=0.1, cache_views=2),
)
