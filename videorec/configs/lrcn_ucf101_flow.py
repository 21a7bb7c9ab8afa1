"""LRCN as in the paper, flow pictures of UCF101 (Donahue et al. 2015, arXiv v4; 77.28 % over 3 splits).

    python train.py lrcn_ucf101_flow --data.path ucf101_lists/ --data.videos flow_images/ --model.weights single_flow.keras
    python evaluate.py runs/lrcn_ucf101_flow
    python evaluate.py runs/lrcn_ucf101_rgb --fuse runs/lrcn_ucf101_flow --weights 1 2

A folder of flow pictures stands in the place of each video (16 u + 128, 16 v + 128, 16 |w| + 128, clipped to 0..255; the paper
took Brox et al. 2004). With --data.videos UCF-101/ --data.flow.method dis they are measured from the videos instead. 1024
units instead of 256, a longer and more patient schedule: 50,000 steps, gradient clipped at 15. The last fused command is
the paper's best, 82.34 % with weights 1/3 and 2/3.
"""

import dataclasses

from videorec.config import Flow
from videorec.configs.lrcn_ucf101_rgb import EXPERIMENT as RGB

EXPERIMENT = dataclasses.replace(
    RGB,
    data=dataclasses.replace(RGB.data, stream="flow", flow=Flow(method="stored")),
    model=dataclasses.replace(RGB.model, units=1024),
    train=dataclasses.replace(RGB.train, epochs=126, steps=50_000, clipnorm=15.0, step_every=20_000),
)
