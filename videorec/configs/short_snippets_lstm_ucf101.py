"""Beyond Short Snippets, five peephole LSTMs over 30 frames of UCF101 (Ng et al. 2015; 88.6 % with flow, over 3 splits).

    python train.py short_snippets_lstm_ucf101 --data.path ucf101_lists/ --data.videos UCF-101/
    python evaluate.py runs/short_snippets_lstm_ucf101

Learning rate 30 x 1e-5 (frames x that of pooling), loss summed over the frames with a gain from 0 to 1. The whole list is
trained on, and the last model kept.

Not as in the paper: its GoogLeNet (220 x 220, first trained on Sports-1M) is replaced by its successor InceptionV3 with
ImageNet weights; with Caffe's release of it (docs/models.md): --model.backbone googlenet --model.weights FILE. 88.6 % is the
fusion with an optical-flow network.
"""

import dataclasses

from videorec.config import Evaluate, Experiment, Train
from videorec.configs.short_snippets_pooling_ucf101 import DATA
from videorec.models.short_snippets_lstm import ShortSnippetsLSTM

EXPERIMENT = Experiment(
    data=dataclasses.replace(DATA, frames=30, hop=30),
    model=ShortSnippetsLSTM(backbone="inception_v3", tap="pooled", trainable_from="all", layers=5, units=512),
    train=Train(
        epochs=30,
        batch=8,
        optimizer="sgd",
        learning_rate=30 * 1e-5,
        momentum=0.9,
        weight_decay=5e-4,
        clipnorm=None,
        schedule="constant",
        step_gain="linear",
        step_reduction="sum",
        monitor="last",
    ),
    evaluate=Evaluate(clips=0),
)
