import pytest

from app.workflow.options import finds_again, study_with_options
from cache.fingerprints import reweight_key
from engine.errors import RefusedInput
from engine.study import Study, load_study


@pytest.fixture
def study(tmp_path) -> Study:
    (tmp_path / "study.toml").write_text(
        """
        name = "case"
        seed = 3
        [data]
        format = "npz"
        train = "train.npz"
        validation = 0.2
        [model]
        architecture = "mlp"
        epoch = 7
        [reweight]
        targets = ["a"]
        [reweight.search]
        population = 4
        elites = 1
        mutated_elites = 1
        randoms = 1
        crossover_children = 1
        """
    )
    return load_study(tmp_path)


def test_without_options_the_study_is_as_its_file_says(study):
    assert study_with_options(study, {}) is study
    assert study_with_options(study, {"seed": None, "epoch": None, "targets": None}) is study


def test_options_of_single_commands_change_nothing(study):
    assert study_with_options(study, {"limit": 5, "sign": "helpful", "classes": ("a",), "overwrite": True}) is study


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seed": 0}, lambda study: study.seed == 0),
        ({"epoch": 0}, lambda study: study.model.epoch == 0),
        ({"targets": ["b", 2]}, lambda study: study.reweight.targets == ("b", 2)),
        ({"targets": ()}, lambda study: study.reweight.targets == ()),
        ({"slack": 0.1}, lambda study: study.reweight.slack == 0.1),
        ({"slack": {"b": 0.2}}, lambda study: study.reweight.slack == {"b": 0.2}),
        ({"iterations": 3}, lambda study: study.reweight.search.iterations == 3),
    ],
)
def test_an_option_changes_its_key_and_nothing_else(study, options, told):
    changed = study_with_options(study, options)

    assert told(changed)
    before, after = flat(study.model_dump()), flat(changed.model_dump())
    assert len({name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}) == 1


def flat(values: dict, prefix: str = "") -> dict:
    """The keys of all tables by their path; ``slack`` and ``targets`` are one key each."""
    told: dict = {}
    for name, value in values.items():
        nested = isinstance(value, dict) and name != "slack"
        told |= flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return told


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"seed": -1}, "seed"),
        ({"epoch": "last"}, "epoch"),
        ({"iterations": 0}, "iterations"),
        ({"slack": 1.5}, "slack"),
        ({"setting": "course_corection"}, "setting"),
    ],
)
def test_an_option_that_no_study_may_have_is_refused_by_its_key(study, options, key):
    with pytest.raises(RefusedInput, match=key):
        study_with_options(study, options)


def test_a_search_is_found_again_while_the_study_still_says_what_it_was_told(study):
    options = {"setting": "direct_improvement", "targets": ["b"], "slack": 0.1, "iterations": 3}
    search = reweight_key("influence", study_with_options(study, options))

    assert finds_again(search, "influence", study, options)
    assert not finds_again(search, "another", study, options)
    assert not finds_again(search, "influence", study, {**options, "iterations": 4})
    assert not finds_again(search, "influence", study.with_changes(reweight={"budget": 0.5}), options)
    # The paper's thresholds have no slack.
    paper = study.with_changes(reweight={"thresholds": "paper", "mean_preserving": False})
    assert not finds_again(search, "influence", paper, options)
