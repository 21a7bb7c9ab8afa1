"""Pages that stand alone: tables and pictures as HTML with everything inside. What is not `Html` is text, and escaped."""

import base64
import html
from collections.abc import Sequence

import cv2
import numpy as np

from videorec.reports.html_style import STYLE
from videorec.terminal import printable, visible


class Html(str):
    """Markup that was made here, of texts that were escaped."""


def text(content) -> Html:
    """Anything as it is shown: markup stays, everything else is text."""
    return content if isinstance(content, Html) else Html(html.escape(visible(printable(str(content)))))


def tag(name: str, *content, **attributes) -> Html:
    """An element.

    Args:
        content: texts and markup.
        attributes: by name; `class_` for `class`, `_` for `-`; None leaves one out.
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(str(value))}"' for key, value in attributes.items() if value is not None
    )
    return Html(f"<{name}{words}>{''.join(map(text, content))}</{name}>")


def joined(*parts) -> Html:
    """Parts one after the other."""
    return Html("\n".join(map(text, parts)))


def table(header: Sequence, rows: Sequence[Sequence], caption: str, first_is_name: bool = True, class_: str = "") -> Html:
    """A table that scrolls by itself where it is wider than the page.

    Args:
        header: names of the columns.
        rows: cells; each is text or markup, or an element `td` or `th` already.
        caption: what it shows; above it, and its name for screen readers.
        first_is_name: the first cell of a row is its heading.
    """
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in header)))
    body = [tag("tr", *(_cell(cell, first_is_name and not n) for n, cell in enumerate(row))) for row in rows]
    inner = tag("table", head, tag("tbody", *body), class_=class_ or None, aria_label=caption)
    scroll = tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return joined(tag("p", caption, class_="caption"), scroll)


def _cell(content, is_name: bool) -> Html:
    if isinstance(content, Html) and content.startswith(("<td", "<th")):
        return content
    return tag("th", content, scope="row") if is_name else tag("td", content)


def picture(content: bytes, alt: str, caption="", kind: str = "png", class_: str = "") -> Html:
    """A picture inside the page.

    Args:
        content: the file, of type `kind`.
        alt: what it shows, for who does not see it.
        caption: below it, text or markup.
    """
    data = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    image = Html(f'<img src="{data}" alt="{text(alt)}">')
    image = tag("div", image, class_=class_) if class_ else image  # wide ones scroll, their captions do not
    return tag("figure", image, *([tag("figcaption", caption)] if caption else []))


def photo(frames: np.ndarray, alt: str, caption="", class_: str = "") -> Html:
    """A `(H, W, 3)` uint8 RGB picture of frames, as JPEG."""
    content = cv2.imencode(".jpg", np.ascontiguousarray(frames[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    return picture(content, alt, caption, "jpeg", class_)


def command(line: str) -> Html:
    """A command to be copied."""
    return tag("pre", tag("code", line))


def missing(what: str, line: str = "") -> Html:
    """What is not there, and the command that makes it."""
    return tag("div", tag("p", what), *([command(line)] if line else []), class_="missing")


def details(summary: str, *content) -> Html:
    """What is shown when it is asked for; printed always."""
    return tag("details", tag("summary", summary), *content)


def section(title: str, *content) -> Html:
    """A part of the page, which `page` lists."""
    return tag("section", tag("h2", title), *content, id=anchor(title))


def anchor(title: str) -> str:
    """The name of a section within its page."""
    return "".join(letter if letter.isalnum() else "-" for letter in title.lower())


def page(title: str, lead: Html, sections: Sequence[tuple[str, Html]]) -> bytes:
    """The file: one HTML document that needs nothing else.

    Args:
        lead: below the title.
        sections: title and content.
    """
    links = tag("nav", *(tag("a", name, href=f"#{anchor(name)}") for name, _ in sections), aria_label="Sections")
    body = tag("body", tag("header", tag("h1", title), lead, links), tag("main", *(section(*part) for part in sections)))
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    meta += '<meta name="color-scheme" content="light dark">'
    head = f"<head>{meta}{tag('title', title)}<style>{STYLE}</style></head>"
    return f'<!DOCTYPE html>\n<html lang="en">{head}{body}</html>\n'.encode()
