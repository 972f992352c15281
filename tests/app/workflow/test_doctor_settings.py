"""What ``doctor`` says of the variables that set up Paretoscope."""

import os

import pytest

from app.workflow.doctor_settings import settings_check


def test_no_setting_and_right_settings_are_in_order(tmp_path):
    assert settings_check({"HOME": "x"})["message"] == "all as they are by default"
    right = {
        "PARETOSCOPE_STORE": str(tmp_path / "new"),
        "PARETOSCOPE_ROOTS": os.pathsep.join([str(tmp_path), "/"]),
        "PARETOSCOPE_CODE_ROOT": "",
        "PARETOSCOPE_JOB_HOURS": "2",
        "PARETOSCOPE_JOB_MEMORY": "8GB",
        "PARETOSCOPE_JOBS_AT_ONCE": "3",
        "PARETOSCOPE_TASK_HOURS": "48",
        "PARETOSCOPE_RAY": "10.0.0.1:6379",
    }
    found = settings_check(right)
    assert found["ok"]
    assert "PARETOSCOPE_JOBS_AT_ONCE" in found["message"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PARETOSCOPE_ROOTS", "/no/such/folder", "PARETOSCOPE_ROOTS: /no/such/folder is no folder"),
        ("PARETOSCOPE_CODE_ROOT", "/no/such/folder", "PARETOSCOPE_CODE_ROOT: /no/such"),
        ("PARETOSCOPE_STORE", __file__, "is a file: name a folder"),
        ("PARETOSCOPE_JOB_MEMORY", "lots", "PARETOSCOPE_JOB_MEMORY is 'lots'"),
        ("PARETOSCOPE_JOB_HOURS", "-1", "PARETOSCOPE_JOB_HOURS is '-1'"),
        ("PARETOSCOPE_JOBS_AT_ONCE", "1.5", "PARETOSCOPE_JOBS_AT_ONCE is '1.5'"),
        ("PARETOSCOPE_TASK_HOURS", "0", "PARETOSCOPE_TASK_HOURS is '0'"),
        ("PARETOSCOPE_RAY", "nowhere", "PARETOSCOPE_RAY: the address of the Ray cluster is 'nowhere'"),
        ("PARETOSCOPE_HOSTS", "http://x/", "PARETOSCOPE_HOSTS: write names with commas"),
        ("PARETOSCOPE_ROOT", "/", "PARETOSCOPE_ROOT is no setting. Write 'PARETOSCOPE_ROOTS'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_by_its_name(name, value, told):
    found = settings_check({name: value})
    assert not found["ok"]
    assert told in found["message"]
