import pytest

from app.figures import wording


@pytest.mark.parametrize(
    ("value", "written"),
    [(3.14, "+3.1%"), (-0.94, "−0.9%"), (0.04, "0.0%"), (-0.04, "0.0%"), (float("nan"), "not known")],
)
def test_a_change_carries_its_sign_and_unit(value: float, written: str) -> None:
    assert wording.signed(value) == written


def test_a_share_is_written_as_per_cent() -> None:
    assert wording.per_cent(0.5104) == "51.0%"


def test_long_names_are_cut_with_an_ellipsis_and_markup_is_escaped() -> None:
    assert wording.label("a" * 40) == "a" * 23 + "…"
    assert wording.label("automobile") == "automobile"
    assert wording.label("<b>R&D</b>") == "&lt;b&gt;R&amp;D&lt;/b&gt;"


@pytest.mark.parametrize(
    ("names", "written"),
    [(["cat"], "cat"), (["cat", "dog"], "cat and dog"), (list("abcde"), "a, b, c and 2 more")],
)
def test_names_are_listed_as_one_says_them(names: list[str], written: str) -> None:
    assert wording.listed(names) == written


def test_counts_agree_with_their_noun() -> None:
    assert wording.counted(1, "sample", "samples") == "1 sample"
    assert wording.counted(12345, "sample", "samples") == "12,345 samples"


@pytest.mark.parametrize(
    ("size", "written"), [(0, "1 kB"), (340_400, "340 kB"), (4_926_000, "4.9 MB"), (1_234_000_000, "1.2 GB")]
)
def test_sizes_are_told_as_a_reader_says_them(size: int, written: str) -> None:
    assert wording.size_in_words(size) == written
