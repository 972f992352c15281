import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.errors import RefusedInput
from engine.study import Study, load_study, study_problems

SMALLEST = """
name = "small"
[data]
format = "parquet"
train = "train.parquet"
validation = "validation.parquet"
[model]
architecture = "cnn"
"""

FULL: dict[str, Any] = {
    "name": "full",
    "seed": 7,
    "data": {
        "format": "csv",
        "train": "../data/train.csv",
        "validation": 0.25,
        "test": "test.csv",
        "input": ["a", "b"],
        "label": "kind",
        "delimiter": ";",
        "modality": "tabular",
        "class_names": ["cat", "dog", "Güte"],
        "limit": {"train": 100, "test": 10},
        "transform": {"mean": [0.5, 1], "std": [1, 2.5]},
    },
    "model": {"architecture": "mlp", "checkpoints": "kept", "epoch": 3, "bias": False, "hidden": [32, 16]},
    "training": {"learning_rate": 0.4, "momentum": 0, "schedule": "one_cycle", "epochs": 5},
    "influence": {
        "strategy": "kfac",
        "damping": 1e-3,
        "factor_examples": 500,
        "modules": ["0", "2"],
        "measurement": "margin",
    },
    "reweight": {
        "targets": ["cat", 2],
        "weight_bounds": [0, 2],
        "search": {"population": 12, "elites": 3, "mutated_elites": 3, "randoms": 3, "crossover_children": 3},
    },
    "compute": {"threads": 2},
}


