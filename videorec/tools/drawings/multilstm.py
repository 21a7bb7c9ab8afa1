"""MultiLSTM: a step reads the last frames by attention, and speaks about all of them."""

from videorec.tools.drawings.canvas import ATTENTION, MEMORY, PLAIN, WEIGHTS, Canvas

SHARES = (0.15, 0.3, 0.55)


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(
        700, 480, "Each step attends to the last three frames, and predicts their labels; predictions of a frame are averaged"
    )
    for step in range(6):
        x = 36 + 100 * step
        canvas.frame(x, 380, 52, step / 5)
        canvas.arrow((x + 26, 378), (x + 26, 360))
        canvas.box(x - 2, 330, 56, 28, "CNN", WEIGHTS, 13)
        canvas.circle(x + 26, 274, 13, "+", ATTENTION)
        canvas.arrow((x + 26, 261), (x + 26, 240))
        canvas.box(x - 6, 204, 64, 34, "LSTM", MEMORY, 13)
        if step < 5:
            canvas.arrow((x + 58, 221), (x + 93, 221))
        for back in range(min(2, step), -1, -1):
            start = x + 26 - 100 * back
            canvas.arrow((start, 330), (x + 26 - 5 * back, 288), color=ATTENTION, width=0.8 + 5 * SHARES[2 - back])
        for row in range(3):  # what step i says about frame i - row
            if row > step:
                continue
            shade = WEIGHTS if step - row == 2 else PLAIN
            canvas.box(x - 6, 158 - 30 * row, 64, 22, f"frame {step - row + 1}", shade, 12)
        canvas.arrow((x + 26, 204), (x + 26, 181))
    for step in (0, 1):  # from one prediction about frame 3 to the next
        x, y = 294 + 100 * step, 165 - 30 * step
        canvas.line((x, y), (x + 36, y - 22), color=WEIGHTS, dashed=True)
    canvas.arrow((462, 98), (462, 66), color=WEIGHTS)
    canvas.text(462, 38, "labels of frame 3: sigmoid of the mean of the three blue predictions,", 13)
    canvas.text(462, 56, "complete two steps after the frame", 13)
    canvas.legend(MEMORY, WEIGHTS, ATTENTION)
    return canvas
