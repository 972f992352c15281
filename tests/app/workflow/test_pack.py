"""A study that moves to another machine with its results, and folders that no ``pack`` made."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from app.workflow.pack import pack_study
from app.workflow.store_contents import left_overs
from app.workflow.unpack import unpack_study
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput
from engine.study import Study, load_study
from tests.app.command_line import answer


def packed_to(folder: Path, study: Path, store: Store, **options) -> dict:
    return pack_study(study / "study.toml", load_study(study), store, folder, **options)


@pytest.fixture
def packed(tmp_path, trained_digits, finished_store) -> Path:
    """The digits with their runs, as they were packed."""
    packed_to(tmp_path / "packed", trained_digits, finished_store)
    return tmp_path / "packed"


@pytest.fixture
def elsewhere(tmp_path) -> Store:
    """The store of another machine."""
    return Store(tmp_path / "other machine" / "store")


def told(packed: Path) -> dict:
    return json.loads((packed / "pack.json").read_text())


def retold(packed: Path, **changes) -> None:
    (packed / "pack.json").write_text(json.dumps(told(packed) | changes))


def described(content: bytes) -> dict:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def replaced(packed: Path, name: str, content: bytes) -> None:
    """Puts a file of other contents into a pack, and its right hash into the list."""
    (packed / name).parent.mkdir(parents=True, exist_ok=True)
    (packed / name).write_bytes(content)
    retold(packed, files=told(packed)["files"] | {name: described(content)})


def test_what_was_computed_here_is_found_there(tmp_path, digits, digits_store):
    """By the command line, from study to verdict and search: nothing is computed anew on the other machine."""
    here, there = ["--cache", digits_store.root], ["--cache", tmp_path / "store of the other machine"]
    verdict = answer("ceiling", digits, *here)
    out = answer("pack", digits, "--out", tmp_path / "packed", *here)
    assert sorted(out["runs"]) == sorted(run.key for run in digits_store.finished_runs())
    # Nothing of this machine is left.
    shutil.rmtree(digits)
    shutil.rmtree(digits_store.root)
    came = answer("unpack", tmp_path / "packed", "--out", tmp_path / "far" / "digits", *there)
    assert sorted(came["runs"]) == sorted(out["runs"])
    assert came["present"] == came["notices"] == []
    shutil.rmtree(tmp_path / "packed")
    found = answer("ceiling", came["study"], *there)
    assert found["cached"]
    assert found == verdict
    assert answer("influence", came["study"], *there)["cached"]
    checks = {check["name"]: check for check in answer("doctor", *there)["checks"]}
    assert (
        checks["runs"]["message"] == f"{len(out['runs'])} of {len(out['runs'])} finished runs are as they were written"
    )
    assert checks["cache"]["ok"]


def test_files_from_all_over_the_machine_come_together_and_nothing_names_it_any_more(
    tmp_path, digits, finished_store, elsewhere
):
    far = tmp_path / "far away"
    far.mkdir()
    (digits / "train.npz").rename(far / "train.npz")
    (digits / "validation.npz").rename(far / "data.npz")
    (digits / "test.npz").rename(digits.parent / "data.npz")
    (digits / "checkpoints").rename(far / "checkpoints")
    text = (digits / "study.toml").read_text()
    for old, new in (
        ('"train.npz"', f'"{far}/train.npz"  # mine'),
        ('"validation.npz"', f'"{far}/data.npz"'),
        ('"test.npz"', '"../data.npz"'),
        ("hidden = [8]", f'hidden = [8]\ncheckpoints = "{far}/checkpoints"'),
    ):
        text = text.replace(old, new)
    (digits / "study.toml").write_text(text)
    packed_to(tmp_path / "packed", digits, finished_store)
    shutil.rmtree(far)
    came = unpack_study(tmp_path / "packed", elsewhere, tmp_path / "there")
    assert len(came["runs"]) == len(finished_store.finished_runs())
    study = (tmp_path / "there" / "study.toml").read_text()
    assert str(tmp_path) not in study
    assert 'train = "data/train/train.npz" # mine' in study.replace("  #", " #")
    moved = load_study(tmp_path / "there")
    assert all(path.is_relative_to(tmp_path / "there") for path in moved.input_paths)
    from cache.fingerprints import influence_key
    from engine.checkpoints import chosen_checkpoint

    assert influence_key(moved, chosen_checkpoint(moved)[1]) in came["runs"]
    assert tmp_path / "there" / "study.toml" in elsewhere.studies()


def test_a_single_checkpoint_takes_its_momentum_along(tmp_path, digits, finished_store, elsewhere, edited):
    edited(digits, "hidden = [8]", 'hidden = [8]\ncheckpoints = "checkpoints/epoch-004.safetensors"')
    assert (digits / "checkpoints" / "optimizer" / "epoch-004.safetensors").is_file()
    packed_to(tmp_path / "packed", digits, finished_store)
    came = unpack_study(tmp_path / "packed", elsewhere, tmp_path / "there")
    # The same bytes are analysed, so it finds the runs of the whole folder's last epoch.
    assert len(came["runs"]) == len(finished_store.finished_runs())
    assert (tmp_path / "there" / "checkpoints" / "optimizer" / "epoch-004.safetensors").is_file()
    assert not (tmp_path / "there" / "checkpoints" / "epoch-003.safetensors").exists()


def test_without_its_data_a_study_says_where_they_belong_and_finds_its_runs_once_they_are_there(
    tmp_path, trained_digits, finished_store, elsewhere
):
    out = packed_to(tmp_path / "packed", trained_digits, finished_store, with_data=False)
    assert set(out["left_out"]) == {"train.npz", "validation.npz", "test.npz"}
    assert not list((tmp_path / "packed").rglob("*.npz"))
    came = unpack_study(tmp_path / "packed", elsewhere, tmp_path / "there")
    assert f"put the data at {tmp_path / 'there' / 'train.npz'}: they were left out" in came["notices"]
    for place, source in out["left_out"].items():
        shutil.copy(source, tmp_path / "there" / place)
    assert answer("ceiling", came["study"], "--cache", elsewhere.root)["cached"]


def test_runs_of_other_studies_and_of_other_settings_stay_where_they_are(tmp_path, digits, digits_store, edited):
    digits_store.run("stray").finish({"kind": "influence", "study": {"name": "another"}})
    digits_store.run("damaged").write_json("run.json", [])
    assert "stray" not in packed_to(tmp_path / "one", digits, digits_store)["runs"]
    edited(digits, "learning_rate = 0.15", "learning_rate = 0.05")
    assert packed_to(tmp_path / "two", digits, digits_store)["runs"] == []


def test_a_run_that_is_damaged_is_not_packed(tmp_path, digits, digits_store):
    (run,) = [run for run in digits_store.finished_runs() if "improved.safetensors" in run.parts]
    (run.path / "improved.safetensors").write_bytes(b"x")
    with pytest.raises(RefusedInput, match=f"run {run.key} is not as it was written: improved.safetensors"):
        packed_to(tmp_path / "packed", digits, digits_store)
    assert not (tmp_path / "packed").exists()


def test_packing_over_something_and_packing_what_is_not_there_are_refused_and_leave_nothing(
    tmp_path, digits, finished_store
):
    (tmp_path / "there").mkdir()
    with pytest.raises(RefusedInput, match="is there already"):
        packed_to(tmp_path / "there", digits, finished_store)
    (digits / "test.npz").unlink()
    with pytest.raises(RefusedInput, match="no file at"):
        packed_to(tmp_path / "packed", digits, finished_store)
    assert not list(tmp_path.glob("*pack*"))


def test_unpacking_twice_takes_no_run_twice(packed, elsewhere, tmp_path):
    first = unpack_study(packed, elsewhere, tmp_path / "first")
    second = unpack_study(packed, elsewhere, tmp_path / "second")
    assert second["runs"] == []
    assert sorted(second["present"]) == sorted(first["runs"])


def refuse_whole(packed: Path, store: Store, out: Path, match: str) -> None:
    """Asserts that a folder is refused and nothing of it was taken in."""
    with pytest.raises(RefusedInput, match=match):
        unpack_study(packed, store, out)
    assert not out.exists()
    assert store.finished_runs() == []
    assert store.studies() == []
    assert [item for item in (store.runs_folder, *store.runs_folder.glob("*"), *out.parent.glob(".*")) if item.exists()
            and item != store.runs_folder] == []  # fmt: skip


@pytest.mark.parametrize("name", ["study/train.npz", "study/checkpoints/epoch-004.safetensors", "runs"])
def test_a_byte_that_changed_on_the_way_is_refused(packed, elsewhere, tmp_path, name):
    file = packed / name if name != "runs" else next((packed / "runs").glob("*/vectors-00000.parquet"))
    contents = bytearray(file.read_bytes())
    contents[len(contents) // 2] ^= 1
    file.write_bytes(contents)
    refuse_whole(packed, elsewhere, tmp_path / "there", "is not as it was packed")


def test_a_file_that_is_shorter_longer_or_gone_is_refused(packed, elsewhere, tmp_path):
    file = packed / "study" / "train.npz"
    contents = file.read_bytes()
    for changed in (contents[:-1], contents + b"x"):
        file.write_bytes(changed)
        refuse_whole(packed, elsewhere, tmp_path / "there", "study/train.npz is not as it was packed")
    file.unlink()
    refuse_whole(packed, elsewhere, tmp_path / "there", "study/train.npz cannot be opened")
    file.touch()
    # Its bytes would fill the memory if it were read to its end.
    os.truncate(file, 2**40)
    refuse_whole(packed, elsewhere, tmp_path / "there", "study/train.npz is not as it was packed")
    file.write_bytes(contents)
    replaced(packed, "study/empty", b"")
    (packed / "study" / "empty").write_bytes(b"x")
    refuse_whole(packed, elsewhere, tmp_path / "there", "study/empty is not as it was packed")


@pytest.mark.parametrize(
    "name",
    [
        "../out.txt",
        "study/../../out.txt",
        "/etc/cron.d/out",
        "runs/../../out.txt",
        "runs/abc",
        "runs/abc/.lock",
        "runs/abc/parts/x.parquet",
        "runs/a b/run.json",
        "other/file",
        "study",
        "study/line\nbreak",
        "study/back\\slash",
        "study/" + 300 * "x",
        "study/" + 50 * "x/" + "x",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(packed, elsewhere, tmp_path, name):
    retold(packed, files=told(packed)["files"] | {name: described(b"")})
    refuse_whole(packed, elsewhere, tmp_path / "there", r"pack\.json names .* Expected files below study/")
    assert not (tmp_path / "out.txt").exists()


def test_links_pipes_and_folders_in_the_place_of_files_are_refused(packed, elsewhere, tmp_path):
    file = packed / "study" / "train.npz"
    moved = file.rename(tmp_path / "train.npz")
    file.symlink_to(moved)
    refuse_whole(packed, elsewhere, tmp_path / "there", "study/train.npz cannot be opened")
    file.unlink()
    os.mkfifo(file)
    refuse_whole(packed, elsewhere, tmp_path / "there", "study/train.npz is no regular file")
    file.unlink()
    file.mkdir()
    refuse_whole(packed, elsewhere, tmp_path / "there", "study/train.npz is no regular file")
    file.rmdir()
    moved.rename(file)
    (packed / "study" / "checkpoints").rename(tmp_path / "checkpoints")
    (packed / "study" / "checkpoints").symlink_to(tmp_path / "checkpoints")
    refuse_whole(packed, elsewhere, tmp_path / "there", "study/checkpoints is a link")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"train.npz"', '"/etc/passwd"'),
        ('"train.npz"', '"../train.npz"'),
        ('checkpoints = "checkpoints"', 'checkpoints = "../../checkpoints"'),
        ('architecture = "mlp"', 'architecture = "file:../model.py:build"'),
    ],
)
def test_a_study_that_names_files_of_the_machine_is_refused(packed, elsewhere, tmp_path, old, new):
    text = (packed / "study" / "study.toml").read_text()
    assert text.count(old) == 1
    replaced(packed, "study/study.toml", text.replace(old, new).replace("hidden = [8]\n", "").encode())
    refuse_whole(packed, elsewhere, tmp_path / "there", "the study names .* files of its own folder alone")


def test_a_run_that_is_not_what_it_says_is_refused(packed, elsewhere, tmp_path):
    key = told(packed)["runs"][0]
    manifest = json.loads((packed / "runs" / key / "run.json").read_text())
    replaced(packed, f"runs/{key}/run.json", json.dumps(manifest | {"key": "another"}).encode())
    refuse_whole(packed, elsewhere, tmp_path / "there", "run.json is not valid")
    replaced(packed, f"runs/{key}/run.json", json.dumps(manifest | {"note": 1}).encode())
    refuse_whole(packed, elsewhere, tmp_path / "there", f"run {key} is not as it was written: run.json")
    files = {name: file for name, file in told(packed)["files"].items() if name != f"runs/{key}/run.json"}
    retold(packed, files=files)
    refuse_whole(packed, elsewhere, tmp_path / "there", f"run {key} is not finished")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": 2}, "of a format that is not known here"),
        ({"files": {}}, "names no study/study.toml"),
        ({"files": {"study/study.toml": {"bytes": -1, "sha256": "0" * 64}}}, "pack.json is not valid"),
        ({"files": {"study/study.toml": {"bytes": 1, "sha256": "x"}}}, "pack.json is not valid"),
        ({"files": [1]}, "pack.json is not valid"),
        ({"files": {"study/study.toml": {"bytes": "1", "sha256": "0" * 64}}}, "pack.json is not valid"),
        ({"files": {"study/study.toml": {"bytes": 1, "sha256": "0" * 64, "mode": 0o4755}}}, "pack.json is not valid"),
        ({"name": ""}, "pack.json is not valid"),
        ({"name": "x" * 1001}, "pack.json is not valid"),
        ({"result_version": 0}, "pack.json is not valid"),
        ({"result_version": 10**9}, "pack.json is not valid"),
        ({"left_out": {str(number): "" for number in range(101)}}, "pack.json is not valid"),
        ({"files": {"study/study.toml": {"bytes": 2**49, "sha256": "0" * 64}}}, "room for all of it"),
    ],
)
def test_a_list_that_is_not_one_is_refused(packed, elsewhere, tmp_path, changes, match):
    retold(packed, **changes)
    refuse_whole(packed, elsewhere, tmp_path / "there", match)


def test_what_is_no_packed_folder_is_refused(packed, elsewhere, tmp_path):
    for text in (b"", b"\xff", b"[]", b"{"):
        (packed / "pack.json").write_bytes(text)
        refuse_whole(packed, elsewhere, tmp_path / "there", r"pack\.json is not valid")
    (packed / "pack.json").unlink()
    refuse_whole(packed, elsewhere, tmp_path / "there", "pack.json cannot be opened")
    refuse_whole(tmp_path / "none", elsewhere, tmp_path / "there", "is no folder")
    (tmp_path / "link").symlink_to(packed)
    refuse_whole(tmp_path / "link", elsewhere, tmp_path / "there", "is no folder")
    archive = tmp_path / "study.zip"
    archive.write_bytes(b"PK\x03\x04")
    refuse_whole(archive, elsewhere, tmp_path / "there", "is no folder")


def test_a_disk_that_fills_up_at_the_end_leaves_nothing(packed, elsewhere, tmp_path, monkeypatch):
    rename = Path.rename

    def full(path: Path, target: Path) -> Path:
        if target == tmp_path / "there":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    refuse_whole(packed, elsewhere, tmp_path / "there", "cannot be taken in: No space left")


def test_the_code_that_builds_a_model_comes_along_and_is_pointed_at(tmp_path, digits, digits_store, elsewhere, edited):
    (digits / "model.py").write_text("def build(shape, classes):\n    raise SystemExit('run')\n")
    edited(digits, 'architecture = "mlp"\nhidden = [8]', 'architecture = "file:model.py:build"')
    packed_to(tmp_path / "packed", digits, digits_store)
    came = unpack_study(tmp_path / "packed", elsewhere, tmp_path / "there")
    assert "its model is built by model.py, which is run only if PARETOSCOPE_CODE_ROOT" in came["notices"][0]
    assert (tmp_path / "there" / "model.py").is_file()


STUDY = """
name = "drawn"
[data]
{data}
[model]
architecture = "{architecture}"
checkpoints = "epoch-001.safetensors"
"""
TEXTS = 'format = "csv"\nmodality = "text"\ntrain = "train.csv"\nvalidation = 0.2'


@pytest.fixture
def far(tmp_path) -> Path:
    """A folder elsewhere with a model's code, the files of a transformer and those of a set of pictures."""
    for name in ("model.py", "bert/config.json", "bert/tokenizer.json", "bert/model.safetensors"):
        (tmp_path / "far" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "far" / name).write_text(name)
    return tmp_path / "far"


