import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.components.plain import plain, plain_code

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
"""GitHub's Markdown, which Streamlit reads; what Streamlit adds to it has tests of its own."""
WRITTEN = st.text(st.sampled_from("ab1 .,:-+=#*_`~$|&;!?/\\[](){}<>\"'é"), min_size=1)


def shown(markdown: str) -> str:
    """What a reader sees of one paragraph of text and code; anything else is told by its kind."""
    (opened, inline, closed) = MARKDOWN.parse(markdown)
    assert (opened.type, inline.type, closed.type) == ("paragraph_open", "inline", "paragraph_close")
    kinds = {child.type for child in inline.children or ()}
    assert kinds <= {"text", "text_special", "code_inline"}, kinds
    return "".join(child.content for child in inline.children or ())


@pytest.mark.parametrize(
    "name",
    [
        *("![x](http://evil)", "[x](http://evil)", "<img src=http://evil>", "a*b*$c$", "`code`", "~~no~~", "_x_"),
        *(
            "# head",
            "- item",
            "1. item",
            "2) item",
            "> said",
            "---",
            "===",
            "a&amp;b",
            "C:\\data",
            "| a | b |",
            "&#42;",
        ),
    ],
)
def test_a_name_is_shown_as_it_is(name):
    assert shown(plain(name)) == name
    assert shown(plain_code(name)) == name


@given(WRITTEN.filter(lambda text: text.strip() == text))
def test_every_text_is_shown_as_it_is(text):
    seen = re.sub(r"\s+", " ", text)

    assert shown(plain(text)) == seen
    assert shown(plain_code(text)) == seen


@pytest.mark.parametrize("name", [":red[x]", ":material/home:", ":smile:", ":streamlit:", "a:b", "x:"])
def test_what_streamlit_makes_of_a_colon_is_kept_from_it(name):
    assert ":" not in plain(name)
    assert shown(plain(name)) == name


def test_formulas_have_no_sign_that_begins_one():
    assert re.sub(r"\\\$", "", plain("$a$ $$b$$")) == "a b"


def test_a_sentence_stays_readable_and_on_one_line():
    assert plain("Improvable: 3 of 10\n\n classes, by +1.0%.") == "Improvable: 3 of 10 classes, by +1.0%."
