"""Pages on classes whose names are Markdown."""

import pytest
from streamlit.testing.v1 import AppTest

RENAMED = {"two": "![x](http://evil)", "nine": "a*b*$c$"}
"""Classes that the study file does not name."""


@pytest.fixture
def renamed(digits_store):
    for run in digits_store.finished_runs():
        file = run.path / "run.json"
        text = file.read_text()
        for old, new in RENAMED.items():
            text = text.replace(f'"{old}"', f'"{new}"').replace(f" {old} ", f" {new} ").replace(f" {old}.", f" {new}.")
        file.chmod(0o644)
        file.write_text(text)


def read_as_markdown(page: AppTest) -> str:
    """All of a page that Streamlit reads as Markdown."""
    shown = [*page.markdown, *page.caption, *page.info, *page.success, *page.warning, *page.error, *page.metric]
    widgets = [*page.button, *page.slider, *page.number_input]
    told = [getattr(element, "value", "") for element in shown]
    told += [f"{widget.label} {widget.help}" for widget in (*widgets, *page.metric)]
    return "\n".join(map(str, told))


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("ceiling", {"targets": "|".join(RENAMED.values())}),
        ("explore", {"a": RENAMED["two"], "b": RENAMED["nine"], "sample": "3", "region": "box:-100,100,-100,100"}),
        ("harmful", {"harmed": "|".join(RENAMED.values()), "bar": f"detrimental|other|{RENAMED['nine']}"}),
        ("improve", {"targets": "one", "slack": f"{RENAMED['nine']}=3"}),
    ],
)
def test_no_name_of_a_class_is_read_as_markdown(trained_digits, renamed, page_of, name, view):
    page = page_of(trained_digits, name)(**view)
    told = read_as_markdown(page)

    assert r"!\[x\](http&#58;//evil)" in told or r"a\*b\*\$c\$" in told
    assert not page.error
    for written in RENAMED.values():
        assert written not in told