@pytest.fixture
def arrived(tmp_path, elsewhere, far):
    """Packs a study that was never computed, takes all that it was made of away, and returns it as unpacked."""

    def move(data: str, architecture: str = "mlp") -> Study:
        folder = tmp_path / "drawn"
        folder.mkdir()
        for name in ("train.csv", "train.npz", "epoch-001.safetensors"):
            (folder / name).write_text(name)
        (folder / "study.toml").write_text(STUDY.format(data=data, architecture=architecture))
        for files in load_study(folder).set_files.values():
            for file in files:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(file.name)
        packed_to(tmp_path / "packed", folder, Store(tmp_path / "none"))
        for gone in (folder, far):
            shutil.rmtree(gone)
        unpack_study(tmp_path / "packed", elsewhere, tmp_path / "there")
        assert str(far) not in (tmp_path / "there" / "study.toml").read_text()
        study = load_study(tmp_path / "there")
        for path in study.input_paths:
            assert path.is_relative_to(tmp_path / "there")
            assert path.exists()
        return study

    return move


def test_the_code_of_a_model_from_elsewhere_comes_along(arrived, far):
    study = arrived('format = "npz"\ntrain = "train.npz"\nvalidation = 0.2', f"file:{far}/model.py:build")
    assert study.model.architecture == "file:model/model.py:build"


