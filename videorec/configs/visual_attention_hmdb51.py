"""Visual attention as in the released code, HMDB-51 (Sharma et al. 2015; 41.31 % on split 1).

    python train.py visual_attention_hmdb51 --data.path hmdb51_lists/ --data.videos hmdb51/
    python evaluate.py runs/visual_attention_hmdb51

As `visual_attention_ucf11`, with 1024 units and an additive score of three layers (15,792,180 parameters in the head).

Not as in the released code: it goes on from an earlier model with SGD at 1e-5; here Adam starts anew.
"""

import dataclasses

from videorec.configs.visual_attention_ucf11 import EXPERIMENT as UCF11

EXPERIMENT = dataclasses.replace(
    UCF11,
    data=dataclasses.replace(UCF11.data, path="hmdb51_lists"),
    model=dataclasses.replace(UCF11.model, units=1024, attention_layers=3),
)
