"""The Studies page: cards, runs, the form of a new study, and the jobs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import app.components.job_panel
import app.components.server_state
import app.components.study_creation
import app.components.study_form
from app.jobs import JobFolder, JobRequest, lock, start_job
from app.jobs.read_apart import ReaderStopped
from app.workflow.folder_browser import VARIABLE
from app.workflow.reads import READS
from cache.store import Store
from engine.progress import silent
from engine.study import load_study
from tests.app.components.contents import labels, pictures, told
from tests.engine.data.vision_sets import write_set
from tests.engine.text_studies import texts_of, write_transformer


@pytest.fixture
def studies(digits, page_of):
    """The Studies page on a copy of the small study and its finished runs."""
    return page_of(digits, "studies")


@pytest.fixture
def asked(monkeypatch) -> list:
    """Jobs that the page asks for, none of which ends well."""
    jobs: list[tuple[str, Path, dict]] = []

    def start(store: Store, command: str, study: Path, options: dict) -> JobFolder:
        jobs.append((command, study, options))
        return start_job(store, command, study, options, worker_argv=("false",))

    for module in (app.components.job_panel, app.components.study_creation):
        monkeypatch.setattr(module, "start_job", start)
    return jobs


@pytest.fixture
def tables(tmp_path, monkeypatch) -> Path:
    """A folder of CSV files below the only allowed root."""
    folder = tmp_path / "tables"
    folder.mkdir()
    rows = "\n".join(f"{i},{i % 3},{'cat' if i % 2 else 'dog'}" for i in range(40))
    for split in ("train", "validation"):
        (folder / f"{split}.csv").write_text(f"a,b,species\n{rows}\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return folder


def press(page: AppTest, label: str) -> AppTest:
    button = next(button for button in page.button if button.label == label)
    after = button.click().run()
    assert not after.exception
    return after


def part(page: AppTest, name: str) -> AppTest:
    after = page.button_group(key="studies_part_choice").set_value(name).run()
    assert not after.exception
    return after


def fill(page: AppTest, **fields: str) -> AppTest:
    for name, text in fields.items():
        page = page.text_input(key=f"new_{name}").set_value(text).run()
        assert not page.exception
    return page


def study_file(page: AppTest) -> str:
    return page.code[0].value


def test_a_card_tells_what_the_study_is_and_its_verdict(studies, digits, finished_store):
    shown = told(studies(study=str(digits / "study.toml")))

    (ceiling,) = [run.manifest() for run in finished_store.finished_runs() if run.manifest()["kind"] == "ceiling"]
    assert "small digits" in shown
    assert "10 classes" in shown
    assert ceiling["sentence"].partition(":")[0] in shown


def test_a_study_that_cannot_be_read_says_why_and_the_others_stay(studies, digits, digits_store, tmp_path):
    broken = tmp_path / "broken" / "study.toml"
    broken.parent.mkdir()
    broken.write_text("name = ")
    digits_store.register_study(broken)

    page = studies(study=str(digits / "study.toml"))

    assert any("is not TOML" in warning.value for warning in page.warning)
    assert "small digits" in told(page)


def test_forgetting_asks_first(studies, digits, digits_store):
    page = press(studies(study=str(digits / "study.toml")), "Forget …")

    assert "Nothing is deleted" in told(page)
    assert digits / "study.toml" in digits_store.studies()


def test_a_study_without_a_checkpoint_can_be_trained(studies, digits, asked):
    (digits / "checkpoints").rename(digits / "elsewhere")

    press(studies(study=str(digits / "study.toml")), "Train it")

    assert asked == [("train", digits / "study.toml", {})]


def test_runs_are_listed_with_their_results(studies, digits):
    page = part(studies(study=str(digits / "study.toml")), "Runs")

    (runs,) = [frame.value for frame in page.dataframe]
    assert sorted(runs["kind"]) == ["ceiling", "influence", "probe", "reweight"]
    assert runs["result"].str.len().min() > 0


def test_deleting_a_run_first_says_what_is_lost_and_what_depends_on_it(studies, digits, digits_store):
    page = part(studies(study=str(digits / "study.toml")), "Runs")
    (influence,) = [run.key for run in digits_store.finished_runs() if run.manifest()["kind"] == "influence"]
    page = page.selectbox(key="run_choice").set_value(influence).run()

    page = press(page, "Delete …")

    assert "3 runs made from it" in told(page)
    assert digits_store.run(influence).is_finished


def test_an_influence_run_is_shown_on_its_own(studies, digits, digits_store):
    page = part(studies(study=str(digits / "study.toml")), "Runs")
    (influence,) = [run.key for run in digits_store.finished_runs() if run.manifest()["kind"] == "influence"]
    page = page.selectbox(key="run_choice").set_value(influence).run()

    page = press(page, "Show this run")

    assert page.session_state["view"]["run"] == influence


def test_two_runs_are_compared_by_the_classes(studies, digits, digits_store, run_use_case):
    run_use_case("influence", digits, digits_store, epoch=2)

    page = part(studies(study=str(digits / "study.toml")), "Runs")

    assert "run_differences" in pictures(page)
    assert "The second run is better at" in told(page)
    assert list(page.dataframe[-1].value.columns) == ["class", "first", "second", "change", "samples"]
    first, second = (page.selectbox(key=f"compare_{which}") for which in ("first", "second"))
    page = first.set_value(second.value).run()
    assert "Choose two different runs." in told(page)
    assert page.session_state["view"]["compare"] == f"{second.value}|{second.value}"


def test_the_form_proposes_what_the_file_tells_and_shows_the_study_file(studies, digits, tables):
    page = part(studies(study=str(digits / "study.toml")), "New study")
    assert any("3 things are still to be filled in" in warning.value for warning in page.warning)

    page = fill(page, train="tables/train.csv")

    assert page.selectbox(key="new_label").value == "species"
    assert (page.text_input(key="new_name").value, page.text_input(key="new_folder").value) == ("tables", str(tables))
    assert 'train = "train.csv"' in study_file(page)
    assert not page.warning


@pytest.fixture
def heads(monkeypatch) -> list:
    """Heads of files that were read by another process; of each that follows the answer that is put in, if any is."""
    reads: list = []

    def read(read: str, asked: dict, words: str) -> dict:
        reads.append(Path(asked["path"]).name)
        if isinstance(reads[0], Exception):
            raise reads[0]
        return READS[read](asked, silent)

    monkeypatch.setattr(app.components.study_form, "read_in_view", read)
    return reads


def arrays_of(tables: Path) -> Path:
    np.savez(tables / "train.npz", x=np.zeros((9, 2), np.float32), y=np.arange(9) % 3)
    return tables / "train.npz"


def test_the_head_of_a_file_is_read_once_for_each_state_of_it(studies, digits, tables, heads):
    file = arrays_of(tables)
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train=str(file))
    assert 'format = "npz"' in study_file(page)
    fill(page, name="one", folder=str(tables / "new"))
    assert heads == ["train.npz"]

    file.write_bytes(b"nothing of the kind")
    page = fill(page, name="two")
    assert "train.npz cannot be read" in told(page)
    fill(page, name="three")
    assert heads == ["train.npz", "train.npz"]


def test_a_reader_that_had_no_time_is_asked_again(studies, digits, tables, heads):
    file = arrays_of(tables)
    heads.append(ReaderStopped("reading this took longer than 120 seconds", "files", "Try again"))
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train=str(file))
    assert "took longer" in told(page)

    heads.clear()
    page = fill(page, name="two")

    assert heads == ["train.npz"]
    assert "took longer" not in told(page)


def test_what_is_wrong_is_told_beside_its_field_and_nothing_can_be_made_of_it(studies, digits, tables):
    page = part(studies(study=str(digits / "study.toml")), "New study")

    page = fill(page, train="tables/train.csv", mean="0.5, x", test="tables/nothing.csv")

    assert "mean\\[1\\] is 'x'" in told(page)
    assert "nothing.csv" in told(page)
    assert all(page.button(key=key).disabled for key in ("preview", "create_study"))


def test_a_path_out_of_the_allowed_folders_is_told_and_not_looked_at(studies, digits, tables):
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="/etc/passwd")

    assert "outside of the allowed folders" in told(page)


def test_the_new_study_is_written_registered_and_in_view(studies, digits, tables, digits_store):
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv", hidden="4")

    page = press(page, "Create the study")

    assert load_study(tables).model.hidden == (4,)
    assert tables / "study.toml" in digits_store.studies()
    assert page.session_state["view"]["study"] == str(tables / "study.toml")
    assert {"Train it", "Open it"} <= set(labels(page))


def test_a_study_file_that_is_there_is_not_replaced_unless_that_is_said(studies, digits, tables):
    (tables / "study.toml").write_text("mine")
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv")
    assert page.text_input(key="new_folder").value == str(tables / "tables")

    page = fill(page, folder=str(tables))
    assert page.button(key="create_study").disabled
    page = page.checkbox(key="new_replace").check().run()
    press(page, "Create the study")

    assert load_study(tables).name == "tables"


def test_a_preview_is_a_job_of_its_own_and_writes_no_study(studies, digits, tables, asked, digits_store):
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv")

    press(page, "Preview")

    ((command, draft, options),) = asked
    assert (command, options) == ("preview", {})
    assert load_study(draft).data_paths["train"] == tables / "train.csv"
    assert not (tables / "study.toml").exists()


def test_what_was_filled_in_stays_when_another_part_is_looked_at(studies, digits, tables):
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv", name="birds")

    page = part(part(page, "Jobs"), "New study")

    assert page.text_input(key="new_name").value == "birds"
    assert page.text_input(key="new_train").value == "tables/train.csv"


@pytest.fixture
def write_job(digits, digits_store) -> Callable[..., str]:
    def write(number: int, **files) -> str:
        job = JobFolder(digits_store.jobs_folder / f"{number:020x}")
        job.path.mkdir(parents=True)
        job.write_request(JobRequest("train", digits / "study.toml", {}, digits_store.root, None))
        for name, contents in files.items():
            (job.path / f"{name}.json").write_text(json.dumps(contents))
        job.log_path.write_text(f"the log of job {number}")
        return job.id

    return write


def test_jobs_tell_their_state_and_their_log_also_when_they_are_finished(studies, digits, write_job):
    write_job(1, result={})
    write_job(2, error={"kind": "failed", "message": "The disk is full."})
    page = part(studies(study=str(digits / "study.toml")), "Jobs")

    assert "**train** finished" in told(page)
    assert "The disk is full." in told(page)
    assert {"the log of job 1", "the log of job 2"} <= {code.value for code in page.code}


def test_whoever_is_not_let_in_reads_where_a_log_lies_and_not_what_it_says(studies, digits, write_job, monkeypatch):
    monkeypatch.setattr(app.components.server_state, "bound_to", lambda: "0.0.0.0")
    job = write_job(1, error={"kind": "failed", "message": "The disk is full."})

    page = part(studies(study=str(digits / "study.toml")), "Jobs")

    assert "The disk is full." in told(page)
    assert not any("the log of job" in code.value for code in page.code)
    assert any(f"`jobs/{job}/log.txt`" in caption.value for caption in page.caption)


def test_a_damaged_job_costs_its_own_line_only(studies, digits, digits_store, write_job):
    write_job(1, result={})
    damaged = write_job(2)
    (digits_store.jobs_folder / damaged / "request.json").write_text("{")

    page = part(studies(study=str(digits / "study.toml")), "Jobs")

    assert any("is damaged" in warning.value for warning in page.warning)
    assert "**train** finished" in told(page)


def test_a_cancelled_job_goes_on_where_it_is_asked_to(studies, digits, write_job, asked):
    write_job(1, error={"kind": "cancelled", "message": "Cancelled."})

    page = press(part(studies(study=str(digits / "study.toml")), "Jobs"), "Go on")

    assert asked == [("train", digits / "study.toml", {})]
    assert page.session_state["view"]["job"]


def test_an_address_that_names_a_job_opens_the_jobs_with_its_log(studies, digits, write_job):
    write_job(2, result={})
    job = write_job(1, result={})

    page = studies(study=str(digits / "study.toml"), job=job)

    assert page.code[0].value == "the log of job 1"
    assert [log.proto.expanded for log in page.expander if log.label == "Log"] == [True, False]


@pytest.fixture
def influence_key(digits_store) -> str:
    (key,) = [run.key for run in digits_store.finished_runs() if run.manifest()["kind"] == "influence"]
    return key


def test_the_form_stays_usable_when_the_format_does_not_go_with_the_path(studies, digits, tables):
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv")

    for name, problem in (("image_folder", "train.csv is a file"), ("csv", None)):
        page = page.selectbox(key="new_format").set_value(name).run()
        assert not page.exception
        assert problem is None or problem in told(page)
    (tables / "pictures" / "cat").mkdir(parents=True)
    page = fill(page, train="tables/pictures").selectbox(key="new_format").set_value("csv").run()
    assert not page.exception
    assert "pictures is a folder" in told(page)


@pytest.mark.parametrize("field", ["train", "folder", "checkpoints"])
@pytest.mark.parametrize("text", ["tables/" + "x" * 300, "~nosuchuser/x", "a\0b"])
def test_the_form_stays_usable_whatever_is_typed_as_a_path(studies, digits, tables, field, text):
    page = part(studies(study=str(digits / "study.toml")), "New study")

    page = fill(page, **{field: text})
    assert any(words in told(page) for words in ("is no path that can be followed", "Expected a path"))
    page = page.button(key=f"new_{field}_browse").click().run()

    assert not page.exception
    assert page.session_state["browse_at"] == str(tables.parent)


@pytest.mark.parametrize("text", ["/tmp/" + "x" * 300, "~nosuchuser/x", "a\0b"])
def test_a_study_is_not_opened_from_what_is_no_path(studies, digits, text):
    page = studies(study=str(digits / "study.toml"))
    page.text_input(key="study_path").set_value(text).run()

    page = press(page, "Open study")

    assert any("is no path" in error.value for error in page.error)


def test_an_address_that_names_two_runs_opens_the_runs_and_compares_them(studies, digits, digits_store, run_use_case):
    run_use_case("influence", digits, digits_store, epoch=2)
    run_use_case("reweight", digits, digits_store, targets=["two"], iterations=1)
    kinds = {run.key: run.manifest()["kind"] for run in digits_store.finished_runs()}
    searches = [key for key, kind in kinds.items() if kind == "reweight"]

    page = studies(study=str(digits / "study.toml"), compare="|".join(searches))

    assert [page.selectbox(key=f"compare_{which}").value for which in ("first", "second")] == searches
    page = page.button_group(key="compare_kind").set_value("influence").run()
    assert {kinds[key] for key in page.session_state["view"]["compare"].split("|")} == {"influence"}
    assert kinds[page.selectbox(key="compare_first").value] == "influence"


def test_the_part_of_the_page_is_in_the_address(studies, digits):
    page = part(studies(study=str(digits / "study.toml")), "Runs")

    assert page.session_state["view"]["part"] == "Runs"
    again = studies(study=str(digits / "study.toml"), part="Runs")
    assert again.button_group(key="studies_part_choice").value == "Runs"
    assert studies(part="no part").button_group(key="studies_part_choice").value == "Studies"


def test_a_preview_is_shown_under_the_answers_that_it_is_of_and_no_others(studies, digits, tables, asked):
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv")
    page = press(page, "Preview")
    assert "changed since" not in told(page)

    page = page.selectbox(key="new_label").set_value("b").run()
    assert "answers have changed since" in told(page)

    # What the model is called and how it is trained is no matter of the preview.
    page = page.selectbox(key="new_label").set_value("species").run()
    page = fill(page, name="birds").number_input(key="new_epochs").set_value(7).run()
    assert "changed since" not in told(page)


@pytest.fixture
def draft(digits, digits_store) -> Path:
    """A study file that the store keeps for a preview."""
    file = digits_store.root / "drafts" / "0123456789abcdef0123" / "study.toml"
    file.parent.mkdir(parents=True)
    file.write_text((digits / "study.toml").read_text())
    return file


@pytest.fixture
def at_work(digits_store) -> Iterator[Callable[..., JobFolder]]:
    """Makes jobs that are at work for as long as the test goes on."""
    held: list[int | None] = []

    def begin(command: str, study: Path) -> JobFolder:
        job = JobFolder(digits_store.jobs_folder / f"{len(held):020x}")
        job.path.mkdir(parents=True)
        job.write_request(JobRequest(command, study, {}, digits_store.root, None))
        held.append(lock.acquire(job.lock_path))
        return job

    yield begin
    for descriptor in held:
        assert descriptor is not None
        lock.release(descriptor)


def test_a_preview_is_told_by_the_name_of_its_study_and_found_by_its_link(studies, digits, draft, at_work):
    job = at_work("preview", draft)
    page = part(studies(study=str(digits / "study.toml")), "Jobs")

    captions = [caption.value for caption in page.caption]
    assert any("preview of small digits" in caption for caption in captions)
    assert not any(draft.parent.name in caption for caption in captions)
    (link,) = [caption for caption in captions if "link to this job" in caption]
    assert f"(?job={job.id})" in link
    again = studies(job=job.id)
    assert not again.warning
    assert again.session_state["view"]["job"] == job.id


def test_what_a_job_says_of_its_progress_is_text(studies, digits, at_work):
    job = at_work("influence", digits / "study.toml")
    job.write_worker()
    job.write_progress({"stage": "data", "done": 1, "total": 2, "note": "embedding once with $a$ ![b](c)"})
    page = part(studies(study=str(digits / "study.toml")), "Jobs")

    (progress,) = page.get("progress")
    assert progress.proto.text == r"data: 1 of 2 embedding once with \$a\$ !\[b\](c)"


def test_a_run_is_not_deleted_while_a_job_of_its_study_is_at_work(
    studies, digits, digits_store, at_work, influence_key
):
    page = part(studies(study=str(digits / "study.toml")), "Runs")
    page = page.selectbox(key="run_choice").set_value(influence_key).run()
    at_work("reweight", digits / "study.toml")

    page = press(page, "Delete …")

    assert any("reweight is at work" in error.value for error in page.error)
    assert "Delete it" not in labels(page)
    assert digits_store.run(influence_key).is_finished


def test_a_folder_that_is_looked_at_fills_the_form_in_and_says_why(studies, digits, tables):
    rows = "".join(f"{row};{row % 5}.5;{'oak' if row % 2 else 'elm'}\n" for row in range(40))
    (tables / "train.csv").write_text(f"id;a;kind\n{rows}")
    (tables / "validation.csv").unlink()
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv", mean="1")

    page = press(fill(page, looked_folder="tables"), "Look at the folder")

    assert page.success[-1].value == "The study file is valid."
    assert (page.selectbox(key="new_label").value, page.text_input(key="new_delimiter").value) == ("kind", ";")
    assert 'input = ["a"]' in study_file(page)
    assert "Test data: no file or folder is called test" in told(page)
    assert "the only column that can be classes: 2 distinct values in 40 rows" in set(page.dataframe[0].value["why"])
    page = press(page, "Create the study")
    assert load_study(tables).data.transform.mean is not None
    assert load_study(tables).training.epochs > 20


def test_a_folder_without_data_is_told_and_the_form_stays_as_it_was(studies, digits, tables):
    (tables / "empty").mkdir()
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv")

    page = press(fill(page, looked_folder="tables/empty"), "Look at the folder")

    assert "it is empty" in page.error[0].value
    assert page.text_input(key="new_train").value == "tables/train.csv"


def test_a_folder_outside_of_the_allowed_ones_is_not_looked_at(studies, digits, tables):
    page = part(studies(study=str(digits / "study.toml")), "New study")

    page = press(fill(page, looked_folder="/etc"), "Look at the folder")

    assert "outside of the allowed folders" in page.error[0].value


def test_a_set_of_torchvision_is_chosen_by_its_name(studies, digits, tables):
    page = part(studies(study=str(digits / "study.toml")), "New study")
    page = page.selectbox(key="new_format").set_value("torchvision").run()
    assert "new_train" not in [field.key for field in page.text_input]
    page = page.selectbox(key="new_dataset").set_value("MNIST").run()

    page = fill(page, root="tables")
    assert "has no train-images-idx3-ubyte" in told(page)
    write_set("MNIST", tables)
    page = fill(page, root="tables/../tables")

    assert page.text_input(key="new_name").value == "MNIST"
    assert 'dataset = "MNIST"' in study_file(page)
    assert not page.button(key="create_study").disabled


def test_a_file_of_skops_makes_the_model_one_of_scikit_learn(studies, digits, tables):
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv")
    (tables / "model.skops").write_bytes(b"")

    page = fill(page, checkpoints="tables/model.skops")

    assert 'architecture = "sklearn"' in study_file(page)
    page = fill(page, checkpoints="tables/model.joblib")
    assert "run whatever code is in them" in told(page)


@pytest.mark.parametrize("kind", ["words", "encoder", "transformer"])
def test_a_folder_with_texts_fills_in_how_they_become_numbers(studies, digits, tables, kind):
    for name, count, seed in (("train", 60, 1), ("validation", 24, 2)):
        (tables / f"{name}.csv").unlink()
        texts = zip(*texts_of(count, seed), strict=True)
        (tables / f"{name}.txt").write_text("".join(f"{text};{label}\n" for text, label in texts))
    if kind != "words":
        write_transformer(tables / "bert", weights=True)
    page = part(studies(study=str(digits / "study.toml")), "New study")

    page = press(fill(page, looked_folder="tables"), "Look at the folder")
    if kind == "transformer":
        page = page.radio(key="new_features").set_value("none").run()
        assert "no folder is chosen" in told(page)
        assert "new_architecture" not in [field.key for field in page.selectbox]
        page = fill(page, transformer="tables/bert")

    assert not any("has no field" in warning.value for warning in page.warning)
    assert page.success[-1].value == "The study file is valid."
    page = press(page, "Create the study")
    study = load_study(tables)
    assert (study.data.header, study.data.delimiter, study.data.modality) == (False, ";", "text")
    features = {"words": "tfidf", "encoder": "encoder:bert", "transformer": None}[kind]
    assert (study.data.features.kind if study.data.features else None) == features
    assert study.model.architecture == ("transformers:bert" if kind == "transformer" else "logistic_regression")


@pytest.mark.parametrize(("use", "field"), [("encoder", "encoder"), ("none", "transformer")])
def test_a_transformer_outside_of_the_allowed_folders_is_told_beside_its_field(
    studies, digits, tables, tmp_path_factory, use, field
):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "bert"
    write_transformer(elsewhere, weights=True)
    (tables / "bert").symlink_to(elsewhere)
    page = fill(part(studies(study=str(digits / "study.toml")), "New study"), train="tables/train.csv")
    page = page.button_group(key="new_modality").set_value("text").run()
    page = page.radio(key="new_features").set_value(use).run()

    for path in (str(elsewhere), "tables/bert"):
        page = fill(page, **{field: path})
        assert "outside of the allowed folders" in told(page)
        assert page.button(key="create_study").disabled
        assert page.button(key="preview").disabled
