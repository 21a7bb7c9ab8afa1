"""LRCN as in the paper, RGB frames of UCF101 (Donahue et al. 2015; 71.12 % on split 1, CVPR text; 68.2 % over 3 splits).

    python train.py lrcn_ucf101_rgb --data.path ucf101_lists/ --data.videos UCF-101/ --model.weights single_frame.keras
    python evaluate.py runs/lrcn_ucf101_rgb

`ucf101_lists/` holds classInd.txt, trainlist01.txt and testlist01.txt. The paper starts from its network trained on ImageNet
and then on single frames of UCF101: give such weights (a run's model.keras will do). Frames of 240 x 320, random 227 x 227
crops, 16 consecutive frames; 30,000 steps of 24 clips, over the whole list without a validation part; the last model is kept
and tested on a clip every 8 frames, ten crops. The classifier learns at ten times the rate, as in the authors' network; not as
there, biases have the rate of their layer's kernel, not twice that.
"""

from videorec.config import Data, Evaluate, Experiment, Train
from videorec.models.lrcn import LRCN

EXPERIMENT = Experiment(
    data=Data(
        path="ucf101_lists",
        val=0.0,
        frames=16,
        sampling="dense",
        hop=8,
        resize=(240, 320),
        crop=(227, 227),
        crop_scale=(1.0, 1.0),
        color=0.0,
    ),
    model=LRCN(
        backbone="caffenet_hybrid",
        tap="fc",
        weights=None,
        trainable_from="all",
        units=256,
        dropout=0.9,
        output_dropout=0.5,
        uniform_init=0.01,
    ),
    train=Train(
        epochs=76,  # the steps end the last: an epoch of the three official lists has 398, 400 or 401
        steps=30_000,
        batch=24,
        optimizer="sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=0.005,
        clipnorm=5.0,
        schedule="step",
        step_every=10_000,
        last_rate=10.0,
        step_reduction="sum",
        monitor="last",
    ),
    evaluate=Evaluate(clips=0, crops=10),
)
