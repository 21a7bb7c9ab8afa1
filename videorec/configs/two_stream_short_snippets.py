"""Long videos at two rates: Beyond Short Snippets' LSTMs on half a minute of frames (1 fps) and two seconds of flow (15 fps).

    python train.py two_stream_short_snippets --data.path videos/
    python evaluate.py runs/two_stream_short_snippets

Ng et al. 2015: frames at 1 fps show what happens over minutes (--data.frames 120), flow at 15 fps shows what moves; a video
shorter than a clip repeats from its start. Flow of -40 to 40 px becomes 0 to 255, the third channel is zeros. The paper
measures flow by TV-L1 (--data.flow.method tvl1, 50 times slower than DIS here) and trains far larger networks; a test clip here
is one of five spread over the video.
"""

from videorec.config import Data, Evaluate, Experiment, Flow, Train
from videorec.models.short_snippets_lstm import ShortSnippetsLSTM
from videorec.models.two_stream import TwoStream

STREAM = ShortSnippetsLSTM(backbone="mobilenet_v2", tap="pooled", layers=2, units=128, differences=("previous",))

EXPERIMENT = Experiment(
    data=Data(
        path="videos",
        stream="both",
        frames=30,
        fps=1.0,
        flow=Flow(frames=30, fps=15.0, encoding="short_snippets"),
        sampling="dense",
        short="repeat",
        resize=(224, 224),
        crop=(224, 224),
    ),
    model=TwoStream(rgb=STREAM, flow=STREAM, fusion=(1.0, 1.0)),
    train=Train(epochs=40, batch=16, learning_rate=1e-3, step_gain="linear", label_smoothing=0.1, cache_views=2),
    evaluate=Evaluate(clips=5),
)
