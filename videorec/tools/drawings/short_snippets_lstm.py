"""Beyond Short Snippets' deep LSTM: five layers, an answer at every frame, later answers count more."""

from videorec.tools.drawings.canvas import MEMORY, PLAIN, WEIGHTS, Canvas

LAYERS, STEPS = 5, 5


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(700, 470, "Five stacked LSTM layers over the frames; the answers of later frames have larger weights")
    for step in range(STEPS):
        x = 60 + 100 * step
        canvas.frame(x + 8, 362, 50, step / (STEPS - 1))
        canvas.arrow((x + 33, 360), (x + 33, 346))
        canvas.box(x, 316, 66, 28, "CNN", WEIGHTS, 13)
        for layer in range(LAYERS):
            y = 276 - 36 * layer
            canvas.arrow((x + 33, y + (40 if layer == 0 else 36)), (x + 33, y + 27))
            canvas.box(x, y, 66, 25, f"LSTM {layer + 1}", MEMORY, 12)
            if step < STEPS - 1:
                canvas.arrow((x + 66, y + 12), (x + 99, y + 12))
        canvas.arrow((x + 33, 132), (x + 33, 117))
        canvas.box(x, 87, 66, 28, "softmax", WEIGHTS, 13)
        canvas.arrow((x + 33, 87), (x + 33, 72))
        gain = step / (STEPS - 1)
        canvas.bar(x + 21, 68, 24, max(30 * gain, 1), PLAIN)
        canvas.text(x + 33, 30, f"g = {gain:.2f}", 12)
    canvas.line((540, 68), (586, 68), dashed=True)
    canvas.box(588, 50, 96, 36, "weighted sum", PLAIN, 13)
    canvas.arrow((636, 86), (636, 116))
    canvas.text(636, 134, "class of the clip", 13)
    canvas.legend(MEMORY, WEIGHTS, PLAIN)
    return canvas
