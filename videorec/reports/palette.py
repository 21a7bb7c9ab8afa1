"""The colours of all pictures, pages and terminals: those of Okabe and Ito (2008, "Color Universal Design"), which people with
any kind of colour blindness tell apart. What is right is blue, what is wrong vermilion; green beside red is nowhere."""

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, YELLOW, PURPLE, GREY = "#56B4E9", "#F0E442", "#CC79A7", "#999999"

RIGHT, WRONG = BLUE, VERMILION
TRAIN, VAL = ORANGE, BLUE
SERIES = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW, GREY)  # of curves and classes, in this order
ON_DARK = (SKY, ORANGE, "#2FC79A", YELLOW, "#F28C4B", PURPLE, "#6F9BFF", "#C4C4C4")  # lighter tints, for annotated videos
HEAT = "inferno"  # matplotlib's map of attention and saliency: rises in lightness
COUNTS = "Blues"  # of confusion matrices
DIFFERENCE = "PuOr"  # signed: violet below, orange above, white none


def rgb(color: str) -> tuple[int, int, int]:
    """A colour as three bytes."""
    return tuple(bytes.fromhex(color.removeprefix("#")))
