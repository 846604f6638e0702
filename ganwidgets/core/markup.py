"""Names of anybody's as text in HTML and SVG: nothing in them is ever markup."""

import html
import re

# what XML does not allow at all, and marks that turn the direction of the text that follows
HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def escaped(text: object, *, most: int | None = None) -> str:
    """A text for the inside of an element or of a quoted attribute, cut after `most` characters; what cannot stand there is shown
    as the sign for that, U+FFFD."""
    shown = HIDDEN.sub("\ufffd", str(text))
    if most is not None and len(shown) > most:
        shown = shown[:most - 1] + "\u2026"
    return html.escape(shown, quote=True)
