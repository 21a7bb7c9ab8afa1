"""The five places where Beyond Short Snippets pools over time."""

from videorec.tools.drawings.canvas import INK, PLAIN, WEIGHTS, Canvas

MAX = "max over all"
STACKS = {
    "conv": ("CNN", MAX, "FC", "FC", "softmax"),
    "late": ("CNN", "FC", "FC", MAX, "softmax"),
    "slow": ("CNN", "max, windows", "FC", MAX, "FC", "softmax"),
    "local": ("CNN", "max, windows", "FC", "FC", "softmax"),
    "time_domain": ("CNN", "conv, time", MAX, "FC", "FC", "softmax"),
}
WIDE, MIDDLE, NARROW = 116, 76, 44
WIDTHS = {  # of the boxes, bottom to top: every frame, every window, the clip
    "conv": (WIDE, WIDE, NARROW, NARROW, NARROW),
    "late": (WIDE, WIDE, WIDE, WIDE, NARROW),
    "slow": (WIDE, WIDE, MIDDLE, MIDDLE, NARROW, NARROW),
    "local": (WIDE, WIDE, MIDDLE, MIDDLE, MIDDLE),
    "time_domain": (WIDE, WIDE, MIDDLE, NARROW, NARROW, NARROW),
}


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(700, 430, "Five networks that take the maximum over time in five different places")
    for column, (name, parts) in enumerate(STACKS.items()):
        middle = 76 + 137 * column
        for number in range(4):
            canvas.frame(middle - 58 + 30 * number, 338, 26, number / 3)
        y = 300
        for part, width in zip(parts, WIDTHS[name], strict=True):
            pooled = part.startswith("max")
            canvas.arrow((middle, y + 36), (middle, y + 29))
            wide = max(width, 62) if not pooled else WIDE
            canvas.box(middle - wide / 2, y, wide, 27, part, PLAIN if pooled else WEIGHTS, 13)
            y -= 47
        canvas.text(middle, 28, name, 15, INK, bold=True)
    canvas.legend(WEIGHTS, PLAIN)
    canvas.text(680, 415, "wide: every frame; narrower: every window, or once a clip", 12, "#555555", "end")
    return canvas
