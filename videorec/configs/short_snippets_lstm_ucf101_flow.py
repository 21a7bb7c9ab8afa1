"""Beyond Short Snippets, LSTM, on flow at 15 pictures a second of UCF101 (Ng et al. 2015; 88.6 % fused with raw frames).

    python train.py short_snippets_lstm_ucf101_flow --data.path ucf101_lists/ --data.videos UCF-101/ \\
        --train.init runs/short_snippets_lstm_ucf101
    python evaluate.py runs/short_snippets_lstm_ucf101_flow
    python evaluate.py runs/short_snippets_lstm_ucf101 --fuse runs/short_snippets_lstm_ucf101_flow

The network starts from that of the raw frames. Motion between two frames 1/15 s apart, clipped to 40 px, as two channels of a
picture whose third is 0.

Not as in the paper: DIS in place of TV-L1 (--data.flow.method tvl1, with opencv-contrib-python), and InceptionV3 as for the
frames.
"""

import dataclasses

from videorec.config import Flow
from videorec.configs.short_snippets_lstm_ucf101 import EXPERIMENT as RGB

EXPERIMENT = dataclasses.replace(
    RGB, data=dataclasses.replace(RGB.data, stream="flow", flow=Flow(encoding="short_snippets", fps=15, short_side=240))
)
