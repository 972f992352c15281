import json

import numpy as np
import pytest

import engine.reweight.search
from app.workflow.candidate_parts import RESULT_SEEDS, candidate_rows, read_control, stored_weights
from app.workflow.next_epochs import result_orders
from app.workflow.options import study_with_options
from cache.fingerprints import reweight_key
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.models import load_checkpoint
from engine.reweight.fitness import REJECTED, fitness
from engine.study import load_study
from engine.training import NextEpoch, evaluate
from engine.training.stored_state import untrained_model


class StopAtCandidate:
    """A progress that cancels after a number of candidates; the parts tell in which generation that was."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "search" and done == self._number:
            raise Cancelled


def stop_at_comparison(stage: str, done: int, total: int, note: str = "") -> None:
    # The last word of the search: candidates are told with the best so far behind a comma.
    if stage == "search" and note == "generation 2":
        raise Cancelled


def reweight_run(store: Store):
    (folder,) = [run for run in store.finished_runs() if run.manifest()["kind"] == "reweight"]
    return folder


def without(manifest: dict, *names: str) -> dict:
    return {name: value for name, value in manifest.items() if name not in names}


def test_chosen_weights_keep_their_mean_and_their_bounds(trained_digits, finished_store):
    folder = reweight_run(finished_store)

    table = folder.read_table("weights.parquet")
    weights = table.column("weight").to_numpy()
    names = load_study(trained_digits).data.class_names or ()
    with np.load(trained_digits / "train.npz") as arrays:
        assert table.column("label").to_pylist() == [names[label] for label in arrays["label"]]
    assert table.column_names == ["index", "label", "weight"]
    assert table.column("index").to_pylist() == list(range(200))
    assert weights.mean() == pytest.approx(1, abs=1e-6)
    assert weights.min() >= 0.5 - 1e-6
    assert weights.max() <= 1.5 + 1e-6
    assert np.ptp(weights) > 0.05
    assert np.array_equal(weights, stored_weights(folder, folder.manifest()["chosen"]))


def test_the_improved_checkpoint_has_the_accuracies_told_after(trained_digits, finished_store, run_use_case):
    result = run_use_case("reweight", trained_digits, finished_store)
    study = load_study(trained_digits)
    data = load_data(study)
    model = untrained_model(study, data)

    load_checkpoint(reweight_run(finished_store).path / "improved.safetensors", model)

    assert result["checkpoint"] == str(reweight_run(finished_store).path / "improved.safetensors")
    assert data.test is not None
    for split, samples in (("validation", data.validation), ("test", data.test)):
        accuracy = evaluate(model.eval(), samples, data.transform, 10).accuracy
        assert result["after"][split] == accuracy.tolist()


def test_the_control_is_the_next_epoch_as_it_was_really_trained(trained_digits, influence_store, run_use_case):
    result = run_use_case("reweight", trained_digits, influence_store, epoch=2)

    history = json.loads((trained_digits / "checkpoints" / "history.json").read_text())
    second, third = history["epochs"][1:3]
    for split in ("validation", "test"):
        assert result["before"][split] == second[split]
        assert result["control"][split] == third[split]
        assert second[split] != third[split]


def test_every_candidate_is_told_and_the_chosen_one_is_the_fittest_of_those_searched(
    trained_digits, finished_store, run_use_case
):
    result = run_use_case("reweight", trained_digits, finished_store)

    candidates = result["candidates"]
    assert [candidate["number"] for candidate in candidates] == list(range(len(candidates)))
    origins = [candidate["origin"] for candidate in candidates]
    assert origins[:14] == ["baseline"] * 4 + (["certificate"] + ["informed"] * 4) * 2
    assert {candidate["generation"] for candidate in candidates} == {0, 1, 2}
    # Beside the population of six: four baselines, and of either variables the certificate and four that move little.
    assert 14 + 6 < len(candidates) <= 14 + 6 + 2 * 4
    assert {candidate["variables"] for candidate in candidates} == {None, "groups", "samples"}
    assert result["variables"] == candidates[result["chosen"]]["variables"]
    # Only who was trained in both batch orders may be chosen, and whoever leads was.
    best = max(candidate["fitness"] for candidate in candidates if candidate["orders"] == 2)
    assert candidates[result["chosen"]]["fitness"] == best == max(each["fitness"] for each in candidates) > REJECTED
    assert result["targets"] == [1, 8]
    assert result["trainings"] <= sum(candidate["orders"] for candidate in candidates)
    assert candidates[-1]["trainings"] == result["trainings"]


def test_any_candidate_can_be_made_the_result(trained_digits, digits_store, run_use_case, contents):
    search = reweight_run(digits_store)
    number = next(n for n in (2, 1, 0) if n != search.manifest()["chosen"])
    before = contents(search.path)

    result = run_use_case("reweight", trained_digits, digits_store, candidate=number)

    folder = digits_store.run(result["run"])
    assert (result["chosen"], result["search"], result["cached"]) == (number, search.key, False)
    assert contents(search.path) == before
    weights = folder.read_table("weights.parquet").column("weight").to_numpy()
    assert np.array_equal(weights, stored_weights(search, number))
    assert result["targets"] == search.manifest()["targets"]
    assert result["control"] == json.loads(json.dumps(search.manifest()["control"]))
    assert result["change"] != search.manifest()["change"]
    assert run_use_case("reweight", trained_digits, digits_store, candidate=number)["cached"] is True


def test_the_chosen_candidate_made_the_result_again_says_the_same(trained_digits, digits_store, run_use_case):
    search = reweight_run(digits_store).manifest()

    result = run_use_case("reweight", trained_digits, digits_store, candidate=search["chosen"])

    for name in ("before", "after", "control", "change", "interval", "moved", "sentence"):
        assert result[name] == search[name], name


def test_a_candidate_that_does_not_exist_is_refused(trained_digits, digits_store, run_use_case):
    with pytest.raises(RefusedInput, match=r"no candidate 999\. Expected a number from 0 to"):
        run_use_case("reweight", trained_digits, digits_store, candidate=999)


def test_all_classes_at_once_have_no_candidates(trained_digits, digits_store, run_use_case):
    with pytest.raises(RefusedInput, match="candidate 3 is asked for of setting = 'all_classes'"):
        run_use_case("reweight", trained_digits, digits_store, setting="all_classes", targets=(), candidate=3)


def test_the_control_is_told_for_each_number_of_orders(trained_digits, finished_store):
    study, folder = load_study(trained_digits), reweight_run(finished_store)
    data = load_data(study)
    next_epoch = NextEpoch.from_study(study, data, 4)
    each = [
        evaluate(next_epoch.train(None, study.seed + order), data.validation, data.transform, 10).accuracy
        for order in range(study.reweight.search.orders)
    ]

    control = read_control(folder)

    assert len(control.by_orders) == len(each) == 2
    for orders in (1, 2):
        accuracy, _ = control.of(orders)
        np.testing.assert_allclose(accuracy, np.mean(each[:orders], axis=0), atol=0.01)
    for row in candidate_rows(folder):
        accuracy, _ = control.of(row["orders"])
        # Accuracies are stored in single precision, in which nothing lost may read as a billionth.
        told = fitness(np.round(np.array(row["accuracy"]) - accuracy, 6), (1, 8), 0.03, 3.0)
        assert told == pytest.approx(row["fitness"], abs=1e-4)


def test_the_change_is_told_in_orders_that_no_search_has_seen(trained_digits, finished_store, run_use_case):
    study = load_study(trained_digits)
    folder = reweight_run(finished_store)
    data = load_data(study)
    next_epoch = NextEpoch.from_study(study, data, 4)
    weights = stored_weights(folder, folder.manifest()["chosen"])
    assert data.test is not None
    accuracy: dict[bool, list] = {True: [], False: []}
    for order in result_orders(RESULT_SEEDS):
        assert order not in range(study.reweight.search.orders)
        for weighted in (True, False):
            model = next_epoch.train(weights if weighted else None, study.seed + order)
            accuracy[weighted].append(evaluate(model, data.test, data.transform, 10).accuracy)
    means = {weighted: np.mean(values, axis=0) for weighted, values in accuracy.items()}

    result = run_use_case("reweight", trained_digits, finished_store)

    # Side by side they are trained as one, which rounds otherwise: a sample in a hundred may fall on the other side.
    np.testing.assert_allclose(result["change"]["test"], means[True] - means[False], atol=0.021)
    np.testing.assert_allclose(result["moved"]["test"], means[True] - np.array(result["before"]["test"]), atol=0.021)


def test_without_acceptable_weights_the_result_is_the_control(
    trained_digits, influence_store, run_use_case, monkeypatch
):
    monkeypatch.setattr(engine.reweight.search, "fitness", lambda *arguments: REJECTED)

    result = run_use_case("reweight", trained_digits, influence_store)

    assert result["chosen"] is None
    assert result["after"] == result["control"]
    assert result["change"]["test"] == [0.0] * 10
    assert any("the result is the control itself" in notice for notice in result["notices"])
    weights = reweight_run(influence_store).read_table("weights.parquet").column("weight").to_pylist()
    assert weights == [1.0] * 200


def test_without_a_test_split_the_result_says_what_it_was_judged_on(digits, empty_store, run_use_case, edited):
    result = run_use_case("reweight", edited(digits, 'test = "test.npz"\n', ""), empty_store)

    assert [result[name].keys() for name in ("before", "after", "control", "interval")] == [{"validation"}] * 4
    assert result["notices"] == ["No test split: the result is judged on the validation data that was searched on."]
    assert "On the validation data that was searched on" in result["sentence"]


def test_a_class_without_test_samples_is_null_and_not_nan(digits, empty_store, run_use_case):
    with np.load(digits / "test.npz") as arrays:
        image, label = arrays["image"], arrays["label"]
    np.savez(digits / "test.npz", image=image[label != 5], label=label[label != 5])

    result = run_use_case("reweight", digits, empty_store)

    assert result["after"]["test"][5] is result["change"]["test"][5] is None
    assert result["interval"]["test"][5] == [None, None]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_asking_twice_searches_once(trained_digits, digits_store, run_use_case, contents):
    before = contents(digits_store.runs_folder)

    result = run_use_case("reweight", trained_digits, digits_store)

    assert result["cached"] is True
    assert contents(digits_store.runs_folder) == before


@pytest.mark.parametrize("targets", [["eight", "one"], [1, 8], ["8", "1"], ["one", 8, "eight"]])
def test_targets_are_the_same_run_however_they_are_written(trained_digits, digits_store, run_use_case, targets):
    result = run_use_case("reweight", trained_digits, digits_store, targets=targets)

    assert result["cached"] is True
    assert result["targets"] == [1, 8]


def test_the_page_finds_the_run_by_the_names_of_its_targets(trained_digits, finished_store):
    folder = reweight_run(finished_store)
    study = study_with_options(load_study(trained_digits), {"targets": ["one", "eight"]})

    assert folder.key == reweight_key(folder.manifest()["influence"], study)


def test_all_classes_may_be_targets(trained_digits, influence_store, run_use_case):
    result = run_use_case("reweight", trained_digits, influence_store, targets=list(range(10)), iterations=1)

    assert result["targets"] == list(range(10))
    assert "worst other class" not in result["sentence"]
    assert any("Every class is a target" in notice for notice in result["notices"])


def test_no_target_is_refused(trained_digits, influence_store, run_use_case):
    with pytest.raises(RefusedInput, match="no target class is named"):
        run_use_case("reweight", trained_digits, influence_store, targets=())

    assert [run.manifest()["kind"] for run in influence_store.finished_runs()] == ["influence"]


def test_an_unknown_target_is_refused_with_the_nearest_name(trained_digits, influence_store, run_use_case):
    with pytest.raises(RefusedInput, match=r"'eigth' is no class of this study.*Write 'eight'"):
        run_use_case("reweight", trained_digits, influence_store, targets=("one", "eigth"))

    assert influence_store.unfinished_runs() == []


@pytest.mark.parametrize("options", [{"targets": ("eigth",)}, {"targets": ()}, {"slack": {"eigth": 0.1}}])
def test_a_name_that_is_no_class_is_refused_before_influence_is_computed(
    trained_digits, empty_store, run_use_case, options
):
    with pytest.raises(RefusedInput):
        run_use_case("reweight", trained_digits, empty_store, **options)

    assert empty_store.finished_runs() == empty_store.unfinished_runs() == []


# Fourteen that come from no thresholds and six individuals are the start; up to four are bred in each generation.
@pytest.mark.parametrize(
    ("stop", "generations"),
    [(StopAtCandidate(7), 0), (StopAtCandidate(21), 1), (StopAtCandidate(25), 2), (stop_at_comparison, 3)],
    ids=["first generation", "second generation", "third generation", "comparison"],
)
def test_a_stopped_search_goes_on_and_equals_one_that_never_stopped(
    trained_digits, finished_store, influence_store, run_use_case, contents, stop, generations
):
    with pytest.raises(Cancelled):
        run_use_case("reweight", trained_digits, influence_store, stop)
    (stopped,) = influence_store.unfinished_runs()
    kept = {name: told for name, told in contents(stopped.path).items() if name.startswith(("candidates", "weights-"))}
    assert len(kept) == 2 * generations

    result = run_use_case("reweight", trained_digits, influence_store)

    finished, expected = reweight_run(influence_store), reweight_run(finished_store)
    assert result["cached"] is False
    assert finished.parts == expected.parts
    assert {name: contents(finished.path)[name] for name in kept} == kept
    for name in expected.parts:
        if name.endswith(".parquet"):
            assert finished.read_table(name).equals(expected.read_table(name)), name
    for name in ("improved.safetensors", "state.json", "control.json"):
        assert (finished.path / name).read_bytes() == (expected.path / name).read_bytes(), name
    assert without(finished.manifest(), "created") == without(expected.manifest(), "created")


def test_a_search_that_was_stopped_leaves_its_influence_finished(trained_digits, empty_store, run_use_case):
    with pytest.raises(Cancelled):
        run_use_case("reweight", trained_digits, empty_store, StopAtCandidate(1))

    (search,) = empty_store.unfinished_runs()
    assert {run.manifest()["kind"] for run in empty_store.finished_runs()} == {"influence", "probe"}
    assert search.parts == ("arithmetic.json", "control.json")


@pytest.mark.parametrize("changes", [{"seed": 1}, {"slack": 0.1}, {"iterations": 1}, {"targets": ["one"]}])
def test_what_the_search_depends_on_makes_another_run(
    trained_digits, finished_store, digits_store, run_use_case, changes
):
    result = run_use_case("reweight", trained_digits, digits_store, **changes)

    assert result["cached"] is False
    assert result["run"] != reweight_run(finished_store).key
