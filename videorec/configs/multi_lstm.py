"""Dense labels, several at once: an LSTM that reads and predicts the last frames at every step.

    python train.py multi_lstm --data.path segments.csv --data.videos videos/
    python evaluate.py runs/multi_lstm
    python evaluate.py runs/multi_lstm --timeline videos/one.mp4

Yeung et al. 2018, "Every moment counts", with a lighter, frozen CNN. `segments.csv`: path,label,start,end[,split,group]. Its
ablations: --model.inputs single --model.outputs single (LSTM), --model.inputs window --model.outputs single (LSTM + i),
--model.outputs single (LSTM + i + a).
"""

from videorec.config import Experiment
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.models.multi_lstm import MultiLSTM

EXPERIMENT = Experiment(
    data=DenseData(),
    model=MultiLSTM(),
    train=DenseTrain(epochs=30, batch=16, learning_rate=1e-3),
    evaluate=DenseEvaluate(),
)
