"""What the drawings are made of: boxes, arrows, maps, frames and text, as SVG on a white ground, which dark pages show too.
Lengths in px; y goes down."""

import html
import math
import re

from videorec.reports import palette

MEMORY, WEIGHTS, ATTENTION, PLAIN = palette.ORANGE, palette.BLUE, palette.GREEN, palette.GREY
"""Keeps a state from frame to frame; has weights; chooses where to look; has no weights."""

INK, FONT = "#222222", "Helvetica, Arial, 'Liberation Sans', sans-serif"
LEGEND = {MEMORY: "keeps a state", WEIGHTS: "weights, no memory", ATTENTION: "attention", PLAIN: "no weights"}


def tint(color: str, share: float = 0.22) -> str:
    """A colour thinned with white: `share` of it is left."""
    return "#" + "".join(f"{round(255 - share * (255 - value)):02x}" for value in palette.rgb(color))


class Canvas:
    """A drawing of a given size.

    Args:
        width, height: of the drawing. Pages show it 700 px wide.
        title: what it shows, for those who do not see it.
    """

    def __init__(self, width: int, height: int, title: str):
        self.width, self.height, self.title = width, height, title
        self._parts: list[str] = []

    # === Marks ===

    def text(self, x, y, text, size=14, color=INK, anchor="middle", bold=False):
        """Text at its baseline; `a_{b}` and `a^{b}` are set lower and higher."""
        weight = ' font-weight="bold"' if bold else ""
        self._add(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{color}" text-anchor="{anchor}"{weight}>{_spans(text)}</text>'
        )

    def box(self, x, y, width, height, text="", color=PLAIN, size=14, dashed=False):
        """A box from its left upper corner, with lines of text in its middle."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        shape = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"'
        self._add(f'{shape} fill="{tint(color)}" stroke="{color}" stroke-width="2"{dash}/>')
        lines = text.split("\n") if text else []
        for number, line in enumerate(lines):
            middle = y + height / 2 + (number - (len(lines) - 1) / 2) * size * 1.2
            self.text(x + width / 2, middle + size * 0.35, line, size)

    def circle(self, x, y, radius, text="", color=PLAIN, size=15):
        """A circle around its middle: an operation of two or three inputs."""
        self._add(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{tint(color)}" stroke="{color}" stroke-width="2"/>')
        if text:
            self.text(x, y + size * 0.35, text, size)

    def line(self, *points, color=INK, width=1.6, dashed=False):
        """A line through points."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._add(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width:g}"{dash}/>')

    def arrow(self, *points, color=INK, width=1.6, dashed=False):
        """A line through points with a head at its end."""
        (x1, y1), (x2, y2) = points[-2:]
        length = math.hypot(x2 - x1, y2 - y1)
        along, across = ((x2 - x1) / length, (y2 - y1) / length), ((y1 - y2) / length, (x2 - x1) / length)
        base = (x2 - 8 * along[0], y2 - 8 * along[1])
        wings = [(base[0] + side * 4 * across[0], base[1] + side * 4 * across[1]) for side in (1, -1)]
        self.line(*points[:-1], base, color=color, width=width, dashed=dashed)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(x2, y2), *wings])
        self._add(f'<polygon points="{path}" fill="{color}"/>')

    # === What is seen ===

    def frame(self, x, y, side, place, text=""):
        """A frame of a video: a ball that moves, at `place` (0 to 1, left to right) of an arc."""
        self._add(
            f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" fill="#ffffff" stroke="{INK}" stroke-width="1.4"/>'
        )
        ground = y + 0.84 * side
        self.line((x + 0.06 * side, ground), (x + 0.94 * side, ground), color=palette.GREY)
        ball = (x + (0.14 + 0.72 * place) * side, ground - side * (0.12 + 0.5 * math.sin(math.pi * place)))
        self._add(f'<circle cx="{ball[0]:.1f}" cy="{ball[1]:.1f}" r="{0.1 * side:.1f}" fill="{palette.VERMILION}"/>')
        if text:
            self.text(x + side / 2, y + side + 16, text, 13)

    def grid(self, x, y, side, shares, color=WEIGHTS, ink=INK):
        """A map: a square of cells, each as deep in colour as its share (0 to 1) says."""
        cell = side / len(shares)
        for row, line in enumerate(shares):
            for column, share in enumerate(line):
                place = f'x="{x + column * cell:.1f}" y="{y + row * cell:.1f}" width="{cell:.1f}" height="{cell:.1f}"'
                self._add(f'<rect {place} fill="{tint(color, share)}" stroke="#ffffff" stroke-width="0.8"/>')
        self._add(
            f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" fill="none" stroke="{ink}" stroke-width="1.4"/>'
        )

    def bar(self, x, y, width, height, color=ATTENTION):
        """A bar that stands on y."""
        place = f'x="{x:g}" y="{y - height:.1f}" width="{width:g}" height="{height:.1f}"'
        self._add(f'<rect {place} fill="{color}"/>')

    def legend(self, *colors, y=None):
        """What the colours mean, along the lower edge."""
        x, y = 20, self.height - 16 if y is None else y
        for color in colors:
            self._add(
                f'<rect x="{x}" y="{y - 11}" width="14" height="14" rx="3" '
                f'fill="{tint(color)}" stroke="{color}" stroke-width="2"/>'
            )
            self.text(x + 21, y + 1, LEGEND[color], 12, "#555555", "start")
            x += 40 + 7 * len(LEGEND[color])

    # === The file ===

    def svg(self) -> str:
        """The whole drawing."""
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
        title = html.escape(self.title)
        ground = f'<rect width="{self.width}" height="{self.height}" rx="8" fill="#ffffff"/>'
        return "\n".join(
            [f'{head} font-family="{FONT}" role="img">', f"<title>{title}</title>", ground, *self._parts, "</svg>\n"]
        )

    def _add(self, part):
        self._parts.append(part)


def _spans(text: str) -> str:
    """Text with its lower and higher parts as spans that are moved down, up, and back."""
    spans, back = [], 0
    for plain, sign, small in re.findall(r"([^_^]+|[_^](?!\{))|([_^])\{([^}]*)\}", text):
        if plain:
            shift = f' dy="{-back}"' if back else ""
            spans.append(f"<tspan{shift}>{html.escape(plain)}</tspan>")
            back = 0
        else:
            move = 4 if sign == "_" else -6
            spans.append(f'<tspan dy="{move - back}" font-size="75%">{html.escape(small)}</tspan>')
            back = move
    return "".join(spans)
