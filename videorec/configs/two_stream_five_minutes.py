"""Videos of five minutes: Beyond Short Snippets' LSTMs on 300 frames (1 fps) and 20 seconds of flow (15 fps).

    python train.py two_stream_five_minutes --data.path videos/
    python evaluate.py runs/two_stream_five_minutes

Ng et al. 2015 read 300 frames at 1 fps, the first five minutes of a video, to see what happens, and flow at 15 fps to see what
moves; shorter videos repeat from their start. Here both are windows from anywhere in the video, where it is longer than they
are; a test averages over three places. A clip is 90 MB of pixels: few at a time. The rest is `two_stream_short_snippets`.
"""

import dataclasses

from videorec.config import Evaluate
from videorec.configs.two_stream_short_snippets import EXPERIMENT as SHORT

EXPERIMENT = dataclasses.replace(
    SHORT,
    data=dataclasses.replace(SHORT.data, frames=300, flow=dataclasses.replace(SHORT.data.flow, frames=300)),
    train=dataclasses.replace(SHORT.train, batch=4),
    evaluate=Evaluate(clips=3, batch=4),
)
