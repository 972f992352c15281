from typing import Any

import pytest

from app.components import view_state

NAMES = ("cat", "dog", "ship")


class Address(dict):
    """The query of a page's address, as Streamlit gives it; counts how often it is written."""

    written = 0

    def from_dict(self, values: dict[str, str]) -> None:
        self.clear()
        self.update(values)
        self.written += 1


class Page:
    """A browser's tab: its session and its address."""

    def __init__(self, **query: str) -> None:
        self.session_state: dict[str, Any] = {}
        self.query_params = Address(query)


@pytest.fixture
def page(monkeypatch) -> Page:
    """A page that was opened without a query."""
    opened = Page()
    monkeypatch.setattr(view_state, "st", opened)
    view_state.read_url()
    return opened


def test_a_link_opens_what_its_sender_saw(monkeypatch):
    sender, receiver = Page(), Page()
    monkeypatch.setattr(view_state, "st", sender)
    view_state.read_url()
    view_state.put(study="/studies/a b.toml", a="cat", may_lose="5")
    view_state.set_targets([2, 0], NAMES)
    view_state.write_url()
    receiver.query_params.update(sender.query_params)

    monkeypatch.setattr(view_state, "st", receiver)
    view_state.read_url()

    assert view_state.get("study") == "/studies/a b.toml"
    assert view_state.class_index("a", NAMES) == 0
    assert view_state.targets(NAMES) == (0, 2)
    assert view_state.get("may_lose") == "5"


def test_the_address_is_read_once_and_then_the_session_is_the_truth(page):
    view_state.put(study="mine")
    page.query_params["study"] = "other"

    view_state.read_url()

    assert view_state.get("study") == "mine"


def test_what_the_address_should_not_hold_is_passed_over(monkeypatch):
    opened = Page(study="mine", evil="1")
    monkeypatch.setattr(view_state, "st", opened)

    view_state.read_url()

    assert opened.session_state == {"view": {"study": "mine"}}


def test_the_address_is_written_only_where_it_differs(page):
    view_state.put(study="mine", a="cat", b="")
    view_state.write_url()
    view_state.write_url()

    assert page.query_params == {"study": "mine", "a": "cat"}
    assert page.query_params.written == 1


def test_an_address_that_a_change_of_pages_cleared_is_written_again(page):
    view_state.put(study="mine")
    view_state.write_url()
    page.query_params.clear()

    view_state.write_url()

    assert page.query_params == {"study": "mine"}


def test_nothing_removes_a_value_even_one_that_was_never_there(page):
    view_state.put(a="cat")
    view_state.put(a=None, b=None)

    assert view_state.get("a") is None
    assert page.session_state["view"] == {}


def test_another_study_lets_go_of_what_was_chosen_of_the_last_ones_classes(page):
    view_state.put(study="one", a="cat", b="dog", targets="cat", judged="cat", may_lose="5", epoch="3", job="j")

    view_state.choose_study("one")
    assert view_state.get("a") == "cat"
    view_state.choose_study("two")

    assert page.session_state["view"] == {"study": "two"}


def test_a_class_that_the_study_lacks_is_no_class(page):
    view_state.put(a="cow", targets="ship|cow|cat")

    assert view_state.class_index("a", NAMES) is None
    assert view_state.class_index("b", NAMES) is None
    assert view_state.targets(NAMES) == (0, 2)


def test_targets_are_told_in_class_order(page):
    view_state.set_targets([2, 0], NAMES)

    assert view_state.get("targets") == "cat|ship"


def test_a_class_is_toggled_in_and_out(page):
    view_state.toggle_target(1, NAMES)
    view_state.toggle_target(0, NAMES)
    assert view_state.targets(NAMES) == (0, 1)
    view_state.toggle_target(1, NAMES)

    assert view_state.targets(NAMES) == (0,)


def test_targets_are_suggested_only_to_who_never_chose_any(page):
    view_state.suggest_targets([1], NAMES)
    assert view_state.targets(NAMES) == (1,)
    view_state.suggest_targets([2], NAMES)
    assert view_state.targets(NAMES) == (1,)
    view_state.toggle_target(1, NAMES)
    view_state.suggest_targets([2], NAMES)

    assert view_state.targets(NAMES) == ()


