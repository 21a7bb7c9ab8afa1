"""ConvLSTM: states are maps; an encoder hands its states to a forecaster that has no input."""

from videorec.tools.drawings.canvas import MEMORY, WEIGHTS, Canvas

SHARES = [  # a spot that moves over the map
    [[max(0.06, 1 - 0.45 * (abs(row - rise) + abs(column - step))) for column in range(5)] for row in range(5)]
    for step, rise in enumerate((4, 2, 1, 2, 4))
]


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(700, 470, "An encoder of ConvLSTMs reads frames, its states start a forecaster that draws the next frames")
    canvas.text(165, 30, "encoder: reads J frames", 15, bold=True)
    canvas.text(516, 30, "forecaster: K steps, no input", 15, bold=True)
    for step in range(3):
        x = 40 + 95 * step
        canvas.frame(x + 8, 374, 56, step / 5)
        canvas.arrow((x + 36, 372), (x + 36, 352))
        _layers(canvas, x, step, last=step == 2, gap=95)
    for y, name in ((316, "1"), (226, "2")):
        canvas.arrow((302, y), (379, y), color=MEMORY, width=2.6)
        canvas.text(340, y - 9, f"h^{{{name}}}, c^{{{name}}}", 14)
    for step in range(3):
        x = 380 + 100 * step
        _layers(canvas, x, step + 2, last=step == 2, gap=100)
        canvas.line((x + 72, 294), (x + 84, 294), (x + 84, 168), (x + 36, 168))
        canvas.arrow((x + 36, 190), (x + 36, 151))
        canvas.box(x + 4, 122, 64, 28, "1 x 1", WEIGHTS, 13)
        canvas.arrow((x + 36, 122), (x + 36, 102))
        canvas.frame(x + 8, 44, 56, (step + 3) / 5)
    canvas.text(516, 378, "each frame: a 1 x 1 convolution of the", 12, "#555555")
    canvas.text(516, 394, "hidden states of all layers, side by side", 12, "#555555")
    canvas.legend(MEMORY, WEIGHTS)
    canvas.text(680, 455, "every arrow into a layer is a convolution", 12, "#555555", "end")
    return canvas


def _layers(canvas, x, step, last, gap):
    for y in (280, 190):
        canvas.box(x, y, 72, 72, "", MEMORY)
        canvas.grid(x + 14, y + 14, 44, SHARES[step], MEMORY)
        if not last:
            canvas.arrow((x + 72, y + 36), (x + gap - 1, y + 36))
    canvas.arrow((x + 36, 280), (x + 36, 264))
