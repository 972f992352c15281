"""A model out of the user's own file: when its code may run, and what it must build."""

import os
import sys
from pathlib import Path

import pytest
import torch

from engine.errors import RefusedInput
from engine.models.builder_file import CODE_ROOT, allowed_file, model_from_file

WORKING = """
from __future__ import annotations
import dataclasses
from torch import nn

@dataclasses.dataclass
class Width:
    hidden: int = 4

def build(input_shape, num_classes):
    features = 1
    for side in input_shape:
        features *= side
    return nn.Sequential(nn.Flatten(), nn.Linear(features, Width().hidden), nn.ReLU(), nn.Linear(4, num_classes))
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose code may run."""
    folder = tmp_path / "trusted"
    folder.mkdir()
    monkeypatch.setenv(CODE_ROOT, str(folder))
    return folder


def written(folder: Path, text: str, name: str = "model.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def returning(folder: Path, expression: str) -> Path:
    head = "import torch\nfrom torch import nn\ndef build(input_shape, num_classes):\n  "
    return written(folder, f"{head}{expression}\n")


def refusal(path: Path, function: str = "build") -> str:
    with pytest.raises(RefusedInput) as caught:
        model_from_file(path, function, (4,), 3)
    return str(caught.value)


@pytest.mark.parametrize("shape", [(4,), (3, 5, 6)])
def test_the_builder_is_called_with_the_shape_of_a_sample_and_the_number_of_classes(
    root: Path, shape: tuple[int, ...]
) -> None:
    model = model_from_file(written(root, WORKING), "build", shape, 7)
    assert model.training
    assert model(torch.zeros(2, *shape)).shape == (2, 7)


def test_nothing_runs_until_a_folder_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, WORKING + f"open({str(tmp_path / 'evidence')!r}, 'w').close()\n")
    for value in (None, "", os.pathsep, str(tmp_path / "other"), str(path)):
        if value is None:
            monkeypatch.delenv(CODE_ROOT, raising=False)
        else:
            monkeypatch.setenv(CODE_ROOT, value)
        message = refusal(path)
        assert f"this runs the code of {path} with your rights" in message
        assert f"set {CODE_ROOT}={tmp_path} and start again" in message
        assert not (tmp_path / "evidence").exists()
    monkeypatch.setenv(CODE_ROOT, str(tmp_path))
    model_from_file(path, "build", (4,), 3)
    assert (tmp_path / "evidence").exists(), "the code of this test does nothing"


def test_several_folders_may_be_allowed(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CODE_ROOT, os.pathsep.join([str(tmp_path / "missing"), "", str(root)]))
    (root / "deep").mkdir()
    assert allowed_file(written(root / "deep", "")) == root / "deep" / "model.py"


