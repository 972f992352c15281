"""A study on texts from its files to what is listed of it."""

from typing import Any

import pytest

from app.report import findings_of, report_page
from app.workflow.commands import COMMANDS
from app.workflow.preview_view import sample_table
from app.workflow.run_texts import TEXTS, stored_texts
from cache.store import Store
from engine.study import Study
from tests.engine.text_studies import text_study, texts_of, write_transformer

FAST: Any = {"training": {"epochs": 2, "batch_size": 20}, "compute": {"device": "cpu", "threads": 1}}


def run(name: str, study: Study, store: Store, **options: Any) -> dict[str, Any]:
    return COMMANDS[name](study, store, options, lambda *_, **__: None)


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> tuple[Study, Store]:
    folder = tmp_path_factory.mktemp("words")
    study, store = text_study(folder, **FAST), Store(folder / "store")
    run("train", study, store)
    return study, store


@pytest.fixture(scope="module")
def tokens(tmp_path_factory) -> tuple[Study, Store]:
    folder = tmp_path_factory.mktemp("tokens")
    write_transformer(folder / "bert")
    study = text_study(folder, data={"max_length": 12}, model={"architecture": "transformers:bert"}, **FAST)
    store = Store(folder / "store")
    run("train", study, store)
    return study, store


def test_features_are_kept_in_the_store_and_made_once(words):
    study, store = words
    before = {file: file.stat().st_mtime_ns for file in store.features_folder.iterdir()}

    run("influence", study, store)

    assert {file: file.stat().st_mtime_ns for file in store.features_folder.iterdir()} == before
    assert len(before) == 2


def test_the_most_harmful_samples_are_listed_with_their_texts(words):
    study, store = words
    told = run("samples", study, store, limit=3)["samples"]

    texts = texts_of(60, 1)[0]
    assert [sample["text"] for sample in told] == [texts[sample["index"]] for sample in told]
    assert {sample["unit"] for sample in told} == {"words"}
    assert all(0 < sample["length"] <= 14 for sample in told)


def test_a_transformer_is_trained_and_its_influence_computed(tokens):
    study, store = tokens
    result = run("influence", study, store)

    assert result["samples"] == 60
    assert result["tracked_parameters"] < 0.5
    assert any("only the last layer, the pooler and the classifier are tracked" in line for line in result["notices"])
    assert any("are longer than 12 tokens and were cut" in line for line in result["notices"])
    assert store.run(result["run"]).manifest()["refused_modules"]["bert.embeddings.LayerNorm"]


def test_what_the_model_does_not_see_is_stored_with_the_run(tokens):
    study, store = tokens
    folder = store.run(run("influence", study, store)["run"])

    stored = stored_texts(folder)
    assert stored is not None
    assert stored[0]["text"] == texts_of(60, 1)[0][0]
    assert {text["most"] for text in stored} == {12}
    assert any(text["length"] > 12 for text in stored)


def test_a_run_on_other_samples_has_no_texts(finished_store, trained_digits):
    from app.workflow.influence import influence_run
    from engine.study import load_study

    folder, _ = influence_run(load_study(trained_digits), finished_store)

    assert TEXTS not in folder.parts
    assert stored_texts(folder) is None


@pytest.mark.parametrize("kind", ["words", "tokens"])
def test_a_preview_shows_texts_and_tries_the_model(kind, request):
    study, store = request.getfixturevalue(kind)
    result = run("preview", study, store)

    assert result["model"]["samples"] == 24
    table = sample_table(result)
    assert list(table.columns) == ["given label", "text", "length", "from"]
    assert set(table["text"]) <= set(texts_of(60, 1)[0])
    assert table["length"].str.contains(kind).all()


def test_the_report_lists_texts_with_their_length(tokens):
    study, store = tokens
    run("ceiling", study, store)

    # Its text is part of the report.
    (study.folder / "study.toml").write_text("# a study")
    page = report_page(findings_of(study.folder, study, store, {}))
    assert ", cut to 12" in page
    assert any(text in page for text in texts_of(60, 1)[0])
