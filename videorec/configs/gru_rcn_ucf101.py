"""GRU-RCN as in the paper, RGB frames of UCF101 (Ballas et al. 2016; 80.7 %, bidirectional, against 78.0 % of VGG-16 alone).

    python train.py gru_rcn_ucf101 --data.path ucf101_lists/ --data.videos UCF-101/ --model.weights vgg16_ucf101.keras
    python evaluate.py runs/gru_rcn_ucf101

Percepts pool2, pool3, pool4, pool5 and fc7 of a VGG-16 that was finetuned on single frames of UCF101 (give its weights; without
them those of ImageNet are taken) and stays as it is; 10 consecutive frames, batches of 64, random crops down to 168 of 256.
--model.form plain and stacked are the paper's other two.

The paper's text leaves some settings open; chosen here: Adam's learning rate 1e-4 and 30 epochs over the whole list, the last
of which is kept; 25 clips and 10 crops a test video.
"""

from videorec.config import Data, Evaluate, Experiment, Train
from videorec.models.gru_rcn import GRURCN

EXPERIMENT = Experiment(
    data=Data(
        path="ucf101_lists",
        val=0.0,
        frames=10,
        sampling="dense",
        resize=(256, 256),
        crop=(224, 224),
        crop_scale=(0.43, 1.0),  # (168 / 256) squared
        color=0.0,
    ),
    model=GRURCN(backbone="vgg16", tap="fc", form="bidirectional", filters=(64, 128, 256, 256, 512), dropout=0.7),
    train=Train(
        epochs=30,
        batch=64,
        learning_rate=1e-4,
        weight_decay=0.0,
        clipnorm=None,
        schedule="constant",
        cache=False,
        monitor="last",
    ),
    evaluate=Evaluate(clips=25, crops=10),
)
