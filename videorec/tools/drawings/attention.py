"""Dot-product attention from a decoder's state over all states of an encoder."""

from videorec.tools.drawings.canvas import ATTENTION, MEMORY, PLAIN, WEIGHTS, Canvas

SHARES = (0.05, 0.12, 0.48, 0.25, 0.10)


def draw() -> Canvas:
    """The drawing."""
    canvas = Canvas(700, 430, "The decoder's state is compared with every encoder state; their weighted sum helps to answer")
    for step, share in enumerate(SHARES):
        x = 30 + 82 * step
        canvas.frame(x + 8, 318, 46, step / 4)
        canvas.arrow((x + 31, 316), (x + 31, 292))
        canvas.box(x, 254, 62, 36, f"h_{{{step + 1}}}", MEMORY, 15)
        if step < len(SHARES) - 1:
            canvas.arrow((x + 62, 272), (x + 81, 272))
        canvas.arrow((x + 31, 254), (x + 31, 229), color=ATTENTION)
        canvas.circle(x + 31, 214, 14, "\u00b7", PLAIN, 24)
        canvas.arrow((x + 31, 200), (x + 31, 185), color=ATTENTION)
        canvas.bar(x + 14, 162, 34, 110 * share)
        canvas.text(x + 31, 179, f"{share:.2f}", 13)
    canvas.arrow((420, 272), (476, 272), color=MEMORY, width=2.4)
    canvas.box(478, 254, 70, 36, "s", MEMORY, 15)
    canvas.text(513, 308, "decoder: the query", 13)
    canvas.line((513, 254), (513, 234), (20, 234), color=ATTENTION, dashed=True)
    for step in range(len(SHARES)):
        canvas.arrow((30 + 82 * step + 12, 234), (30 + 82 * step + 22, 225), color=ATTENTION)
    canvas.line((44, 66), (44, 56), (420, 56))
    canvas.text(232, 46, "a = weighted sum of h_{1} ... h_{5}", 14)
    canvas.arrow((420, 56), (590, 56), (590, 112))
    canvas.arrow((548, 272), (590, 272), (590, 158))
    canvas.box(528, 114, 124, 42, "tanh W_{c} [a; s]", WEIGHTS, 14)
    canvas.arrow((652, 135), (684, 135))
    canvas.text(688, 104, "next embedding", 12, "#555555", "end")
    canvas.text(20, 388, "each dot: the score s \u00b7 h; softmax over all of them gives the bars", 13, "#555555", "start")
    canvas.legend(MEMORY, WEIGHTS, ATTENTION)
    return canvas
