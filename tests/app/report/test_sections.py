from dataclasses import replace

import numpy as np
import pytest

from app.report import Findings, findings_of
from app.report.blocks import Section, Table
from app.report.sections import report_sections
from engine.study import load_study

CLASSES = 14
NAMES = [f"class {k}" for k in range(CLASSES)]


@pytest.fixture(scope="module")
def findings(trained_digits, finished_store) -> Findings:
    return findings_of(trained_digits, load_study(trained_digits), finished_store, {})


def price_tables(findings: Findings, prices: np.ndarray) -> list[Table]:
    """The tables of prices of a study that has them, and many classes."""
    from app.report.sections import _prices

    told = [[None if np.isnan(price) else float(price) for price in row] for row in prices]
    manifest = {**findings.manifest, "class_names": NAMES}
    many = replace(findings, manifest=manifest, ceiling={**findings.ceiling, "prices": told})
    return [block for block in _prices(many) if isinstance(block, Table)]


def test_of_many_classes_only_known_prices_of_other_classes_are_told(findings):
    prices = np.full((CLASSES, CLASSES), np.nan)
    prices[3, 5], prices[1, 2], prices[4, 4], prices[6, 7] = 0.5, 2.0, 9.0, 0.0

    (table,) = price_tables(findings, prices)

    assert table.rows == [("class 1", "class 2", "2.00"), ("class 3", "class 5", "0.50")]


def test_of_many_prices_the_highest_are_told_first(findings):
    prices = np.arange(1.0, CLASSES**2 + 1).reshape(CLASSES, CLASSES)

    (table,) = price_tables(findings, prices)

    assert len(table.rows) == 20
    assert table.rows[0] == ("class 13", "class 12", "195.00")


def test_where_no_price_is_above_zero_no_table_is_shown(findings):
    assert price_tables(findings, np.full((CLASSES, CLASSES), np.nan)) == []
    assert price_tables(findings, np.diag(np.ones(CLASSES))) == []


def test_the_sections_come_in_the_order_of_a_readers_questions(findings):
    sections: list[Section] = report_sections(findings)

    assert sections[0].title == "Has the classifier reached its ceiling?"
    assert sections[-1].title == "How to repeat it"
