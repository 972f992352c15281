"""Runs the command line within the test's process, as scripts see it: one object, or one message and a status."""

import json

import pytest
from typer.testing import CliRunner, Result

from app.__main__ import cli


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def answer(*arguments: object) -> dict:
    """Runs a command that must succeed and returns the one object that it prints."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def refusal(*arguments: object) -> str:
    """Runs a command that must be refused and returns its message."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    (message,) = result.stderr.strip().splitlines()
    return message
