"""Visual attention: the state before says where to look in the next frame."""

import math

from videorec.tools.drawings.canvas import ATTENTION, MEMORY, PLAIN, WEIGHTS, Canvas

TEXTURE = [[0.12 + 0.3 * (math.sin(3.1 * row + 1.7 * column) ** 2) for column in range(5)] for row in range(5)]


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(
        700, 450, "At each step the LSTM's last state weighs the places of the frame's map; their sum is its next input"
    )
    for step in range(3):
        x, middle = 40 + 220 * step, 82 + 220 * step
        canvas.frame(x + 8, 330, 66, 0.1 + 0.4 * step)
        canvas.arrow((x + 76, 363), (x + 96, 363))
        canvas.box(x + 98, 346, 46, 34, "CNN", WEIGHTS, 13)
        canvas.arrow((x + 121, 346), (x + 121, 316))
        canvas.grid(x + 90, 252, 62, TEXTURE)
        canvas.grid(x + 8, 252, 62, _heat(step), ATTENTION)
        canvas.text(x + 2, 268, f"l_{{{step + 1}}}", 14, anchor="end")
        canvas.text(x + 154, 322, f"X_{{{step + 1}}}", 14, anchor="start")
        canvas.circle(middle, 212, 14, "\u03a3", PLAIN)
        canvas.arrow((x + 39, 252), (middle - 12, 222), color=ATTENTION)
        canvas.arrow((x + 121, 252), (middle + 12, 222))
        canvas.arrow((middle, 198), (middle, 172))
        canvas.text(middle + 8, 190, f"x_{{{step + 1}}}", 13, anchor="start")
        canvas.box(middle - 40, 132, 80, 38, "LSTM", MEMORY)
        canvas.arrow((middle, 132), (middle, 106))
        canvas.box(middle - 52, 64, 104, 40, "tanh, softmax", WEIGHTS, 13)
        canvas.arrow((middle, 64), (middle, 38))
        canvas.text(middle, 30, f"class at step {step + 1}", 13)
        if step < 2:
            canvas.arrow((middle + 40, 150), (middle + 179, 150))
            canvas.arrow((middle + 125, 150), (middle + 125, 283), (x + 227, 283), color=ATTENTION, width=2.2)
            canvas.text(middle + 119, 205, "where to", 12, ATTENTION, "end")
            canvas.text(middle + 119, 220, "look next", 12, ATTENTION, "end")
    canvas.legend(MEMORY, WEIGHTS, ATTENTION, PLAIN)
    return canvas


def _heat(step):
    """Attention: even at first, then near the ball."""
    if step == 0:
        return [[0.3] * 5] * 5
    top, left = (1, 2) if step == 1 else (2.4, 3.6)
    return [
        [0.06 + 0.94 * math.exp(-0.9 * ((row - top) ** 2 + (column - left) ** 2)) for column in range(5)] for row in range(5)
    ]
