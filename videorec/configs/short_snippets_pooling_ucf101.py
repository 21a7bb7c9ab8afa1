"""Beyond Short Snippets, conv pooling over 120 frames of UCF101 (Ng et al. 2015; 82.6 % without flow, over 3 splits).

    python train.py short_snippets_pooling_ucf101 --data.path ucf101_lists/ --data.videos UCF-101/
    python evaluate.py runs/short_snippets_pooling_ucf101

The paper goes from 1 frame to 30 to 120: train with --data.frames 1 --name one, then --data.frames 30 --name thirty
--train.init runs/one, then this with --train.init runs/thirty.

Not as in the paper: its GoogLeNet (220 x 220, first trained on Sports-1M) is replaced by its successor InceptionV3 with
ImageNet weights; with Caffe's release of it (docs/models.md): --model.backbone googlenet --model.weights FILE. A video shorter
than the clip repeats from its start, as in the paper. The whole list is trained on, and the last model kept.
"""

from videorec.config import Data, Evaluate, Experiment, Train
from videorec.models.short_snippets_pooling import ShortSnippetsPooling

DATA = Data(
    path="ucf101_lists",
    val=0.0,
    frames=120,
    sampling="dense",
    hop=120,
    short="repeat",
    resize=(256, 256),
    crop=(220, 220),
    crop_scale=(1.0, 1.0),
    color=0.0,
)
EXPERIMENT = Experiment(
    data=DATA,
    model=ShortSnippetsPooling(backbone="inception_v3", tap="map", trainable_from="all", hidden=4096),
    train=Train(
        epochs=30,
        batch=8,
        optimizer="sgd",
        learning_rate=1e-5,
        momentum=0.9,
        weight_decay=5e-4,
        clipnorm=None,
        schedule="constant",
        monitor="last",
    ),
    evaluate=Evaluate(clips=0),
)
