"""Frames and motion: two LRCNs on frozen MobileNetV2, one reads the frames, one the flow between them, fused 1 : 1.

    python train.py two_stream --data.path videos/
    python evaluate.py runs/two_stream

Without a network connection, give the backbones' weights as files: --model.rgb.weights FILE --model.flow.weights FILE.

Each stream is the preset lrcn; the flow's backbone saw only photographs, so that its features of flow pictures are coarse, and
training it too pays where there are many videos: --model.flow.trainable-from block_13_expand. Runs of one stream are a start:
--train.init runs/lrcn runs/lrcn_flow. Where motion tells the classes apart better than the scene: --model.fusion 1 2.
"""

from videorec.config import Data, Experiment, Train
from videorec.models.lrcn import LRCN
from videorec.models.two_stream import TwoStream

STREAM = LRCN(backbone="mobilenet_v2", tap="pooled", units=64, bidirectional=True, differences=("previous", "mean"))

EXPERIMENT = Experiment(
    data=Data(path="videos", stream="both", frames=16, resize=(224, 224), crop=(224, 224)),
    model=TwoStream(rgb=STREAM, flow=STREAM, fusion=(1.0, 1.0)),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, label_smoothing=0.1, cache_views=2),
)
