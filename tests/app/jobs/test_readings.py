import pytest

from app.jobs.readings import number, read_object, text


@pytest.mark.parametrize(
    "value", ["3", None, -1, float("nan"), float("inf"), 1e20, pytest.param(10**400, id="huge"), [1]]
)
def test_what_is_no_count_and_no_time_is_passed_over(value: object) -> None:
    assert number(value) is None
    assert number(3.5) == 3.5


def test_halves_of_letters_are_replaced() -> None:
    assert text("a\udcffb") == "a?b"
    assert text(3) == "3"


@pytest.mark.parametrize("content", ["", "{", "[1]", "[" * 100_000, "\udcff"])
def test_what_is_no_object_reads_as_an_empty_one(tmp_path, content: str) -> None:
    (tmp_path / "file.json").write_bytes(content.encode(errors="surrogateescape"))

    assert read_object(tmp_path / "file.json") == {}
    assert read_object(tmp_path / "nothing.json") == {}
