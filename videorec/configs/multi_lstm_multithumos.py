"""MultiLSTM as in Yeung et al. 2018 on MultiTHUMOS: 65 classes, 10 frames a second; published per-frame mAP 29.7.

    python train.py multi_lstm_multithumos --data.path multithumos/ --data.videos videos/
    python evaluate.py runs/multi_lstm_multithumos

`multithumos/` is the unpacked archive (annotations/), or give its form as one JSON file, with --data.class-list; `videos/`
holds the 200 validation and 213 test videos of THUMOS'14, which train and test; the last model is kept. Published
beside it: LSTM 28.1, LSTM + i 28.7, LSTM + i + a 29.1. The paper trains VGG-16 on frames of the data set first; here its
ImageNet features stay as they are. Only run on generated videos of the same names: the real ones are not at hand.
"""

from videorec.config import Experiment
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.models.multi_lstm import MultiLSTM

EXPERIMENT = Experiment(
    data=DenseData(
        path="multithumos", val=0.0, fps=10.0, frames=100, resize=(256, 256), crop=(224, 224), crop_scale=(1.0, 1.0)
    ),
    model=MultiLSTM(backbone="vgg16", tap="fc"),
    train=DenseTrain(
        epochs=30,
        batch=32,
        learning_rate=1e-4,
        weight_decay=0.0,
        clipnorm=None,
        schedule="constant",
        warmup_epochs=0.0,
        monitor="last",
    ),
    evaluate=DenseEvaluate(),
)
