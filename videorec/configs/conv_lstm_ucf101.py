"""ConvLSTM with peepholes (Shi et al. 2015) over VGG-16's last maps, UCF101, in the protocol of GRU-RCN.

    python train.py conv_lstm_ucf101 --data.path ucf101_lists/ --data.videos UCF-101/ --model.weights vgg16_ucf101.keras
    python evaluate.py runs/conv_lstm_ucf101

No paper reports this recogniser on UCF101: the cell is that of the paper (peepholes with a weight a channel), two layers of 64
with 3 x 3 kernels as in its radar network; data and training are those of `gru_rcn_ucf101`.
"""

import dataclasses

from videorec.configs.gru_rcn_ucf101 import EXPERIMENT as GRU_RCN
from videorec.models.conv_lstm import ConvLSTM

EXPERIMENT = dataclasses.replace(
    GRU_RCN, model=ConvLSTM(backbone="vgg16", tap="map", filters=(64, 64), kernel=3, peephole="channel")
)
