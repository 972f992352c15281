import pytest

from app.figures import removal_maps, strategy_scores
from app.report import findings_of, report_page
from app.report.blocks import Charts, Command, Sentences, Table
from app.report.sections import report_sections
from app.workflow.trust_view import gain_sentence, removal_of
from engine.study import load_study

TITLE = "Does influence predict reality?"


@pytest.fixture(scope="module")
def findings(trained_digits, validated_store):
    return findings_of(trained_digits, load_study(trained_digits), validated_store, {})


@pytest.fixture(scope="module")
def section(findings):
    (found,) = [section for section in report_sections(findings) if section.title == TITLE]
    return found


def of_kind(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_without_real_trainings_there_is_no_such_section(trained_digits, finished_store):
    findings = findings_of(trained_digits, load_study(trained_digits), finished_store, {})

    assert (findings.removal, findings.comparison) == (None, None)
    assert TITLE not in [section.title for section in report_sections(findings)]


def test_the_runs_of_the_study_are_found_and_named(findings, validated_store):
    kinds = {run.manifest()["kind"]: run.key for run in validated_store.finished_runs()}

    assert findings.removal["key"] == kinds["removal"]
    assert findings.comparison["key"] == kinds["datamodelling"]
    page = report_page(findings)
    assert kinds["removal"] in page
    assert kinds["datamodelling"] in page


def test_sentences_maps_and_scores_are_told(section, findings):
    told = [line for block in of_kind(section, Sentences) for line in block.lines]
    assert {findings.removal["sentence"], findings.comparison["sentence"], gain_sentence(findings.comparison)} <= set(
        told
    )
    assert any("A smaller study than the usual one" in line for line in told)
    titles = [figure.layout.title.text for block in of_kind(section, Charts) for figure in block.figures]
    for sign in ("beneficial", "detrimental"):
        assert removal_maps(removal_of(findings.removal, "validation", sign, "loss")).layout.title.text in titles
    found = findings.comparison
    strategies = strategy_scores(
        found["candidates"], found["own"], found["calibrated"]["candidate"], found["mean_ceiling"]
    )
    assert strategies.layout.title.text in titles
    assert len(titles) == 6


def test_every_class_has_its_row(section, findings):
    helps, harms, scores = of_kind(section, Table)

    loss = findings.removal["heatmaps"]["beneficial"]["loss"][3][3]
    assert helps.rows[3][0] == "three"
    assert helps.rows[3][3] == f"{loss:+.3f}".replace("-", "−")
    assert len(helps.rows) == len(harms.rows) == len(scores.rows) == 10
    assert scores.rows[0][2] == f"{findings.comparison['ceiling'][0]:.2f}"


def test_commands_lead_to_the_same_runs(section, trained_digits):
    study = trained_digits / "study.toml"

    assert [block.text for block in of_kind(section, Command)] == [
        f"python -m app validate {study} --what removal --seeds 2 --epochs 2",
        f"python -m app validate {study} --what lds",
    ]


def test_a_calibration_alone_is_told_with_its_own_command(findings):
    from dataclasses import replace

    from app.report.reality import reality_section

    alone = replace(findings, removal=None, comparison={**findings.comparison, "strategies": ["diagonal"]})
    (section,) = reality_section(alone)

    assert [block.text.split()[3] for block in of_kind(section, Command)] == ["calibrate"]