def toml(values: dict[str, Any], prefix: str = "") -> str:
    """Writes settings as TOML: plain keys first, then a heading for each table."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    # For texts, numbers, truths and lists of them, JSON is TOML.
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
    for key, value in values.items():
        if isinstance(value, dict):
            text += f"[{prefix}{key}]\n" + toml(value, f"{prefix}{key}.")
    return text


def with_setting(values: dict[str, Any], place: str, setting: Any) -> dict[str, Any]:
    """Returns a copy with the setting at ``"table.table.key"``; an absent table is made."""
    key, _, rest = place.partition(".")
    return {**values, key: with_setting(values.get(key, {}), rest, setting) if rest else setting}


def study_of(folder: Path, values: dict[str, Any]) -> Study:
    (folder / "study.toml").write_text(toml(values), encoding="utf-8")
    return load_study(folder)


def refusal_of(folder: Path, base: dict[str, Any], *changes: tuple[str, Any]) -> RefusedInput:
    for place, setting in changes:
        base = with_setting(base, place, setting)
    with pytest.raises(RefusedInput) as caught:
        study_of(folder, base)
    return caught.value


@pytest.fixture
def smallest() -> dict[str, Any]:
    return tomllib.loads(SMALLEST)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return study_of(tmp_path_factory.mktemp("full"), FULL)


def test_a_study_needs_only_a_name_its_data_and_its_model(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(SMALLEST, encoding="utf-8")

    study = load_study(tmp_path / "study.toml")

    assert (study.name, study.seed, study.folder) == ("small", 0, tmp_path)
    assert study.data.modality == "image"
    assert study.data.test is None
    assert study.reweight.weight_bounds == (0.5, 1.5)
    assert study.reweight.search.population == 24


def test_every_key_of_the_file_reaches_its_setting(full: Study) -> None:
    written = full.model_dump(exclude_unset=True)

    assert json.loads(json.dumps(written)) == FULL


def test_a_folder_stands_for_the_study_file_in_it(tmp_path: Path, smallest: dict[str, Any]) -> None:
    assert study_of(tmp_path, smallest) == load_study(tmp_path / "study.toml")


def test_paths_are_relative_to_the_study_file_and_only_files_have_one(full: Study) -> None:
    assert full.data_paths == {"train": full.folder / "../data/train.csv", "test": full.folder / "test.csv"}
    assert full.checkpoints_path == full.folder / "kept"
    assert full.path("/elsewhere/x.npz") == Path("/elsewhere/x.npz")


def test_the_users_own_code_is_an_input_as_the_data_are(tmp_path: Path, smallest: dict[str, Any]) -> None:
    assert study_of(tmp_path, smallest).input_paths == [tmp_path / "train.parquet", tmp_path / "validation.parquet"]
    own = study_of(tmp_path, with_setting(smallest, "model.architecture", "file:net/model.py:build"))
    assert own.input_paths == [*own.data_paths.values(), tmp_path / "net" / "model.py"]


@pytest.mark.parametrize("architecture", ["torchvision:resnet18", "file:model.py:build"])
@pytest.mark.parametrize(("option", "value"), [("bias", False), ("hidden", [8])])
def test_options_of_our_networks_are_refused_for_others(
    tmp_path: Path, smallest: dict[str, Any], architecture: str, option: str, value: Any
) -> None:
    changes = (("model.architecture", architecture), (f"model.{option}", value))
    assert f"{option} is given for architecture = '{architecture}'" in str(refusal_of(tmp_path, smallest, *changes))


def test_the_study_file_may_be_named_relative_to_the_working_directory(
    tmp_path: Path, smallest: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    study_of(tmp_path, smallest)
    monkeypatch.chdir(tmp_path.parent)

    assert load_study(tmp_path.name).folder == tmp_path


def test_a_table_is_expected_to_be_tabular_and_all_else_pictures(tmp_path: Path, smallest: dict[str, Any]) -> None:
    modalities = {
        form: study_of(tmp_path, with_setting(smallest, "data.format", form)).data.modality
        for form in ("csv", "parquet", "npz", "image_folder")
    }

    assert modalities == {"csv": "tabular", "parquet": "image", "npz": "image", "image_folder": "image"}


def test_a_study_cannot_be_changed_in_place(full: Study) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        full.training.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("place", "value", "problem", "expected", "remedy"),
    [
        # Choices, with the nearest where one is near.
        ("model.architecture", "resnet", "[model] architecture is 'resnet'", "'cnn' or 'resnet9'", "'resnet9'"),
        ("model.architecture", "CNN", "[model] architecture is 'CNN'", "'cnn'", "'cnn'"),
        (
            "model.architecture",
            "resnet18",
            "[model] architecture is 'resnet18'",
            "'torchvision:resnet18'",
            "Write 'torchvision:resnet18' if that",
        ),
        (
            "model.architecture",
            "file:model.py",
            "[model] architecture is 'file:model.py'",
            "the name of a function",
            "Write 'file:model.py:build'",
        ),
        ("model.architecture", 3, "[model] architecture is 3", "a string", "Change [model] architecture"),
        ("data.format", "excel", "[data] format is 'excel'", "'parquet', 'csv', 'npz'", "Change [data]"),
        (
            "data.format",
            "torchvision",
            "[data] dataset is missing for format",
            "dataset = 'CIFAR10'",
            "Add it to [data]",
        ),
        ("data.transform.augment", ["crp"], "[data.transform] augment[0] is 'crp'", "'crop' or 'flip'", "'crop'"),
        ("influence.damping", "heurist", "[influence] damping is 'heurist'", "'calibrated' or a number", "'heuristic'"),
        ("influence.measurement", "accuracy", "measurement is 'accuracy'", "'soft_accuracy'", "'soft_accuracy'"),
        ("influence.factor_examples", "al", "factor_examples is 'al'", "'auto' or 'all' or a whole number", "'all'"),
        # Types are not guessed at.
        ("seed", "1", "seed is '1'", "a whole number", "Change seed"),
        ("seed", 1.0, "seed is 1.0", "a whole number", "Change seed"),
        ("seed", True, "seed is true", "a whole number", "Change seed"),
        ("name", 3, "name is 3", "a string", "Change name"),
        ("model.hidden", 64, "[model] hidden is 64", "a list", "Change [model] hidden"),
        ("model.hidden", [64, "a"], "[model] hidden[1] is 'a'", "a whole number", "Change [model] hidden[1]"),
        ("training", 5, "training is 5", "a table", "Change training"),
        ("training.learning_rate", "fast", "[training] learning_rate is 'fast'", "a number", "Change [training]"),
        ("reweight.mean_preserving", "no", "mean_preserving is 'no'", "true or false", "Change [reweight]"),
        ("reweight.targets", "cat", "[reweight] targets is 'cat'", "a list", "Change [reweight] targets"),
        ("reweight.targets", [1.5], "targets[0] is 1.5", "a string or a whole number", "Change [reweight] targets[0]"),
        ("influence.modules", [1], "[influence] modules[0] is 1", "a string", "Change [influence] modules[0]"),
        ("data.input", [1], "[data] input[0] is 1", "a string", "Change [data] input[0]"),
        ("data.validation", True, "[data] validation is true", "a string or a number", "Change [data] validation"),
        ("reweight.slack", "x", "[reweight] slack is 'x'", "a number or a table", "Change [reweight] slack"),
        (
            "reweight.slack",
            {"cat": 2},
            "[reweight] slack.cat is 2",
            "a number of at most 1",
            "Change [reweight] slack.cat",
        ),
        # Ranges.
        ("seed", -1, "seed is -1", "a number of at least 0", "Change seed"),
        ("seed", 2**31, "seed is 2147483648", "a number less than 2147483648", "Change seed"),
        ("name", "", "name is ''", "a string no shorter than 1", "Change name"),
        ("name", "x" * 201, "xxx … xxxxxx'", "a string no longer than 200", "Change name"),
        ("data.train", "", "[data] train is ''", "a path", "Change [data] train"),
        ("data.test", "a\0b", "[data] test is 'a\\x00b'", "a path", "Change [data] test"),
        ("data.validation", 1.5, "[data] validation is 1.5", "a string or a number less than 1", "Change"),
        ("data.validation", 0, "[data] validation is 0", "a string or a number greater than 0", "Change"),
        ("data.limit.train", 0, "[data.limit] train is 0", "a number greater than 0", "Change [data.limit] train"),
        ("data.transform.resize", 2, "[data.transform] resize is 2", "a number of at least 4", "Change"),
        ("data.class_names", ["cat"], "[data] class_names is ['cat']", "a list of 2 or more", "Change"),
        ("model.hidden", [64, 0], "[model] hidden[1] is 0", "a number greater than 0", "Change [model] hidden[1]"),
        ("influence.damping", 0, "[influence] damping is 0", "'calibrated' or a number greater than 0", "Change"),
        ("reweight.weight_bounds", [0, 1, 2], "weight_bounds is [0, 1, 2]", "a list of 2 or fewer", "Change"),
        ("reweight.weight_bounds", [1], "weight_bounds[1] is missing", "a value for [reweight]", "Add it"),
        ("reweight.weight_bounds", [-1, 1], "weight_bounds is [-1, 1]", "0 <= lo <= 1 <= hi", "Change weight_bounds"),
        ("reweight.weight_bounds", [1.2, 2], "weight_bounds is [1.2, 2]", "0 <= lo <= 1 <= hi", "Change"),
        ("reweight.weight_bounds", [1, 1], "weight_bounds is [1, 1]", "lo < hi", "Change weight_bounds"),
        # Keys.
        ("modle", {}, "unknown key 'modle'.", "one of name, seed, data, model, training", "'model'"),
        ("data.lable", "y", "unknown key 'lable' in [data]", "one of format, train, validation", "'label'"),
        ("data.limit.trian", 5, "unknown key 'trian' in [data.limit]", "one of train, validation, test", "'train'"),
        ("reweight.search.elite", 5, "unknown key 'elite' in [reweight.search]", "one of iterations,", "'elites'"),
        ("qqq", 1, "unknown key 'qqq'.", "reweight, compute.", "Remove the key or mend its name"),
        # TOML gives a key that is written too late to the table above it.
        ("model.seed", 1, "unknown key 'seed' in [model]", "one of architecture,", "top of the file, above the first"),
        ("model.momentum", 1, "unknown key 'momentum' in [model]", "one of architecture,", "Move it to [training]"),
        ("folder", "/", "unknown key 'folder'.", "one of name, seed, data,", "influence, reweight, compute."),
        # Keys that do not agree.
        ("data.transform.mean", [0.5], "[data.transform] only one of mean and std", "both or neither", "Add or remove"),
        (
            "data.delimiter",
            ";",
            "[data] delimiter is given for format = 'parquet'",
            "only for format = 'csv'",
            "Remove",
        ),
        ("data.input", ["a", "b"], "[data] input is a list for modality = 'image'", "one column or array", "Name the"),
        (
            "data.class_names",
            ["a", "b", "a"],
            "[data] class_names has 'a' more than once",
            "every class once",
            "rename",
        ),
        ("model.hidden", [8], "hidden is given for architecture = 'cnn'", "only for architecture = 'mlp'", "Remove"),
        ("model.bias", True, "[model] bias is given for", "'logistic_regression' or 'mlp'", "Remove bias"),
    ],
)
def test_a_refusal_names_the_key_what_was_expected_and_the_nearest_choice(
    tmp_path: Path, smallest: dict[str, Any], place: str, value: Any, problem: str, expected: str, remedy: str
) -> None:
    if place.startswith("model.hidden") and value != [8]:
        smallest["model"]["architecture"] = "mlp"

    message = str(refusal_of(tmp_path, smallest, (place, value)))

    assert message.startswith(str(tmp_path / "study.toml"))
    said_problem, _, rest = message.partition(" Expected ")
    assert problem in said_problem
    assert expected in rest
    assert remedy in rest
    assert not any(twice in message for twice in ("..", "?.", "'.'", "nput should"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"data.transform.mean": [0.5, 0.5], "data.transform.std": [1]},
            "[data.transform] mean has 2 values and std 1. Expected one of each for every channel or column.",
        ),
        (
            {"data.format": "csv", "data.modality": "image"},
            "[data] modality is 'image' for format = 'csv'. Expected modality = 'tabular'.",
        ),
        (
            {"data.format": "image_folder", "data.modality": "tabular"},
            "[data] modality is 'tabular' for format = 'image_folder'. Expected modality = 'image'.",
        ),
        (
            {"data.modality": "tabular", "data.transform.resize": 32},
            "[data] transform has resize or augment for modality = 'tabular'. Expected these for pictures only.",
        ),
        (
            {"data.modality": "tabular", "data.transform.augment": ["flip"]},
            "[data] transform has resize or augment for modality = 'tabular'. Expected these for pictures only.",
        ),
        (
            {"reweight.thresholds": "paper", "reweight.mean_preserving": True},
            "[reweight] mean_preserving is true for thresholds = 'paper'. Expected it only for thresholds = 'attain",
        ),
        (
            {"reweight.search.elites": 7},
            "[reweight.search] population is 24 but elites + mutated_elites + randoms + crossover_children is 25. ",
        ),
        ({"data.transform.std": [0], "data.transform.mean": [0]}, "std[0] is 0. Expected a number greater than 0."),
        ({"data.transform.std": [], "data.transform.mean": []}, "mean is []. Expected a list of 1 or more."),
        (
            {"data.modality": "tabular", "data.input": []},
            "[data] input is []. Expected a string or a list of 1 or more.",
        ),
    ],
)
def test_keys_that_do_not_agree_are_refused_with_what_would(
    tmp_path: Path, smallest: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    assert words in str(refusal_of(tmp_path, smallest, *changes.items()))


@pytest.mark.parametrize("absent", ["name", "data", "model"])
def test_what_a_study_cannot_do_without_is_asked_for(tmp_path: Path, smallest: dict[str, Any], absent: str) -> None:
    del smallest[absent]

    assert f"{absent} is missing. Expected a value for {absent}." in str(refusal_of(tmp_path, smallest))


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "key", ["influence]\ndamping = {}", "training]\nlearning_rate = {}", "reweight]\nweight_bounds = [{}, 2]"]
)
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, key: str, number: str) -> None:
    (tmp_path / "study.toml").write_text(SMALLEST + "[" + key.format(number), encoding="utf-8")

    with pytest.raises(RefusedInput, match=f"is {number}. Expected .*a finite number"):
        load_study(tmp_path)


def test_the_paper_thresholds_are_taken_where_the_mean_constraint_is_only_a_default(
    tmp_path: Path, smallest: dict[str, Any]
) -> None:
    study = study_of(tmp_path, with_setting(smallest, "reweight.thresholds", "paper"))

    assert study.reweight.thresholds == "paper"


@pytest.mark.parametrize(
    "content",
    [
        b"name = ",
        b"\xff\xfe",
        b"<!DOCTYPE html>",
        b"name = 1\nname = 2",
        b"x = " + b"[" * 100_000,
        b"x" + b".x" * 30 + b" = 1",
        # Four times as many parts take the parser sixteen times as long.
        b"y = {x" + b".x" * 400_000 + b" = 1}",
        b"x = " + b"[" * 30 + b"]" * 30,
        b"seed = " + b"9" * 5000,
        b"seed = 0x" + b"f" * 6000,
    ],
    ids=[
        "half a line",
        "not UTF-8",
        "a web page",
        "a key twice",
        "too deep to be parsed",
        "tables too deep",
        "a key without end",
        "lists too deep",
        "a number without end",
        "a number that cannot be told",
    ],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.toml").write_bytes(content)

    with pytest.raises(RefusedInput, match=r"study\.toml is not TOML: .*\. Expected a study file in TOML\."):
        load_study(tmp_path)


def test_a_missing_file_and_a_folder_without_one_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(RefusedInput, match=r"there is no file .* Expected a study\.toml, or a folder with one"):
            load_study(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "study.toml")

    with pytest.raises(RefusedInput, match="there is no file"):
        load_study(tmp_path)


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, smallest: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    study_of(tmp_path, smallest)

    def denied(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    # The user that runs the tests may be one whom no permission holds back.
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(RefusedInput, match=r"Permission denied\. Expected a file that can be read"):
        load_study(tmp_path)


any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
tables = st.sampled_from(["study", *(name for name in Study.model_fields if name not in ("name", "seed", "folder"))])
known_keys = sorted(
    {"folder", "absent"}
    | {key for table in FULL.values() if isinstance(table, dict) for key in table}
    | set(Study.model_fields)
)


def changed_or_refused(study: Study, changes: dict[str, Any]) -> Study | str:
    try:
        return study.with_changes(**changes)
    except RefusedInput as refused:
        return str(refused)


@given(
    st.dictionaries(tables, st.dictionaries(st.sampled_from(known_keys), any_value, max_size=3) | any_value, max_size=3)
)
def test_any_change_ends_in_a_valid_study_or_a_refusal(full: Study, changes: dict[str, Any]) -> None:
    changes = {table: keys for table, keys in changes.items() if table != "study" or isinstance(keys, dict)}

    outcome = changed_or_refused(full, changes)

    if isinstance(outcome, Study):
        assert outcome.with_changes() == outcome
    else:
        assert outcome.startswith("study 'full': ")


changes_that_fit = st.fixed_dictionaries(
    {},
    optional={
        "study": st.fixed_dictionaries(
            {}, optional={"name": st.text(min_size=1, max_size=20), "seed": st.integers(0, 9)}
        ),
        "model": st.fixed_dictionaries({}, optional={"epoch": st.integers(0, 99), "bias": st.booleans()}),
        "training": st.fixed_dictionaries({}, optional={"learning_rate": st.floats(1e-6, 10)}),
        "reweight": st.fixed_dictionaries(
            {},
            optional={
                "targets": st.lists(st.integers(0, 9) | st.text(max_size=5), max_size=3),
                "weight_bounds": st.tuples(st.floats(0, 0.9), st.floats(1, 5)),
                "search": st.fixed_dictionaries({"iterations": st.integers(1, 50)}),
            },
        ),
    },
)


@given(changes_that_fit)
def test_changes_change_what_they_name_and_nothing_else(full: Study, changes: dict[str, Any]) -> None:
    expected = json.loads(full.canonical(*full.model_dump()))
    for table, keys in changes.items():
        for key, value in keys.items():
            place = expected if table == "study" else expected[table]
            place[key] = place[key] | value if isinstance(value, dict) else json.loads(json.dumps(value))

    changed = full.with_changes(**changes)

    assert json.loads(changed.canonical(*full.model_dump())) == expected
    assert changed.folder == full.folder


@given(changes_that_fit)
def test_a_change_and_its_way_back_give_the_same_study(full: Study, changes: dict[str, Any]) -> None:
    written = full.model_dump()
    back = {
        table: {key: (written if table == "study" else written[table])[key] for key in keys}
        for table, keys in changes.items()
    }

    assert full.with_changes(**changes).with_changes(**back) == full


def test_a_change_inside_a_table_keeps_the_rest_of_that_table(full: Study) -> None:
    changed = full.with_changes(reweight={"search": {"iterations": 2}})

    assert changed.reweight.search.iterations == 2
    assert changed.reweight.search.population == 12
    assert changed.reweight.targets == ("cat", 2)


def test_a_change_of_a_setting_with_one_number_a_class_replaces_them_all(full: Study) -> None:
    once = full.with_changes(reweight={"slack": {"cat": 0.1, "dog": 0.2}})

    assert once.with_changes(reweight={"slack": {"dog": 0.3}}).reweight.slack == {"dog": 0.3}


def test_a_change_does_not_touch_the_original(full: Study) -> None:
    before = full.model_dump_json()

    full.with_changes(data={"limit": {"train": 1}}, reweight={"targets": ["dog"]})

    assert full.model_dump_json() == before


def test_a_change_does_not_turn_defaults_into_the_users_words(tmp_path: Path, smallest: dict[str, Any]) -> None:
    study = study_of(tmp_path, smallest)

    # Both would be refused if the defaults of bias, hidden and mean_preserving counted as written.
    changed = study.with_changes(model={"architecture": "resnet9"}, reweight={"thresholds": "paper"})

    assert (changed.model.architecture, changed.reweight.thresholds) == ("resnet9", "paper")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"reweight": {"tragets": ["cat"]}},
            "study 'full': unknown key 'tragets' in [reweight]. Expected one of setting,",
        ),
        ({"rewieght": {"targets": ["cat"]}}, "study 'full': unknown key 'rewieght'. Expected one of name,"),
        ({"study": {"folder": Path("/")}}, "study 'full': unknown key 'folder'. Expected one of name,"),
        ({"model": {"epoch": -1}}, "study 'full': [model] epoch is -1. Expected a number of at least 0."),
        ({"data": {"delimiter": None, "format": "npz", "limit": {"train": -1}}}, "[data.limit] train is -1."),
    ],
)
def test_a_change_that_does_not_fit_is_refused_as_a_file_would_be(
    full: Study, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedInput) as caught:
        full.with_changes(**changes)

    assert words in str(caught.value)


def shuffled(values: Any, order: list[int]) -> Any:
    """Returns settings with the keys of every table in another order."""
    if not isinstance(values, dict):
        return values
    keys = sorted(values, key=lambda key: order[sum(map(ord, key)) % len(order)])
    return {key: shuffled(values[key], order) for key in keys}


@given(st.permutations(range(13)))
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(full: Study, order: list[int]) -> None:
    names = list(full.model_dump())
    again = Study.model_validate({**shuffled(FULL, order), "folder": "/another/machine"})

    assert again.canonical(*names) == full.canonical(*names[::-1])


def test_the_canonical_form_knows_defaults_and_number_forms_but_not_the_folder(
    tmp_path: Path, smallest: dict[str, Any]
) -> None:
    plain = study_of(tmp_path, smallest)
    spelt = study_of(
        tmp_path, {**smallest, "training": {"momentum": 0.9, "weight_decay": 0}, "compute": {"threads": 0}}
    )

    assert plain.canonical("training", "compute") == spelt.canonical("training", "compute")
    assert str(tmp_path) not in plain.canonical(*plain.model_dump())


def test_the_canonical_form_holds_the_named_tables_only(full: Study) -> None:
    assert json.loads(full.canonical("seed", "compute")) == {
        "compute": {
            "batch_size": 0,
            "device": "auto",
            "memory_gb": 2.0,
            "precision": "auto",
            "threads": 2,
            "workers": 1,
        },
        "seed": 7,
    }


def test_the_canonical_form_differs_where_a_setting_does(full: Study) -> None:
    changed = full.with_changes(training={"learning_rate": 0.4000001})

    assert changed.canonical("training") != full.canonical("training")
    assert changed.canonical("data", "model") == full.canonical("data", "model")


def test_all_problems_of_values_are_told_at_once_and_none_of_what_is_read(tmp_path: Path) -> None:
    values = {"name": "", "data": {"format": "csv", "validation": 0.2}, "model": {"architecture": "mlp"}}

    assert list(study_problems(values, tmp_path)) == ["name", "data.train"]

    values |= {"name": "birds", "data": {"format": "csv", "train": "train.csv", "validation": 0.2}}
    assert study_problems(values, tmp_path) == {}


def test_no_more_is_read_than_a_study_file_can_have(tmp_path: Path) -> None:
    with (tmp_path / "study.toml").open("wb") as file:
        file.truncate(2**40)

    with pytest.raises(RefusedInput, match=r"study\.toml has more than 1,048,576 bytes"):
        load_study(tmp_path)


def test_as_many_class_names_as_a_study_file_holds_are_compared(tmp_path: Path, smallest: dict[str, Any]) -> None:
    # Each with each, it would take most of an hour, in which the page that lists the study says nothing.
    smallest["data"]["class_names"] = [str(number) for number in range(100_000)]

    assert len(study_of(tmp_path, smallest).data.class_names or ()) == 100_000