def test_some_judged_classes_are_held_and_all_or_none_are_all(page):
    assert view_state.judged(NAMES) is None
    view_state.set_judged([2, 0], NAMES)
    assert (view_state.get("judged"), view_state.judged(NAMES)) == ("cat|ship", (0, 2))
    view_state.set_judged([0, 1, 2], NAMES)
    assert view_state.judged(NAMES) is None
    view_state.set_judged([], NAMES)
    view_state.write_url()
    assert (view_state.judged(NAMES), page.query_params) == (None, {})


def test_targets_and_judged_classes_are_two_choices(page):
    view_state.set_targets([0], NAMES)
    view_state.set_judged([1], NAMES)
    view_state.write_url()

    assert (view_state.targets(NAMES), view_state.judged(NAMES)) == ((0,), (1,))
    assert page.query_params == {"targets": "cat", "judged": "dog"}


def test_a_class_whose_name_is_a_part_of_a_targets_name_is_no_target(page):
    view_state.set_targets([1], ("cat", "cat fish"))

    assert view_state.targets(("cat", "cat fish")) == (1,)


def test_class_names_may_hold_what_parts_the_list(page):
    names = ("yes|sir", "100%", "%7C")
    for chosen in ((0,), (1, 2), (0, 1, 2)):
        view_state.set_targets(chosen, names)
        assert view_state.targets(names) == chosen


def test_the_way_back_in_the_browser_s_history_leads_to_what_was_looked_at(page, monkeypatch):
    view_state.put(study="mine", a="cat", may_lose="9")
    page.query_params.clear()
    page.query_params.update(study="mine", a="dog", evil="1")
    monkeypatch.setattr(view_state, "_is_history_navigation", lambda: True)

    view_state.read_url()

    assert page.session_state["view"] == {"study": "mine", "a": "dog"}


def test_an_address_without_a_study_in_the_history_takes_nothing_away(page, monkeypatch):
    view_state.put(study="mine", a="cat")
    page.query_params.clear()
    monkeypatch.setattr(view_state, "_is_history_navigation", lambda: True)

    view_state.read_url()

    assert page.session_state["view"] == {"study": "mine", "a": "cat"}


def test_a_link_to_another_page_carries_what_the_address_holds(page):
    view_state.put(study="mine", a="cat", b="")

    assert view_state.written() == {"study": "mine", "a": "cat"}


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("0", 0), ("50", 50), ("51", None), ("-1", None), ("x", None), ("", None)]
)
def test_a_number_outside_its_range_is_none(page, text, number):
    view_state.put(may_lose=text)

    assert view_state.number("may_lose", 0, 50) == number


def test_what_single_classes_may_lose_is_held_by_name(page):
    names = ("a=b|c", "100%", "dog")
    view_state.set_slack({2: 7, 0: 0}, names)

    assert view_state.slack(names) == {0: 0, 2: 7}
    view_state.set_slack({}, names)
    assert (view_state.slack(names), view_state.get("slack")) == ({}, None)


def test_what_a_class_that_the_study_lacks_may_lose_is_passed_over(page):
    view_state.put(slack="cow=3|dog=x|ship=4|")

    assert view_state.slack(NAMES) == {2: 4}


def test_targets_that_were_cleared_stay_so_for_whoever_opens_the_link(page):
    view_state.set_targets([1], NAMES)
    view_state.toggle_target(1, NAMES)
    view_state.write_url()
    page.session_state.clear()
    view_state.read_url()
    view_state.suggest_targets([2], NAMES)

    assert view_state.targets(NAMES) == ()


@pytest.mark.parametrize("text", ["9" * 5000, "٣", "1e3", " 1"])
def test_what_is_no_number_of_a_size_that_can_be_meant_is_passed_over(page, text):
    view_state.put(sample=text, slack=f"dog={text}")

    assert view_state.number("sample", 0, 10**9) is None
    assert view_state.slack(NAMES) == {}


def test_a_choice_that_is_not_known_is_the_usual_one(page):
    view_state.put(colour="red")

    assert view_state.choice("colour", ("grey", "blue"), "grey") == "grey"
    view_state.put(colour="blue")
    assert view_state.choice("colour", ("grey", "blue"), "grey") == "blue"


def test_the_part_of_a_page_is_kept_when_another_study_is_opened(page):
    view_state.put(study="one", part="jobs", a="cat")

    view_state.choose_study("two")

    assert page.session_state["view"] == {"study": "two", "part": "jobs"}