@pytest.mark.parametrize("embeds", [True, False])
def test_a_transformer_from_elsewhere_comes_along_whether_it_embeds_or_is_analysed(arrived, far, embeds):
    features = f'\n[data.features]\nkind = "encoder:{far}/bert"' if embeds else ""
    study = arrived(TEXTS + features, "mlp" if embeds else f"transformers:{far}/bert")
    assert study.text_folder == study.folder / ("encoder/bert" if embeds else "transformer/bert")
    assert len(study.input_paths) == 4


def test_a_set_of_pictures_from_elsewhere_comes_along(arrived, far):
    study = arrived(f'format = "torchvision"\ndataset = "MNIST"\nroot = "{far}/sets"', "cnn")
    assert study.data.root == "data/sets"
    assert len(study.input_paths) == 4


def test_a_folder_of_pictures_from_elsewhere_comes_along(arrived, far):
    for name in ("cat/1.png", "dog/2.png"):
        (far / "pictures" / name).parent.mkdir(parents=True)
        (far / "pictures" / name).write_text(name)
    study = arrived(f'format = "image_folder"\ntrain = "{far}/pictures"\nvalidation = 0.2', "cnn")
    there = study.folder / "data" / "train" / "pictures"
    assert [file.relative_to(there).as_posix() for file in sorted(there.rglob("*.*"))] == ["cat/1.png", "dog/2.png"]


