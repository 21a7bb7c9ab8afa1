"""Visual attention as in the released code, HMDB-51 (Sharma et al. 2015; 41.31 % on split 1).

    python train.py visual_attention_hmdb51 --data.path hmdb51_lists/ --data.videos hmdb51/
    python evaluate.py runs/visual_attention_hmdb51

As `visual_attention_ucf11`, with 1024 units and an additive score of three layers (15,792,180 parameters in the head). All
3,570 training videos of the split are trained on, and the last model is kept.

Not as in the released code: it goes on from an earlier model with SGD at 1e-5; here Adam starts anew.
"""

import dataclasses

from videorec.configs.visual_attention_ucf11 import EXPERIMENT as UCF11

EXPERIMENT = dataclasses.replace(
    UCF11,
    data=dataclasses.replace(UCF11.data, path="hmdb51_lists", val=0.0),
    model=dataclasses.replace(UCF11.model, units=1024, attention_layers=3),
    train=dataclasses.replace(UCF11.train, monitor="last"),
)
