"""Visual attention as in the released code, UCF-11 (Sharma et al. 2015; 84.96 %).

    python train.py visual_attention_ucf11 --data.path UCF11/ --data.group '(v_\\w+_\\d+)_'
    python evaluate.py runs/visual_attention_ucf11

Blocks of 30 frames, one LSTM of 512, additive score, no coverage penalty, Adam, 15 epochs of batches of 128; a video's blocks
are averaged. The paper's form: --model.score location --model.layers 3.

Not as in the paper: GoogLeNet's maps (7 x 7 x 1024) are replaced by those of MobileNet, of the same shape (with Caffe's
release: --model.backbone googlenet --model.weights FILE, docs/models.md); the authors' code has the learning rate fixed at 2e-4
with unusual decay rates of Adam. The split of UCF-11 is not standardised: --data.group keeps the clips of one scene together.
"""

from videorec.config import Data, Evaluate, Experiment, Train
from videorec.models.visual_attention import VisualAttention

EXPERIMENT = Experiment(
    data=Data(
        path="UCF11",
        frames=30,
        sampling="dense",
        hop=30,
        resize=(224, 224),
        crop=(224, 224),
        augment=False,
    ),
    model=VisualAttention(backbone="mobilenet", tap="map", units=512, layers=1, score="additive"),
    train=Train(
        epochs=15,
        batch=128,
        learning_rate=2e-4,
        weight_decay=1e-5,
        clipnorm=None,
        schedule="constant",
        step_reduction="sum",
    ),
    evaluate=Evaluate(clips=0),
)
