"""The Epochs page: start, figure, choice of a detrimental epoch, and the correction."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import app.components.job_panel
from app.jobs import JobFolder, start_job
from cache.store import Store
from tests.app.components.contents import labels, pictures, told
from tests.app.detrimental_epoch import add_detrimental_epoch

BUTTON = "Evaluate all checkpoints"
CORRECT = "Correct epoch 5 for zero, six"
OPTIONS = {"setting": "course_correction", "epoch": 4, "targets": ["zero", "six"]}


@pytest.fixture
def epochs(digits, page_of):
    """The Epochs page on a copy of the small study."""
    return page_of(digits, "epochs")


@pytest.fixture
def worsened(digits, digits_store, run_use_case) -> dict:
    """A fifth epoch that forgets two classes, judged."""
    add_detrimental_epoch(digits)
    return run_use_case("epochs", digits, digits_store)


@pytest.fixture
def asked(monkeypatch) -> list:
    """Jobs that the page asks for, none of which ends well."""
    jobs: list[tuple[str, Path, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        jobs.append((command, study, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    monkeypatch.setattr(app.components.job_panel, "start_job", start)
    return jobs


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [button for button in page.button if button.label == label]
    after = button.click().run()
    assert not after.exception
    return after


def changes(page: AppTest):
    (table,) = [frame.value for frame in page.dataframe]
    return table


def heads(page: AppTest) -> str:
    """How the columns of the table are called on the page."""
    (table,) = page.dataframe
    return table.proto.columns


def two_costs(result: dict, store: Store) -> None:
    """Lets the stored run say that epoch 3 cost something as well, less than epoch 5."""
    folder = store.run(result["run"])
    mild = {"epoch": 3, "classes": [3], "drops": [0.25], "p_values": [0.01]}
    manifest = folder.manifest()
    folder.finish({**manifest, "detrimental": [*manifest["detrimental"], mild]})


def test_before_it_was_run_the_page_offers_it_without_influence(epochs, digits_store, digits, asked):
    for run in digits_store.finished_runs():
        (run.path / "run.json").unlink()
    page = epochs()

    assert "No influence is needed" in told(page)
    assert not pictures(page)
    press(page, BUTTON)
    assert asked == [("epochs", digits / "study.toml", {})]


def test_where_no_epoch_is_detrimental_a_sentence_says_so(epochs, digits, digits_store, run_use_case):
    run_use_case("epochs", digits, digits_store)

    page = epochs()

    assert "No epoch cost a class more than noise" in told(page)
    assert "epochs_chart" in pictures(page)
    assert not [label for label in labels(page) if label.startswith("Correct")]
    assert BUTTON not in labels(page)


def test_the_figure_shows_both_splits_and_the_caption_says_how_far_to_trust_it(epochs, worsened):
    page = epochs()

    title = pictures(page)["epochs_chart"]["layout"]["title"]["text"].replace("<br>", " ")
    assert title == "Epoch 5 cost zero and six more than noise"
    assert "on its own samples of 120 validation samples" in told(page)
    assert "one training with one seed" in told(page)
    axis = page.segmented_control("epochs_split").set_value("test").run()
    assert pictures(axis)["epochs_chart"]["layout"]["yaxis"]["title"]["text"] == "accuracy on test (%)"


def test_the_table_tells_what_the_epoch_did_to_every_class(epochs, worsened):
    page = epochs()

    table = changes(page)
    assert table["class"].tolist()[:2] == ["zero", "six"]
    assert table["is_cost"].tolist() == [True] * 2 + [False] * 8
    assert table["before"].tolist()[:2] == pytest.approx([1, 11 / 12])
    assert table["after"].tolist()[:2] == [0, 0]
    assert table["change"].tolist()[:2] == pytest.approx([-100, -100 * 11 / 12])
    assert table["p_value"].tolist()[:2] == pytest.approx([0.010, 0.019], abs=0.0005)
    assert table["on_test"][1] == pytest.approx(-100 * worsened["accuracy"]["test"][3][6])
    assert "before (epoch 4)" in heads(page)
    assert {"CSV", "Parquet"} <= {element.proto.label for element in page.get("download_button")}


def test_the_list_chooses_the_epoch_and_the_address_keeps_it(epochs, worsened, digits_store):
    two_costs(worsened, digits_store)
    page = epochs()
    (choice,) = [box for box in page.selectbox if box.label == "Detrimental epoch"]
    assert choice.options == ["Epoch 5 cost zero 100.0 points, six 91.7 points", "Epoch 3 cost three 25.0 points"]
    assert choice.value == 5

    other = choice.select(3).run()

    assert "after (epoch 3)" in heads(other)
    assert "Correct epoch 3 for three" in labels(other)
    assert other.query_params["epoch"] in ("3", ["3"])


def test_the_epoch_of_the_address_is_in_view_and_one_that_is_none_is_passed_over(
    epochs, worsened, digits_store, digits
):
    two_costs(worsened, digits_store)
    address = {"study": str(digits / "study.toml")}

    assert "after (epoch 3)" in heads(epochs(epoch="3", **address))
    assert "after (epoch 5)" in heads(epochs(epoch="4", **address))
    assert "after (epoch 5)" in heads(epochs(epoch="-x", **address))


def test_the_button_corrects_from_the_checkpoint_before_for_the_classes_that_lost(epochs, worsened, digits, asked):
    after = press(epochs(), CORRECT)

    assert asked == [("reweight", digits / "study.toml", OPTIONS)]
    assert {"Go on", "Try again"} & set(labels(after))


def test_a_correction_on_a_cluster_is_found_again(epochs, worsened, digits, asked, monkeypatch):
    monkeypatch.setenv("PARETOSCOPE_RAY", "10.0.0.1:6379")
    page = epochs()
    assert page.segmented_control("work_place_correction").value is False

    page = press(page.segmented_control("work_place_correction").set_value(True).run(), CORRECT)

    assert asked == [("reweight", digits / "study.toml", {**OPTIONS, "ray": "10.0.0.1:6379"})]
    # Its worker ended at once, so the page offers to try it again.
    assert "Try again" in labels(page)


def test_a_reweighting_of_something_else_is_not_followed_here(epochs, worsened, digits, digits_store):
    other = {"setting": "direct_improvement", "targets": ["one"]}
    job = start_job(digits_store, "reweight", digits, other, worker_argv=("false",))

    page = epochs(job=job.id, study=str(digits / "study.toml"))

    assert not {"Go on", "Try again"} & set(labels(page))
    assert CORRECT in labels(page)


def test_what_a_correction_gave_is_shown(epochs, worsened, digits, digits_store, run_use_case):
    result = run_use_case("reweight", digits, digits_store, **OPTIONS)

    page = epochs()

    assert result["sentence"] in told(page)
    assert "Epoch 5 corrected" in [header.value for header in page.header]
    assert CORRECT not in labels(page)
    assert {"epochs_chart", "correction"} == set(pictures(page))
    downloads = {element.proto.label for element in page.get("download_button")}
    assert downloads >= {"Download the weights", "Download the improved checkpoint"}
    commands = [code.value for code in page.code]
    assert f"reweight {digits / 'study.toml'} --setting course_correction --epoch 4 --targets zero,six" in " ".join(
        commands
    )


def test_checkpoints_that_changed_are_evaluated_anew(epochs, worsened, digits):
    (digits / "checkpoints" / "epoch-005.safetensors").unlink()

    page = epochs()

    assert BUTTON in labels(page)
    assert not pictures(page)


def test_a_single_checkpoint_is_refused_in_words(epochs, digits):
    for epoch in (1, 2, 3):
        (digits / "checkpoints" / f"epoch-00{epoch}.safetensors").unlink()

    page = epochs()

    assert "two consecutive checkpoints" in page.error[0].value
    assert BUTTON not in labels(page)
