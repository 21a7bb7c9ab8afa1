"""Labels of every frame from few recordings: LRCN in both directions, whose MobileNetV2 is trained from its 13th block on.

    python train.py lrcn_moments --data.path segments.csv --data.videos recordings/
    python evaluate.py runs/lrcn_moments

One label at a time. Without a network connection, give the backbone's weights as a file: --model.weights FILE. `segments.csv`:
path,label,start,end[,split,group].

Where the camera does not move, change_grid takes a minute in place of several, and is wrong elsewhere: both together are
better than each.

    python evaluate.py runs/lrcn_moments --fuse runs/change_grid

The maps below block 13 of eight augmented views of each video are computed once and stored (0.6 MB a second of video); training
takes minutes for a dozen recordings on two cores. It reads whole videos in both directions and cannot stream:
--model.no-bidirectional can. A camera that looks straight down: --data.flip-vertical. Where left and right are different
classes: --data.no-flip.
"""

from videorec.config import Experiment
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.models.lrcn import LRCN

EXPERIMENT = Experiment(
    data=DenseData(single=True, frames=64, resize=(128, 160), crop=(128, 160)),
    model=LRCN(
        target="dense",
        exclusive=True,
        backbone="mobilenet_v2",
        tap="pooled",
        trainable_from="block_13_expand",
        units=64,
        bidirectional=True,
        differences=("previous",),
    ),
    train=DenseTrain(
        epochs=12,
        batch=4,
        learning_rate=3e-4,
        warmup_epochs=2.5,
        ema=0.98,
        label_smoothing=0.1,
        cache_views=8,
        monitor="last",
    ),
    evaluate=DenseEvaluate(threshold=0.1, smooth=0.0, change_cost=6.0),
)
