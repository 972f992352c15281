"""The samples of the run in view: read once by another process, whoever looks, and their refusals told once."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

import app.components.sample_inputs as inputs
from app.jobs.read_apart import read_apart
from engine.errors import RefusedInput

HARM_BOTH = "region:joint_negative"


@pytest.fixture
def explore(trained_digits, page_of):
    """The Explore page on the small study."""
    return page_of(trained_digits, "explore")


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """What is asked of readers."""
    asked: list[str] = []

    def counted(read: str, *arguments):
        asked.append(read)
        return read_apart(read, *arguments)

    monkeypatch.setattr(inputs, "read_apart", counted)
    return asked


def pictures(page: AppTest) -> int:
    return len(page.get("image"))


def test_samples_are_read_once_and_found_by_another_server(explore, reads, digits_store):
    page = explore(a="one", b="eight", sample="3")
    assert not page.error
    assert pictures(page) == 9, "the sample and its eight neighbours"
    (folder,) = [path for path in digits_store.shown_folder.iterdir() if path.is_dir()]

    inputs._kept.clear()
    page.run()

    assert pictures(page) == 9
    assert reads == ["samples"]
    assert (folder / "inputs.bin").is_file()


def test_what_is_damaged_is_read_again(explore, reads, digits_store):
    page = explore(a="one", b="eight", sample="3")
    (folder,) = [path for path in digits_store.shown_folder.iterdir() if path.is_dir()]
    (folder / "inputs.bin").write_bytes(b"")
    inputs._kept.clear()

    page.run()

    assert pictures(page) == 9
    assert reads == ["samples", "samples"]


def test_a_refusal_is_told_in_each_place_and_asked_for_once(explore, monkeypatch):
    asked: list[str] = []

    def refuses(read: str, *arguments):
        asked.append(read)
        raise RefusedInput("train.npz is missing", "the data of the run", "Bring it back")

    monkeypatch.setattr(inputs, "read_apart", refuses)
    page = explore(a="one", b="eight", sample="3", region=HARM_BOTH)

    assert [error.value.startswith("train.npz is missing") for error in page.error] == [True, True]
    assert asked == ["samples"]

    inputs._refused.clear()
    page.run()
    assert asked == ["samples", "samples"]


def test_samples_that_are_gone_again_are_a_refusal(explore, monkeypatch):
    monkeypatch.setattr(inputs, "read_apart", lambda *_: {})
    page = explore(a="one", b="eight", sample="3")

    (error,) = page.error
    assert "were gone again" in error.value


def test_who_comes_second_waits_and_does_not_read(explore, reads, monkeypatch):
    page = explore(a="one", b="eight", sample="3")
    (view,) = seen(monkeypatch, page)
    inputs._kept.clear()
    turn = inputs._turn(view.key)
    assert turn.acquire(timeout=1)
    found: list[int] = []
    second = threading.Thread(target=lambda: found.append(len(inputs.samples_in_view(view))))
    monkeypatch.setattr(inputs, "_kept", Late(inputs._kept, turn))

    second.start()
    second.join(1.0)
    assert second.is_alive()
    turn.release()
    second.join(60)

    assert found == [200]
    assert reads == ["samples"]


class Late:
    """Finds nothing as long as the first one reads."""

    def __init__(self, kept, turn: threading.Lock) -> None:
        self._kept, self._turn, self._asked = kept, turn, 0

    def __call__(self, *arguments):
        self._asked += 1
        if self._asked == 1:
            raise inputs._NotKept
        assert self._turn.locked(), "looked again before it was its turn"
        return self._kept(*arguments)


def seen(monkeypatch, page: AppTest) -> list:
    """Returns the view that the page looks at."""
    views: list = []
    with monkeypatch.context() as patched:
        looked = inputs._refuse_changed

        def note(view) -> None:
            views.append(view)
            looked(view)

        patched.setattr(inputs, "_refuse_changed", note)
        page.run()
    return views[:1]
