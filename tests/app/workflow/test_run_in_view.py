import pytest

from app.workflow.catalogue import RunKeys, run_keys
from app.workflow.run_in_view import run_in_view
from cache import Cache
from engine.errors import RefusedInput
from engine.study import load_study


@pytest.fixture
def earlier(trained_digits, digits_store, run_use_case) -> dict:
    """The verdict on an earlier epoch than the study's own."""
    return run_use_case("ceiling", trained_digits, digits_store, epoch=3)


@pytest.fixture
def cache(digits_store, earlier):
    with Cache.open(digits_store) as opened:
        opened.ingest()
        yield opened


def test_a_run_of_another_epoch_is_worked_on_with_that_epoch_as_option(trained_digits, cache, earlier):
    study = load_study(trained_digits)

    found = run_in_view(study, earlier["influence"], cache, run_keys)

    assert found is not None
    assert (found.options, found.is_current) == ({"epoch": 3}, True)
    assert found.study.model.epoch == 3
    assert found.keys == RunKeys(earlier["influence"], earlier["run"])


def test_a_run_whose_checkpoint_is_gone_can_be_looked_at_with_its_verdict_on_all_classes(
    trained_digits, digits_store, cache, earlier, run_use_case
):
    some = run_use_case("ceiling", trained_digits, digits_store, epoch=3, classes=["one", "eight"])
    cache.ingest()

    def gone(study):
        raise RefusedInput("no checkpoint", "one", "Bring it back")

    found = run_in_view(load_study(trained_digits), earlier["influence"], cache, gone)

    assert found is not None
    assert (found.options, found.is_current) == ({}, False)
    assert found.keys == RunKeys(earlier["influence"], earlier["run"])
    assert some["run"] != earlier["run"]


def test_a_run_of_data_as_they_were_is_not_current(trained_digits, cache, earlier):
    found = run_in_view(load_study(trained_digits), earlier["influence"], cache, lambda _: RunKeys("other", "other"))

    assert found is not None
    assert not found.is_current


def test_what_is_no_influence_run_of_this_study_is_not_found(trained_digits, cache, earlier):
    study = load_study(trained_digits)
    other = study.model_copy(update={"name": "other"})

    assert run_in_view(study, "nowhere", cache, run_keys) is None
    assert run_in_view(study, earlier["run"], cache, run_keys) is None
    assert run_in_view(other, earlier["influence"], cache, run_keys) is None
