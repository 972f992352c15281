import numpy as np
import pytest
from scipy.stats import spearmanr

from app.workflow.influence import fold_counts, fold_rows
from cache.fingerprints import probe_key
from engine.data import load_data
from engine.errors import Cancelled
from engine.frontier import pool_folds
from engine.reweight.calibration import PAIRS, probe_weights
from engine.study import load_study
from engine.training import NextEpoch, evaluate


def test_probes_are_real_epochs_of_this_study(trained_digits, influence_store, run_use_case):
    result = run_use_case("probe", trained_digits, influence_store)

    study = load_study(trained_digits)
    data = load_data(study)
    next_epoch = NextEpoch.from_study(study, data, 4)
    weights = probe_weights(data.train.labels.numpy(), seed=study.seed)
    losses = [
        evaluate(next_epoch.train(row, study.seed + at // 2), data.validation, data.transform, 10).loss
        for at, row in enumerate(weights)
    ]
    influence = influence_store.run(result["influence"])
    vectors = pool_folds(fold_rows(influence, "epoch"), fold_counts(influence))
    scale = evaluate(next_epoch.train(None, study.seed), data.validation, data.transform, 10).loss
    real = (np.array(losses[1::2]) - np.array(losses[0::2])) / 2 / scale
    told = (weights[0::2].astype(float) - 1) @ vectors / len(vectors) / scale
    assert result["pairs"] == PAIRS
    assert result["factor"] == pytest.approx((told * real).sum() / (told**2).sum(), rel=1e-3)
    assert result["spearman"] == pytest.approx(spearmanr(told.ravel(), real.ravel()).statistic, abs=0.02)
    assert 0 < result["seconds_per_epoch"] < 60


def test_probes_are_trained_once_and_shared_by_searches(trained_digits, digits_store, run_use_case, contents):
    before = contents(digits_store.runs_folder)

    result = run_use_case("probe", trained_digits, digits_store)

    assert (result["cached"], result["run"]) == (True, probe_key(result["influence"]))
    assert contents(digits_store.runs_folder) == before
    (search,) = [run for run in digits_store.finished_runs() if run.manifest()["kind"] == "reweight"]
    assert search.manifest()["probes"] == {name: result[name] for name in ("factor", "error", "spearman", "pairs")}


def test_stopped_probes_leave_nothing_that_is_not_finished(trained_digits, influence_store, run_use_case):
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "next epoch":
            raise Cancelled

    with pytest.raises(Cancelled):
        run_use_case("probe", trained_digits, influence_store, stop)

    assert [run.manifest()["kind"] for run in influence_store.finished_runs()] == ["influence"]
    assert run_use_case("probe", trained_digits, influence_store)["cached"] is False
