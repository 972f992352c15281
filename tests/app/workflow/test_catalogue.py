import pytest

from app.workflow.catalogue import (
    StudyEntry,
    has_checkpoint,
    jobs_in_words,
    lost_entries,
    open_study,
    run_keys,
    study_card,
    study_entries,
    study_labels,
)
from cache.store import Store
from engine.errors import RefusedInput
from engine.study import load_study


def test_an_opened_study_is_listed_by_its_name(digits, empty_store):
    entry = open_study(empty_store, digits)

    assert (entry.name, entry.path, entry.problem) == ("small digits", (digits / "study.toml").resolve(), None)
    assert study_entries(empty_store) == [entry]
    assert open_study(empty_store, digits / "study.toml") == entry
    assert study_entries(empty_store) == [entry]


def test_studies_of_one_name_are_told_apart_by_their_files(digits, empty_store):
    alone = open_study(empty_store, digits)
    assert study_labels([alone]) == {str(alone.path): "small digits"}

    other = StudyEntry(digits / "elsewhere" / "study.toml", "small digits")
    third = StudyEntry(digits / "third" / "study.toml", "another")
    assert study_labels([alone, other, third]) == {
        str(alone.path): f"small digits ({alone.path})",
        str(other.path): f"small digits ({other.path})",
        str(third.path): "another",
    }


@pytest.mark.parametrize("missing", ["study.toml", "train.npz", "validation.npz", "test.npz", "checkpoints"])
def test_a_study_of_which_a_file_is_missing_is_refused_and_not_listed(digits, empty_store, missing):
    (digits / missing).rename(digits / "elsewhere")

    with pytest.raises(RefusedInput, match=missing):
        open_study(empty_store, digits)

    assert not empty_store.root.exists()


def test_a_study_without_the_checkpoint_it_names_is_refused(digits, empty_store, edited):
    edited(digits, "hidden = [8]", "hidden = [8]\nepoch = 9")

    with pytest.raises(RefusedInput, match="no checkpoint of epoch 9"):
        open_study(empty_store, digits)

    assert study_entries(empty_store) == []


def test_a_study_that_broke_after_it_was_opened_stays_listed_with_its_problem(digits, empty_store):
    open_study(empty_store, digits)
    (digits / "study.toml").write_text('name = "half')

    (entry,) = study_entries(empty_store)

    assert entry.name == "digits"
    assert "is not TOML" in (entry.problem or "")


def test_shipped_studies_come_last(digits, tmp_path):
    shipped = tmp_path / "shipped" / "one"
    shipped.mkdir(parents=True)
    (shipped / "study.toml").write_text((digits / "study.toml").read_text().replace("small digits", "shipped"))
    store = Store(tmp_path / "store", tmp_path / "shipped")
    open_study(store, digits)

    assert [entry.name for entry in study_entries(store)] == ["small digits", "shipped"]


def test_keys_are_those_of_the_stored_runs(trained_digits, finished_store):
    keys = run_keys(load_study(trained_digits))

    by_kind = {run.manifest()["kind"]: run.key for run in finished_store.finished_runs()}
    assert (keys.influence, keys.ceiling) == (by_kind["influence"], by_kind["ceiling"])


def test_a_card_tells_what_a_study_is_and_its_verdict_in_short(trained_digits, finished_store):
    by_kind = {run.manifest()["kind"]: run.manifest() for run in finished_store.finished_runs()}

    card = study_card(load_study(trained_digits), by_kind["influence"], by_kind["ceiling"])

    assert card.facts == (
        "pictures (npz)",
        "mlp",
        "10 classes",
        "200 training samples",
        "checkpoint of epoch 4",
    )
    assert card.verdict == by_kind["ceiling"]["verdict"]
    assert by_kind["ceiling"]["sentence"].startswith(card.sentence.rstrip("."))
    assert ";" not in card.sentence


def test_a_card_says_what_is_missing_for_a_verdict(trained_digits, finished_store):
    (influence,) = [run.manifest() for run in finished_store.finished_runs() if run.manifest()["kind"] == "influence"]
    study = load_study(trained_digits)

    assert "Influence is stored, the verdict is not" in study_card(study, influence, None).sentence
    assert "Nothing is stored" in study_card(study, None, None).sentence
    assert study_card(study, None, None).verdict is None


def test_a_study_whose_file_is_gone_is_listed_apart_with_its_problem(digits, empty_store):
    open_study(empty_store, digits)
    (digits / "study.toml").unlink()

    (entry,) = lost_entries(empty_store)

    assert (entry.name, entry.path) == ("digits", (digits / "study.toml").resolve())
    assert "no file any more" in (entry.problem or "")
    assert study_entries(empty_store) == []


def test_jobs_are_told_by_their_state_and_finished_ones_not_at_all():
    states = [("train", "finished"), ("ceiling", "running"), ("climb", "failed"), ("ceiling", "running")]

    assert jobs_in_words(states) == "running: ceiling; failed: climb"
    assert jobs_in_words([("train", "finished"), ("train", "cancelled")]) == ""


def test_a_study_has_a_checkpoint_where_there_is_anything_to_look_at(digits):
    study = load_study(digits)
    assert has_checkpoint(study)
    (digits / "checkpoints").rename(digits / "elsewhere")
    assert not has_checkpoint(study)
    (digits / "checkpoints").mkdir()
    assert not has_checkpoint(study)


def test_checkpoints_that_cannot_be_looked_at_are_refused(digits, edited):
    study = load_study(digits)
    long = study.with_changes(model={"checkpoints": "x" * 300})

    with pytest.raises(RefusedInput, match="File name too long"):
        has_checkpoint(long)
