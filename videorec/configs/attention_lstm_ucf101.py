"""LSTM with dot-product attention (Luong et al. 2015) over 30 frames of UCF101.

    python train.py attention_lstm_ucf101 --data.path ucf101_lists/ --data.videos UCF-101/
    python evaluate.py runs/attention_lstm_ucf101

Luong et al. translate sentences: no paper reports this recogniser on UCF101. Data and training are those of
`short_snippets_lstm_ucf101`; score and attentional state tanh(W_c [context; state]) are the paper's.
"""

import dataclasses

from videorec.configs.short_snippets_lstm_ucf101 import EXPERIMENT as SHORT_SNIPPETS
from videorec.models.attention_lstm import AttentionLSTM

EXPERIMENT = dataclasses.replace(
    SHORT_SNIPPETS,
    model=AttentionLSTM(backbone="inception_v3", tap="pooled", trainable_from="all", units=512, hidden=512),
    train=dataclasses.replace(SHORT_SNIPPETS.train, step_gain="uniform", step_reduction="mean"),
)
