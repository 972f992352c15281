"""The object that ``python -m benchmarks NAME --json`` prints is an interface."""

import json

from typer.testing import CliRunner

import benchmarks.influence
from benchmarks.__main__ import Name, cli
from benchmarks.report import Figure, Report

FIGURES = (
    Figure("speedup_total_k10", 7.25, "times", ">= 6", ">= 12", 3),
    Figure("gpu_seconds_factors", None, "s"),
)


def test_the_object_has_the_keys_that_scripts_rely_on() -> None:
    told = json.loads(Report("some data", True, FIGURES, {"why": [1]}).as_json())
    assert set(told) == {"machine", "commit", "data", "quick", "figures", "details"}
    assert (told["data"], told["quick"]) == ("some data", True)
    assert told["figures"][0] == {
        "name": "speedup_total_k10",
        "value": 7.25,
        "unit": "times",
        "must": ">= 6",
        "hoped": ">= 12",
        "runs": 3,
    }
    assert told["figures"][1]["value"] is None


def test_the_command_prints_that_object_and_nothing_else(monkeypatch) -> None:
    asked = []

    def measure(quick: bool) -> Report:
        asked.append(quick)
        return Report("some data", quick, FIGURES, {})

    monkeypatch.setattr(benchmarks.influence, "measure", measure)
    result = CliRunner().invoke(cli, ["influence", "--quick", "--json"])
    assert (result.exit_code, asked) == (0, [True])
    assert json.loads(result.stdout)["quick"] is True
    table = CliRunner().invoke(cli, ["influence"])
    assert asked == [True, False]
    assert "not measured" in table.stdout


def test_every_name_is_a_module_that_measures() -> None:
    for name in Name:
        assert callable(__import__(f"benchmarks.{name}", fromlist=["measure"]).measure)


def test_an_unknown_name_is_refused() -> None:
    assert CliRunner().invoke(cli, ["weather"]).exit_code == 2
