"""The shipped studies come with runs of this version: the dashboard opens on them without computing."""

import numpy as np
import pytest

from app.serving import SAMPLES
from app.workflow.catalogue import run_keys
from cache.fingerprints import climb_key
from cache.shown_samples import ShownSamples
from cache.store import Store
from engine.data import load_data
from engine.study import load_study


@pytest.mark.parametrize("name", ["digits", "digits_noisy", "separable", "frontier"])
def test_the_runs_that_a_shipped_study_asks_for_are_shipped(name: str, tmp_path) -> None:
    store = Store(tmp_path, SAMPLES)
    shipped = {run.key for run in store.finished_runs()}
    keys = run_keys(load_study(SAMPLES / name))
    assert set(vars(keys).values()) <= shipped, "the version of results was raised: run make samples"


@pytest.mark.parametrize("name", ["digits", "digits_noisy", "separable", "frontier"])
def test_the_samples_that_pages_show_are_those_of_a_shipped_study(name: str, tmp_path) -> None:
    study = load_study(SAMPLES / name)
    train = load_data(study).train
    _, shipped = Store(tmp_path, SAMPLES).shown(run_keys(study).influence)
    shown = ShownSamples.opened(shipped, study.data.modality, len(train))

    assert shown is not None, "the samples of pages have another form now: run make samples"
    assert np.array_equal([shown.inputs[index] for index in range(len(train))], train.inputs.numpy())


def test_a_climb_that_is_shipped_is_of_its_study_as_it_is_now(tmp_path) -> None:
    store, study = Store(tmp_path, SAMPLES), load_study(SAMPLES / "separable")
    climbs = [run.manifest() for run in store.finished_runs() if run.manifest()["kind"] == "climb"]
    asked = {climb_key(study, climb["how"], climb["most_rounds"]) for climb in climbs}
    assert {climb["key"] for climb in climbs} == asked, "the version of results was raised: run make samples"