def test_an_allowed_folder_is_named_by_its_full_path(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv(CODE_ROOT, ".")
    assert "full path" in refusal(written(root, WORKING))


def test_a_folder_beside_with_the_same_beginning_is_not_allowed(root: Path) -> None:
    beside = root.with_name("trusted-not")
    beside.mkdir()
    assert f"{CODE_ROOT} names only {root}" in refusal(written(beside, WORKING))
    assert "names only" in refusal(root / ".." / "trusted-not" / "model.py")


def test_links_are_followed_before_the_place_is_judged(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = written(tmp_path, WORKING, "outside.py")
    (root / "link.py").symlink_to(outside)
    assert f"the code of {outside}" in refusal(root / "link.py")
    (root / "linked").symlink_to(tmp_path)
    assert f"the code of {outside}" in refusal(root / "linked" / "outside.py")
    # A link to an allowed file, and an allowed folder that is itself a link.
    written(root, WORKING)
    (tmp_path / "into.py").symlink_to(root / "model.py")
    assert allowed_file(tmp_path / "into.py") == root / "model.py"
    (tmp_path / "alias").symlink_to(root)
    monkeypatch.setenv(CODE_ROOT, str(tmp_path / "alias"))
    assert allowed_file(root / "model.py") == root / "model.py"


def test_only_a_regular_python_file_is_read(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    (root / "folder.py").mkdir()
    (root / "text.py").symlink_to(written(root, WORKING, "model.txt"))
    (root / "loop.py").symlink_to(root / "loop.py")
    for name in ("pipe.py", "folder.py", "text.py"):
        assert "a regular file that ends in .py" in refusal(root / name)
    for name in ("missing.py", "loop.py", "model.py/x.py"):
        assert "does not exist" in refusal(root / name)


def test_a_file_that_changed_is_loaded_anew_and_leaves_no_bytecode(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = returning(root, "return nn.Linear(4, num_classes)")
    before = path.stat()
    model_from_file(path, "build", (4,), 3)
    # Of the same size and time: stored bytecode would be taken for it.
    returning(root, "return nn.Linear(4, num_classez)")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert "'num_classez' is not defined" in refusal(path)
    assert [item.name for item in root.iterdir()] == ["model.py"]


def test_a_file_hides_no_module_and_cannot_be_imported(root: Path) -> None:
    import json

    path = written(root, WORKING, "json.py")
    known, search = set(sys.modules), list(sys.path)
    model_from_file(path, "build", (4,), 3)
    assert sys.modules["json"] is json
    assert sys.path == search
    assert not [name for name in set(sys.modules) - known if name.isidentifier() and "torch" not in name]


def test_a_file_that_fails_to_load_leaves_no_module_behind(root: Path) -> None:
    refusal(written(root, "x = 1\nraise ValueError('no')\n", "failing.py"))
    assert not [
        name for name, module in sys.modules.items() if (getattr(module, "__file__", None) or "").endswith("failing.py")
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import module_that_is_nowhere", "cannot be loaded: ModuleNotFoundError: No module named.*line 1"),
        ("def build(:\n", "cannot be loaded: SyntaxError: "),
        ("x = '\0'", "cannot be loaded: SyntaxError: "),
        ("\n\nraise SystemExit('bye')", r"cannot be loaded: SystemExit: bye \(line 3\)"),
        ("class E(Exception): pass\nraise E('first\\nsecond')", r"cannot be loaded: E: first \(line 2\)"),
        ("def other(): pass", "no function of that name.*def build"),
        ("build = 3", "no function of that name"),
        ("def build(): pass", "build, which failed: TypeError: .*positional"),
        ("def build(shape, classes):\n  raise KeyError", r"which failed: KeyError: no message \(line 2\)"),
        ("def build(shape, classes):\n  raise KeyError('x' * 5000)", r"which failed: KeyError: .{150,230}line 2"),
    ],
)
def test_code_that_fails_is_refused_with_the_first_line_of_the_cause(root: Path, text: str, words: str) -> None:
    path = written(root, text)
    with pytest.raises(RefusedInput, match=words) as caught:
        model_from_file(path, "build", (4,), 3)
    assert "second" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("return None", "returned nothing.*torch.nn.Module"),
        ("return nn.Linear", "returned a type"),
        ("return nn.Linear(5, num_classes)", r"fails on \(2, 4\): RuntimeError: mat1 and mat2"),
        ("return nn.Linear(4, num_classes, dtype=torch.float64)", r"fails on \(2, 4\): RuntimeError"),
        ("return nn.Linear(4, 2)", r"returns a tensor of shape \(2, 2\) and type float32.*shape \(2, 3\)"),
        ("m = nn.Linear(4, 3); m.forward = lambda x: x[0, :3]; return m", r"tensor of shape \(3,\)"),
        ("m = nn.Linear(4, 3); m.forward = lambda x: (x,); return m", "returns a tuple.*one tensor of logits"),
        ("m = nn.Linear(4, 3); m.forward = lambda x: x[:, :3].long(); return m", "and type int64"),
        ("m = nn.Linear(4, 3); m.forward = lambda x: None; return m", "returns nothing"),
        ("m = nn.Module(); m.forward = lambda x: x[:, :3]; return m", "model has no parameters"),
        ("m = nn.Linear(4, 3); m.bias.requires_grad_(False); return m", "parameter bias is frozen"),
        (
            "a, b = nn.Linear(4, 4), nn.Linear(4, 4); b.weight = a.weight; return nn.Sequential(a, b, nn.Linear(4, 3))",
            "0.weight and 1.weight are the same tensor",
        ),
        (
            "return type('Own', (nn.Linear,), {'get_extra_state': lambda self: {}})(4, 3)",
            "state '_extra_state' is a dict",
        ),
    ],
)
def test_what_is_no_classifier_of_these_samples_is_refused(root: Path, expression: str, words: str) -> None:
    with pytest.raises(RefusedInput, match=words):
        model_from_file(returning(root, expression), "build", (4,), 3)


def test_the_check_changes_nothing_of_the_model(root: Path) -> None:
    path = returning(root, "return nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, num_classes))")
    model = model_from_file(path, "build", (4,), 3)
    assert all(module.training for module in model.modules())
    assert model.state_dict()["0.num_batches_tracked"] == 0
