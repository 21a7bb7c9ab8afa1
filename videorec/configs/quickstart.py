"""A small LRCN, trained from scratch on the built-in synthetic videos (2 minutes on 2 cores).

python train.py
python evaluate.py runs/quickstart
"""

from videorec.config import Data, Experiment, Train
from videorec.models.lrcn import LRCN

EXPERIMENT = Experiment(
    data=Data(path="synthetic", frames=16, resize=(64, 64), crop=(64, 64), augment=False),
    model=LRCN(backbone="tiny", tap="fc", weights=None, trainable_from="all", units=64, dropout=0.0, output_dropout=0.0),
    train=Train(epochs=9, batch=16, learning_rate=2e-3),
)
