"""GRU-RCN: a ConvGRU on the maps of each depth of the CNN."""

from videorec.tools.drawings.canvas import MEMORY, PLAIN, WEIGHTS, Canvas

LEVELS = (
    ("pool2", "56 x 56", 64, 64),
    ("pool3", "28 x 28", 52, 128),
    ("pool4", "14 x 14", 42, 256),
    ("pool5", "7 x 7", 32, 256),
    ("fc7", "1 x 1", 20, 512),
)
DEPTHS = ((0.15, 0.4, 0.7, 0.2), (0.5, 0.9, 0.35, 0.1), (0.3, 0.6, 0.8, 0.45), (0.1, 0.25, 0.5, 0.3))


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(700, 470, "Five percepts of a CNN, each read by a ConvGRU of its own; the five softmaxes are averaged")
    canvas.frame(18, 180, 60, 0.5, "frame t")
    canvas.arrow((80, 210), (104, 210))
    canvas.box(106, 40, 60, 370, "VGG-16", WEIGHTS)
    for row, (name, size, side, channels) in enumerate(LEVELS):
        middle = 390 - 82 * row
        canvas.arrow((166, middle), (194, middle))
        cells = DEPTHS if side > 24 else ((0.6,),)
        canvas.grid(232 - side / 2, middle - side / 2, side, cells)
        canvas.text(272, middle - 4, name, 13, anchor="start")
        canvas.text(272, middle + 12, size, 12, "#555555", "start")
        canvas.arrow((322, middle), (348, middle))
        canvas.box(350, middle - 22, 96, 44, f"{'ConvGRU' if side > 24 else 'GRU'} {channels}", MEMORY, 13)
        canvas.line((446, middle - 8), (460, middle - 8), (460, middle - 32), (398, middle - 32), color=MEMORY)
        canvas.arrow((398, middle - 32), (398, middle - 23), color=MEMORY)
        if row < len(LEVELS) - 1:
            canvas.arrow((370, middle - 22), (370, middle - 58), dashed=True)
        canvas.arrow((446, middle + 6), (484, middle + 6))
        canvas.box(486, middle - 15, 88, 42, "mean over\nplaces", PLAIN, 12)
        canvas.arrow((574, middle + 6), (592, middle + 6))
        canvas.box(594, middle - 9, 56, 30, "softmax", WEIGHTS, 12)
        canvas.line((650, middle + 6), (666, middle + 6))
    canvas.line((666, 396), (666, 40))
    canvas.arrow((666, 60), (666, 36))
    canvas.text(650, 26, "mean: class", 13)
    canvas.legend(MEMORY, WEIGHTS, PLAIN)
    canvas.line((404, 450), (434, 450), dashed=True)
    canvas.text(442, 455, "only in the stacked form: into the gates", 12, "#555555", "start")
    return canvas
