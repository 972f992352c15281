"""The Explore page: what is picked is in the address, and shown beside plots that do not change with it."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import app.components.pair_picker
import app.components.pair_plot
import app.components.run_views
import app.components.sample_inputs
import app.components.server_state
import app.workflow.explore_view
from app.figures.ordering import MANY_CLASSES
from cache.shapes import Shape
from cache.slices import list_slices, save_slice
from engine.errors import RefusedInput
from tests.app.components.contents import labels, pictures, told

HARM_BOTH = "region:joint_negative"


@pytest.fixture
def explore(trained_digits, page_of):
    """The Explore page on the small study."""
    return page_of(trained_digits, "explore")


@pytest.fixture
def run(digits_store) -> str:
    """The key of the influence run."""
    (key,) = [run.key for run in digits_store.finished_runs() if run.manifest()["kind"] == "influence"]
    return key


def vectors() -> np.ndarray:
    cache = app.components.server_state.opened().cache
    (manifest,) = cache.runs("influence")
    return cache.vectors(manifest["key"])


def headings(page: AppTest) -> list[str]:
    return [heading.value for heading in page.subheader]


def rows_of(page: AppTest):
    (found,) = [frame.value for frame in page.dataframe if "total influence" in frame.value]
    return found


def choice(page: AppTest, label: str):
    (found,) = [widget for widget in (*page.selectbox, *page.number_input, *page.text_input) if widget.label == label]
    return found


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [button for button in page.button if button.label == label]
    after = button.click().run()
    assert not after.exception
    return after


def test_at_first_the_two_worst_classes_are_shown_and_nothing_is_picked(explore):
    page = explore()

    assert headings(page) == []
    assert {"matrix"} < set(pictures(page))
    assert "Click a point to open its sample" in told(page)
    assert not {"sample", "region", "slice"} & set(page.query_params)


def test_a_sample_is_opened_by_its_number_and_by_a_link(explore):
    page = choice(explore(a="one", b="eight"), "Open sample").set_value(17).run()

    assert page.query_params["sample"] == "17"
    assert headings(page) == ["Sample 17"]
    again = explore(sample="17")
    assert headings(again) == ["Sample 17"]
    assert [metric.label for metric in again.metric] == ["Given label", "Model says"]
    assert "sample_bars" in pictures(again)
    closed = press(again, "Close")
    assert headings(closed) == []
    assert "sample" not in closed.query_params


def test_a_neighbour_is_a_button_that_opens_it(explore):
    page = explore(sample="17")
    every = vectors().astype(float)
    cosine = every @ every[17] / (np.linalg.norm(every, axis=1) * np.linalg.norm(every[17]))
    cosine[17] = -2
    nearest = np.argsort(-cosine)[:8]

    shown = [button for button in page.button if (button.key or "").startswith("neighbour_")]
    assert [button.label for button in shown] == [str(index) for index in nearest]
    after = shown[0].click().run()
    assert headings(after) == [f"Sample {nearest[0]}"]
    assert after.query_params["sample"] == str(nearest[0])


def test_a_number_that_is_no_sample_is_passed_over(explore):
    for number in ("200", "-1", "many"):
        assert headings(explore(sample=number)) == []


def test_a_region_lists_its_samples_most_harmful_first_and_is_in_the_address(explore):
    page = choice(explore(a="one", b="eight"), "Select a region").set_value("joint_negative").run()
    every = vectors()
    harmed = np.flatnonzero((every[:, [1, 8]] < 0).all(axis=1))

    assert page.query_params["region"] == HARM_BOTH
    assert headings(page) == [f"{len(harmed)} samples in the selection"]
    frame = rows_of(page)
    expected = harmed[np.argsort(every[harmed].sum(axis=1, dtype=float))][:25]
    assert frame["sample"].tolist() == expected.tolist()
    assert frame["picture"].str.startswith("data:image/png").all()
    assert [metric.value for metric in page.metric] == [f"{len(harmed)}", "0", "0"]
    cleared = press(page, "Clear")
    assert headings(cleared) == []
    assert "region" not in cleared.query_params


def test_the_pages_of_a_selection_hold_each_sample_once(explore):
    page = explore(a="one", b="eight", region="box:-1e9,1e9,-1e9,1e9")
    seen = []
    for number in range(1, 9):
        page = choice(page, "Page").set_value(number).run()
        seen += rows_of(page)["sample"].tolist()

    assert sorted(seen) == list(range(200))
    turned = choice(page, "Sorted by").set_value("index").run()
    assert choice(turned, "Page").value == 1, "another order begins with its first page"
    assert rows_of(turned)["sample"].tolist() == list(range(25))


def test_another_selection_begins_with_its_first_page(explore):
    page = choice(explore(a="one", b="eight", region="box:-1e9,1e9,-1e9,1e9"), "Page").set_value(8).run()
    page = choice(page, "Select a region").set_value("joint_negative").run()

    assert not page.exception
    assert choice(page, "Page").value == 1


def test_a_box_is_drawn_by_its_sides_and_an_empty_side_is_open(explore):
    page = explore(a="one", b="eight")
    choice(page, "Influence on one to").set_value(0.0)
    page = press(page, "Select")
    x = vectors()[:, 1]

    assert headings(page) == [f"{np.sum(x <= 0)} samples in the selection"]
    assert page.query_params["region"].startswith("box:")


def test_a_shape_without_samples_and_one_that_is_none_are_no_fault(explore):
    assert headings(explore(a="one", b="eight", region="box:1e8,1e9,0,1")) == ["0 samples in the selection"]
    assert headings(explore(a="one", b="eight", region="circle:1,2")) == []


def test_another_pair_lets_go_of_the_shape_and_keeps_the_sample(explore):
    page = explore(a="one", b="eight", region=HARM_BOTH, sample="3")
    page = choice(page, "To the right").set_value("two").run()

    assert headings(page) == ["Sample 3"]
    assert (page.query_params["a"], page.query_params["b"]) == ("two", "eight")
    assert "region" not in page.query_params


def test_what_is_picked_changes_no_plot(explore):
    bare = pictures(explore(a="one", b="eight"))
    picked = pictures(explore(a="one", b="eight", sample="3", region=HARM_BOTH))

    assert {"matrix", "pair_1_8"} <= set(bare)
    assert {name: picked[name] for name in bare} == bare


def turned(page: AppTest, tab: str) -> AppTest:
    """The page after another tab of the selection was opened."""
    page.session_state["selection_tabs"] = tab
    return page.run()


def test_leaving_a_selection_out_is_predicted_for_every_class_with_its_caption(explore):
    page = turned(explore(a="one", b="eight", region=HARM_BOTH), "Predict without these")
    every = vectors()
    chosen = every[(every[:, [1, 8]] < 0).all(axis=1)]

    assert f"Without these {len(chosen)} samples" in told(page)
    assert "Of first order" in told(page)
    assert "gains_without" in pictures(page)


def test_a_selection_is_saved_as_a_slice_opened_by_its_link_and_deleted(explore, digits_store):
    page = turned(explore(a="one", b="eight", region=HARM_BOTH), "Save and export")
    choice(page, "Save as slice").set_value("harms both")
    page = press(page, "Save")
    saved = page.query_params["slice"]
    assert (digits_store.root / "slices" / f"{saved}.json").is_file()
    assert choice(page, "Saved slices").value == saved

    opened = explore(slice=saved)
    assert (opened.query_params["a"], opened.query_params["b"]) == ("one", "eight")
    assert opened.query_params["region"] == HARM_BOTH
    assert headings(opened) == headings(page)

    gone = press(opened, "Delete it")
    assert not (digits_store.root / "slices" / f"{saved}.json").exists()
    assert "slice" not in gone.query_params
    assert headings(gone) == headings(page), "the selection itself stays in view"


def test_a_slice_is_opened_from_the_list(explore, digits_store, run):
    one, two = (save_slice(digits_store, name, run, (2, 3), Shape.box(-1, 1, -1, 1)) for name in ("one", "two"))
    page = explore()
    assert choice(page, "Saved slices").value is None
    page = choice(page, "Saved slices").set_value(two.id).run()

    assert page.query_params["slice"] == two.id
    assert page.query_params["a"] == "two"
    assert one.id != two.id
    drawn = choice(page, "Select a region").set_value("joint_positive").run()
    assert "slice" not in drawn.query_params, "what is drawn now is not that slice"


def test_a_slice_that_is_damaged_missing_or_of_another_run_is_told_and_the_page_works(explore, digits_store, run):
    other = save_slice(digits_store, "theirs", "elsewhere", (0, 1), Shape.box(-1, 1, -1, 1))
    mine = save_slice(digits_store, "mine", run, (0, 1), Shape.box(-1, 1, -1, 1))
    (digits_store.root / "slices" / f"{mine.id}.json").write_text("{")
    for asked, words in (
        (other.id, "belongs to another run"),
        (mine.id, f"{mine.id}.json"),
        ("0" * 16, "there is no slice"),
    ):
        page = explore(slice=asked)
        assert any(words in error.value for error in page.error)
        assert "slice" not in page.query_params
        assert "matrix" in pictures(page)
        assert any(f"{mine.id}.json" in warning.value for warning in page.warning)


def test_two_names_and_a_taken_name(explore, digits_store, run):
    save_slice(digits_store, "mine", run, (0, 1), Shape.box(-1, 1, -1, 1))
    page = turned(explore(a="one", b="eight", region=HARM_BOTH), "Save and export")
    choice(page, "Save as slice").set_value("mine")
    page = press(page, "Save")

    assert any("called 'mine' already" in error.value for error in page.error)
    assert len(list_slices(digits_store, run)[0]) == 1


def test_data_that_can_no_longer_be_read_cost_the_pictures_alone(explore, monkeypatch):
    def gone(*_: object) -> None:
        raise RefusedInput("train.npz is missing", "the data of the run", "Bring it back")

    monkeypatch.setattr(app.components.sample_inputs, "_kept", gone)
    page = explore(a="one", b="eight", sample="3", region=HARM_BOTH)

    assert headings(page)[0] == "Sample 3"
    assert len(rows_of(page)) == min(25, int(headings(page)[1].split()[0]))
    assert all("train.npz is missing" in error.value for error in page.error)
    assert len(page.error) == 2


def test_a_large_run_is_drawn_as_densities_and_zoomed_into(explore, monkeypatch):
    for module in (app.components.pair_plot, app.components.run_views):
        monkeypatch.setattr(module, "SELECTABLE", 20)
    monkeypatch.setattr(app.workflow.explore_view, "SELECTABLE", 20)
    monkeypatch.setattr(app.workflow.explore_view, "SAMPLED_UP_TO", 100)
    page = explore(a="one", b="eight", region="box:-0.5,0.5,-0.5,0.5")
    whole = {name for name in pictures(page) if name.startswith("pair_")}
    assert pictures(page)[whole.pop()]["data"][0]["type"] == "heatmap"
    assert "Every one of" in told(page)

    zoomed = press(page, "Zoom to selection")
    (key,) = [name for name in pictures(zoomed) if name.startswith("pair_")]
    assert "zoomed" in key
    assert pictures(zoomed)[key]["layout"]["title"]["subtitle"]["text"].startswith("Zoomed in")
    back = press(zoomed, "Whole view")
    assert {name for name in pictures(back) if name.startswith("pair_")} == {"pair_1_8"}


def test_of_few_classes_there_is_no_list_of_pairs_and_no_zoom_where_all_is_drawn(explore):
    page = explore()

    assert not [frame for frame in page.dataframe if "and class" in frame.value]
    assert "Zoom to selection" not in labels(page)


def test_of_many_classes_the_first_pairs_are_listed(explore, monkeypatch):
    monkeypatch.setattr(app.components.pair_picker, "MANY_CLASSES", 5)
    assert MANY_CLASSES == 30
    page = explore()
    (listed,) = [frame.value for frame in page.dataframe if "and class" in frame.value]

    assert len(listed) == 20
    assert (np.diff(listed["value"]) >= 0).all()
