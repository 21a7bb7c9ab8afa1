"""A cell with peepholes: i and f see the old state, o the new one."""

from videorec.tools.drawings.canvas import ATTENTION, MEMORY, PLAIN, WEIGHTS, Canvas

PEEPHOLE = ATTENTION


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(
        700, 400, "An LSTM cell: the input and forget gates see the old cell state, the output gate sees the new one"
    )
    cell = 90
    canvas.text(28, cell + 5, "c_{t-1}", 16)
    canvas.line((54, cell), (150, cell), color=MEMORY, width=3)
    canvas.arrow((150, cell), (184, cell), color=MEMORY, width=3)
    canvas.circle(200, cell, 15, "\u00d7", PLAIN)
    canvas.arrow((216, cell), (364, cell), color=MEMORY, width=3)
    canvas.circle(380, cell, 15, "+", PLAIN)
    canvas.arrow((396, cell), (648, cell), color=MEMORY, width=3)
    canvas.text(672, cell + 5, "c_{t}", 16)
    for x, name in ((168, "f_{t}"), (268, "i_{t}"), (348, "tanh"), (488, "o_{t}")):
        canvas.box(x, 226, 64, 36, name, WEIGHTS, 15)
        canvas.arrow((x + 32, 318), (x + 32, 264))
    canvas.arrow((200, 226), (200, 107))  # forget
    canvas.circle(380, 165, 15, "\u00d7", PLAIN)
    canvas.arrow((380, 226), (380, 182))
    canvas.arrow((380, 150), (380, 107))
    canvas.arrow((300, 226), (300, 165), (363, 165))
    canvas.circle(580, 200, 15, "\u00d7", PLAIN)
    canvas.box(550, 118, 60, 30, "tanh", PLAIN, 13)
    canvas.arrow((580, cell), (580, 116))
    canvas.arrow((580, 148), (580, 183))
    canvas.arrow((520, 226), (520, 200), (563, 200))
    canvas.arrow((596, 200), (648, 200))
    canvas.text(672, 205, "h_{t}", 16)
    canvas.line((84, 318), (520, 318))
    canvas.text(48, 323, "x_{t}, h_{t-1}", 15)
    _peepholes(canvas, cell)
    return canvas


def _peepholes(canvas: Canvas, cell: int) -> None:
    """From the cell state's line at height `cell` to the gates, and what the lines mean."""
    old = 120  # where the old state is seen
    canvas.arrow((old, cell), (old, 290), (184, 290), (184, 264), color=PEEPHOLE, width=2.4, dashed=True)
    canvas.arrow((184, 290), (284, 290), (284, 264), color=PEEPHOLE, width=2.4, dashed=True)
    canvas.arrow((450, cell), (450, 290), (504, 290), (504, 264), color=PEEPHOLE, width=2.4, dashed=True)
    canvas.text(110, 150, "w_{ci}, w_{cf}", 14, PEEPHOLE, "end")
    canvas.text(442, 210, "w_{co}", 14, PEEPHOLE, "end")
    canvas.line((20, 372), (52, 372), color=PEEPHOLE, width=2.4, dashed=True)
    canvas.text(60, 377, "peepholes: one weight a unit", 13, "#555555", "start")
    canvas.line((270, 372), (302, 372), color=MEMORY, width=3)
    canvas.text(310, 377, "the cell state: no matrix on its way", 13, "#555555", "start")
