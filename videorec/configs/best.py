"""For a small data set of your own, the most accurate: LRCN whose MobileNetV2 is trained from its 13th block on.

    python train.py best --data.path videos/
    python evaluate.py runs/best

Without a network connection, give the backbone's weights as a file: --model.weights FILE.

The maps below block 13 of sixteen augmented views of each clip are computed once and stored (4 MB a clip); training on them
takes minutes for some hundred clips on two cores. Frames of 128 x 160 suit footage of four to three; square ones: --data.resize
160 160 --data.crop 160 160. A camera that looks straight down: --data.flip-vertical. Where left and right are different
classes: --data.no-flip. The last epoch is kept: a small validation set chooses by chance. How good it is on your data:

    python -m videorec.tools.folds best --data.path videos/manifest.csv --data.val 0
"""

from videorec.config import Data, Experiment, Train
from videorec.models.lrcn import LRCN

EXPERIMENT = Experiment(
    data=Data(path="videos", frames=16, resize=(128, 160), crop=(128, 160)),
    model=LRCN(
        backbone="mobilenet_v2",
        tap="pooled",
        trainable_from="block_13_expand",
        units=64,
        bidirectional=True,
        differences=("previous", "mean"),
    ),
    train=Train(
        epochs=25,
        batch=16,
        learning_rate=3e-4,
        warmup_epochs=2.5,
        ema=0.98,
        label_smoothing=0.1,
        cache_views=16,
        monitor="last",
    ),
)
