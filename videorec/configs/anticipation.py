"""Action anticipation: the labels of the coming second, from the frames seen so far.

    python train.py anticipation --data.path segments.csv --data.videos videos/
    python evaluate.py runs/anticipation

An LSTM decoder that attends to all frames seen (Luong et al. 2015), over a MobileNetV2 that is trained from its 13th block on:
what comes is told by what is done, which a frozen CNN hardly sees. 3 s are seen, 1 s is anticipated: --data.frames,
--model.horizon and --data.fps change that. `segments.csv`: path,label,start,end[,split,group], one label at a time.

The maps below block 13 of eight augmented views of each video are computed once and stored (0.6 MB a second of video); training
takes minutes for a dozen recordings on two cores. A camera that looks straight down: --data.flip-vertical. Without the time or
the disk for it: --model.trainable-from none.
"""

from videorec.config import Experiment
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.models.seq2seq_attention import Seq2SeqAttention

EXPERIMENT = Experiment(
    data=DenseData(frames=16, single=True, resize=(128, 160), crop=(128, 160)),
    model=Seq2SeqAttention(
        target="labels",
        horizon=5,
        backbone="mobilenet_v2",
        weights="imagenet",
        trainable_from="block_13_expand",
        differences=("previous",),
        units=64,
        embedding=64,
        dropout=0.5,
        output_dropout=0.5,
    ),
    train=DenseTrain(
        epochs=15,
        batch=16,
        learning_rate=3e-4,
        warmup_epochs=2.5,
        ema=0.98,
        label_smoothing=0.1,
        cache_views=8,
        monitor="last",
    ),
    evaluate=DenseEvaluate(),
)
