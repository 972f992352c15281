"""What the Studies page says of the store."""

import re


def test_the_studies_page_says_how_much_the_store_holds_and_how_to_make_room(page_of, digits, digits_store):
    page = page_of(digits, "studies")()
    size = sum(item.stat().st_size for item in digits_store.root.rglob("*") if item.is_file())
    (line,) = [caption.value for caption in page.caption if "holds" in caption.value]
    assert f"`{digits_store.root}`" in line, "its name is no Markdown"
    assert "python -m app prune" in line
    number = re.search(r" holds ([0-9,]+) kB\. ", line)
    assert number is not None
    # The cache is written to while the page is shown.
    assert abs(float(number[1].replace(",", "")) - size / 1e3) < 100
