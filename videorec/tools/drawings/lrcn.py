"""LRCN: a CNN over each frame, an LSTM over time, an answer at every step, and their mean."""

from videorec.tools.drawings.canvas import MEMORY, PLAIN, WEIGHTS, Canvas

STEPS = ("1", "2", "3", "T")


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(700, 400, "LRCN: a CNN reads each frame, an LSTM reads the features, the mean of all steps answers")
    for number, step in enumerate(STEPS):
        x = 40 + 125 * number + (25 if step == "T" else 0)
        middle = x + 42
        canvas.frame(x + 8, 272, 68, number / 3, f"frame {step}")
        canvas.arrow((middle, 270), (middle, 244))
        canvas.box(x, 202, 84, 40, "CNN", WEIGHTS)
        canvas.arrow((middle, 202), (middle, 176))
        canvas.box(x, 134, 84, 40, "LSTM", MEMORY)
        canvas.arrow((middle, 134), (middle, 108))
        canvas.box(x, 66, 84, 40, "softmax", WEIGHTS)
        canvas.line((middle, 66), (middle, 40))
        canvas.text(middle + 8, 193, f"x_{{{step}}}", 13, anchor="start")
        canvas.text(middle + 8, 125, f"h_{{{step}}}", 13, anchor="start")
        canvas.text(middle + 8, 58, f"p_{{{step}}}", 13, anchor="start")
        if step == "3":
            canvas.text(x + 109, 88, "...", 18)
            canvas.text(x + 109, 222, "...", 18)
            canvas.line((x + 84, 154), (x + 100, 154))
            canvas.arrow((x + 118, 154), (x + 148, 154))
            canvas.text(x + 109, 158, "...", 18)
        elif step != "T":
            canvas.arrow((x + 84, 154), (x + 123, 154))
    canvas.arrow((82, 40), (578, 40))
    canvas.box(580, 20, 96, 40, "mean", PLAIN)
    canvas.arrow((628, 60), (628, 104))
    canvas.text(628, 122, "class of", 13)
    canvas.text(628, 138, "the clip", 13)
    canvas.text(575, 225, "one CNN,", 12, "#555555", "start")
    canvas.text(575, 240, "the same weights", 12, "#555555", "start")
    canvas.text(575, 255, "at every frame", 12, "#555555", "start")
    canvas.legend(MEMORY, WEIGHTS, PLAIN)
    return canvas
