import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.report import findings_of
from app.workflow.influence import fold_counts, fold_rows
from engine.errors import RefusedInput
from engine.frontier import pool_folds
from engine.study import load_study
from tests.app.detrimental_epoch import add_detrimental_epoch


def found(study, store, **asked):
    return findings_of(study, load_study(study), store, asked)


def test_the_finished_runs_of_a_study_are_found_by_what_its_files_say_now(trained_digits, finished_store):
    findings = found(trained_digits, finished_store)

    kinds = {run.manifest()["kind"]: run for run in finished_store.finished_runs()}
    assert findings.path == trained_digits / "study.toml"
    assert findings.text.startswith('\nname = "small digits"')
    assert findings.influence.key == kinds["influence"].key
    assert findings.ceiling == kinds["ceiling"].manifest()
    assert [run.key for run in findings.searches] == [kinds["reweight"].key]
    assert findings.probes == kinds["probe"].manifest()
    assert (findings.all_classes, findings.epochs, findings.climbs, findings.corrections) == (None, None, (), ())


def test_vectors_are_pooled_over_folds_like_those_of_the_commands(trained_digits, finished_store):
    findings = found(trained_digits, finished_store)

    for operator in ("ceiling", "epoch"):
        pooled = pool_folds(fold_rows(findings.influence, operator), fold_counts(findings.influence))
        np.testing.assert_allclose(findings.vectors(operator), pooled, rtol=1e-6)
    assert findings.samples()["index"].to_pylist() == list(range(200))


def test_everything_that_was_done_with_a_study_is_found(digits, digits_store, run_use_case):
    add_detrimental_epoch(digits)
    # The fifth epoch is now the one that is analysed.
    run_use_case("ceiling", digits, digits_store)
    run_use_case("ceiling", digits, digits_store, classes=["one", "two"])
    run_use_case("reweight", digits, digits_store, setting="all_classes")
    correction = {"setting": "course_correction", "epoch": 4, "targets": ["zero", "six"]}
    corrected = run_use_case("reweight", digits, digits_store, **correction)
    evaluated = run_use_case("epochs", digits, digits_store)
    run_use_case("climb", digits, digits_store, rounds=1)
    climbed = run_use_case("climb", digits, digits_store, rounds=2)

    findings = found(digits, digits_store)

    assert [judged["classes"] for judged in findings.judged] == [["one", "two"]]
    assert findings.searches == (), "the search of epoch 4 is not of this checkpoint"
    assert findings.all_classes is not None
    assert [run.key for run in findings.corrections] == [corrected["run"]]
    assert findings.epochs is not None
    assert findings.epochs["key"] == evaluated["run"]
    assert [run.key for run in findings.climbs] == [climbed["run"]], "of the same way up the one of most rounds"
    assert len(findings.reweightings) == 3


def test_another_epoch_is_found_where_it_is_asked_for(digits, digits_store, run_use_case):
    run_use_case("ceiling", digits, digits_store, epoch=2)

    findings = found(digits, digits_store, epoch=2, seed=None)

    assert findings.manifest["epoch"] == 2
    assert findings.asked == {"epoch": 2}


def test_a_study_without_a_verdict_is_refused_with_the_command_that_brings_one(digits, influence_store, empty_store):
    for store in (influence_store, empty_store):
        with pytest.raises(RefusedInput, match=f"python -m app ceiling {digits}"):
            found(digits, store)


def test_a_damaged_run_costs_its_own_line_and_not_the_report(digits, digits_store):
    (search,) = [run for run in digits_store.finished_runs() if run.manifest()["kind"] == "reweight"]
    manifest = search.manifest()
    (search.path / "run.json").write_text(json.dumps({**manifest, "targets": []}))

    findings = found(digits, digits_store)

    assert findings.searches == ()
    assert [search.key in told for told in findings.left_out] == [True]


def test_damaged_vectors_are_refused(digits, digits_store):
    findings = found(digits, digits_store)
    part = findings.influence.path / "vectors-00000.parquet"
    table = pq.read_table(part)
    pq.write_table(table.slice(0, 50), part)

    with pytest.raises(RefusedInput, match="not a permutation"):
        findings.vectors("ceiling")


def test_a_correction_whose_checkpoint_is_gone_is_passed_over(digits, digits_store, run_use_case):
    add_detrimental_epoch(digits)
    run_use_case("ceiling", digits, digits_store)
    run_use_case("reweight", digits, digits_store, setting="course_correction", epoch=4, targets=["zero"])
    shutil.move(digits / "checkpoints" / "epoch-004.safetensors", digits / "elsewhere.safetensors")

    assert found(digits, digits_store).corrections == ()
