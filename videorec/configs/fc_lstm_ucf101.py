"""Peephole LSTM (Graves 2013; Shi et al. 2015, eq. 2) on UCF101, in the protocol of LRCN.

    python train.py fc_lstm_ucf101 --data.path ucf101_lists/ --data.videos UCF-101/ --model.weights single_frame.keras
    python evaluate.py runs/fc_lstm_ucf101

No paper reports this cell on UCF101: the preset puts it in LRCN's place, so that `lrcn_ucf101_rgb` against this one shows what
peepholes do.
"""

import dataclasses

from videorec.configs.lrcn_ucf101_rgb import EXPERIMENT as LRCN
from videorec.models.fc_lstm import FCLSTM

EXPERIMENT = dataclasses.replace(
    LRCN,
    model=FCLSTM(backbone="caffenet_hybrid", tap="fc", weights=None, trainable_from="all", units=256, dropout=0.5),
)