def test_a_folder_of_checkpoints_comes_along_with_momentum_and_history(tmp_path, packed, trained_digits, contents):
    assert (trained_digits / "checkpoints" / "history.json").is_file()
    came, were = (contents(folder / "checkpoints") for folder in (packed / "study", trained_digits))
    assert {name: content for name, (_, content) in came.items()} == {
        name: content for name, (_, content) in were.items()
    }


@pytest.mark.parametrize("place", ["data/train/train.npz", "study.toml"])
def test_two_files_that_would_have_one_place_are_refused(tmp_path, digits, place):
    """One of them lies where the other, or the study file itself, is to be put."""
    (tmp_path / "far").mkdir()
    (digits / "train.npz").rename(tmp_path / "far" / "train.npz")
    text = (digits / "study.toml").read_text().replace('"train.npz"', f'"{tmp_path}/far/train.npz"')
    (digits / "mine.toml").write_text(text.replace('"validation.npz"', f'"{place}"'))
    (digits / place).parent.mkdir(parents=True, exist_ok=True)
    (digits / "validation.npz").rename(digits / place)
    study = load_study(digits / "mine.toml")
    with pytest.raises(RefusedInput, match=f"and another file would both be {place}"):
        pack_study(digits / "mine.toml", study, Store(tmp_path / "none"), tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_runs_that_another_was_made_from_come_along_whosever_they_are(tmp_path, trained_digits, digits_store):
    (influence,) = [run for run in digits_store.finished_runs() if run.manifest()["kind"] == "influence"]
    digits_store.run("search").finish({"kind": "reweight"})
    digits_store.run("choice").finish({"kind": "reweight", "influence": influence.key, "search": "search"})
    assert {"search", "choice"} <= set(packed_to(tmp_path / "packed", trained_digits, digits_store)["runs"])


def test_a_disk_that_fills_up_while_packing_leaves_nothing(tmp_path, trained_digits, finished_store, monkeypatch):
    copied = shutil.copyfile

    def full(source: Path, target: Path) -> None:
        if source.name == "validation.npz":
            raise OSError(28, "No space left on device")
        copied(source, target)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(RefusedInput, match=r"cannot be packed to .*: No space left"):
        packed_to(tmp_path / "packed", trained_digits, finished_store)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_goes_while_packing_is_named(tmp_path, digits, finished_store, monkeypatch):
    copied = shutil.copyfile

    def gone(source: Path, target: Path) -> None:
        copied(source, target)
        (digits / "test.npz").unlink(missing_ok=True)

    monkeypatch.setattr(shutil, "copyfile", gone)
    with pytest.raises(RefusedInput, match=r"no file at .*test\.npz"):
        packed_to(tmp_path / "packed", digits, finished_store)
    assert not list(tmp_path.glob("*packed*"))


@pytest.mark.parametrize("where", ["encoder:../bert", "encoder:/etc"])
def test_a_study_that_names_a_transformer_of_the_machine_is_refused_whether_it_is_there_or_not(
    packed, elsewhere, tmp_path, where
):
    text = STUDY.format(data=f'{TEXTS}\n[data.features]\nkind = "{where}"', architecture="mlp")
    replaced(packed, "study/study.toml", text.encode())
    refuse_whole(packed, elsewhere, tmp_path / "there", "the study names .* files of its own folder alone")


def test_unpacking_over_something_is_refused_also_where_it_is_empty(packed, elsewhere, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(RefusedInput, match="there is there already"):
        unpack_study(packed, elsewhere, tmp_path / "there")
    assert not elsewhere.root.exists()


def test_the_name_of_a_study_is_no_way_out_of_the_working_directory(packed, elsewhere, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name, expected in (("../../out", "out"), (f"{tmp_path}/out", None), ("..", "study")):
        retold(packed, name=name)
        study = Path(unpack_study(packed, elsewhere)["study"])
        assert study.parent.parent == tmp_path / "work"
        assert study.parent.name == expected or expected is None


def test_a_run_that_was_begun_here_gives_way_unless_somebody_computes_it(packed, elsewhere, tmp_path):
    *before, key = told(packed)["runs"]
    elsewhere.run(key).write_json("state.json", 1)
    with elsewhere.run(key).lock(), pytest.raises(RefusedInput, match=f"run {key} is being computed"):
        unpack_study(packed, elsewhere, tmp_path / "there")
    assert before
    assert [path.name for path in elsewhere.runs_folder.iterdir()] == [key]
    assert elsewhere.run(key).parts == ("state.json",)
    assert not (tmp_path / "there").exists()
    assert key in unpack_study(packed, elsewhere, tmp_path / "there")["runs"]
    assert "state.json" not in elsewhere.run(key).parts


def test_a_run_that_is_here_stays_as_it_is(packed, elsewhere, tmp_path, contents):
    key = told(packed)["runs"][0]
    elsewhere.run(key).finish({"kind": "mine"})
    before = contents(elsewhere.run(key).path)
    assert unpack_study(packed, elsewhere, tmp_path / "there")["present"] == [key]
    assert contents(elsewhere.run(key).path) == before


def test_a_study_that_cannot_be_put_on_the_list_leaves_nothing(packed, elsewhere, tmp_path):
    elsewhere.root.mkdir(parents=True)
    elsewhere.studies_folder.touch()
    refuse_whole(packed, elsewhere, tmp_path / "there", "cannot be taken in")
    elsewhere.studies_folder.unlink()
    refuse_whole(packed, elsewhere, tmp_path / os.fsdecode(b"\xff"), "is no text in UTF-8")


def test_results_of_an_earlier_version_are_told_to_be_of_no_use(packed, elsewhere, tmp_path):
    retold(packed, result_version=1)
    assert "of an earlier version of Paretoscope" in unpack_study(packed, elsewhere, tmp_path / "there")["notices"][0]


def test_a_list_that_would_fill_the_memory_is_not_read(packed, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setattr("app.workflow.unpack._LARGEST_MANIFEST", 100)
    refuse_whole(packed, elsewhere, tmp_path / "there", "pack.json cannot be read: it has more than 100 bytes")


def test_what_is_being_unpacked_is_no_run_yet_and_is_left_over_where_the_process_dies(
    packed, elsewhere, tmp_path, monkeypatch
):
    seen = []

    def look(run: RunFolder) -> None:
        seen.append([elsewhere.finished_runs(), elsewhere.unfinished_runs()])
        assert [one.path for one in left_overs(elsewhere)] == [run.path.parent]

    monkeypatch.setattr("app.workflow.unpack._check_run", look)
    unpack_study(packed, elsewhere, tmp_path / "there")
    assert seen == [[[], []]] * len(told(packed)["runs"])
