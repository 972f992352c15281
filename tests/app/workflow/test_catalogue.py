import pytest

from app.workflow.catalogue import open_study, run_keys, study_entries
from cache.store import Store
from engine.errors import RefusedInput
from engine.study import load_study


def test_an_opened_study_is_listed_by_its_name(digits, empty_store):
    entry = open_study(empty_store, digits)

    assert (entry.name, entry.path, entry.problem) == ("small digits", (digits / "study.toml").resolve(), None)
    assert study_entries(empty_store) == [entry]
    assert open_study(empty_store, digits / "study.toml") == entry
    assert study_entries(empty_store) == [entry]


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
