"""Text of users, such as names of classes, on a page as it is: Streamlit reads Markdown in most of what it shows.

A name with a star in it would be garbled, and one that is written as a picture would make the browser fetch it.
"""

import re

_MARKS = re.compile(r"([\\`*_\[\]<>$~|#&])")
_DIRECTIVE = re.compile(r":(?!\s)")
_FIRST = re.compile(r"^(\s?)([-+=])|^(\s?\d+)([.)])")


def plain(text: object) -> str:
    """Returns text that Markdown, with what Streamlit adds to it, shows as it is; line breaks become spaces.

    Only what Streamlit looks for in the finished text stays: ``:streamlit:``, its sign, and arrows such as ``->``.
    """
    marked = _MARKS.sub(r"\\\1", re.sub(r"\s+", " ", str(text)))
    # A backslash alone would leave ``:material/`` an icon. A colon before a space begins nothing and stays readable.
    marked = _DIRECTIVE.sub("&#58;", marked)
    # At its start a text could begin a list.
    return _FIRST.sub(r"\1\3\\\2\4", marked)


def plain_code(text: object) -> str:
    """Returns text as code inside a line of Markdown, such as a path, whatever it holds."""
    line = re.sub(r"\s+", " ", str(text))
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    room = " " if "`" in line else ""
    return f"{fence}{room}{line}{room}{fence}"
