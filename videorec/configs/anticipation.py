"""Action anticipation: the labels of the coming seconds, from the frames seen so far.

    python train.py anticipation --data.path segments.csv --data.videos videos/
    python evaluate.py runs/anticipation

An LSTM decoder that attends to all frames seen (Luong et al. 2015). 2 s are seen, 1 s is anticipated: --data.frames,
--model.horizon and --data.fps change that. `segments.csv`: path,label,start,end[,split,group], one label at a time.
"""

from videorec.config import Experiment
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.models.seq2seq_attention import Seq2SeqAttention

EXPERIMENT = Experiment(
    data=DenseData(frames=10, single=True),
    model=Seq2SeqAttention(target="labels", horizon=5, backbone="mobilenet_v2", weights="imagenet", trainable_from="none"),
    train=DenseTrain(epochs=20, batch=16, learning_rate=1e-3, monitor="accuracy"),
    evaluate=DenseEvaluate(),
)
