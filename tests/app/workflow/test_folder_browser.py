import os

import pytest

from app.workflow import folder_browser
from app.workflow.folder_browser import VARIABLE, Roots, typed_path
from engine.errors import RefusedInput


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "train.csv").write_text("a,label\n")
    (root / ".hidden").write_text("")
    secret = tmp_path / "outside"
    secret.mkdir()
    (secret / "secret.csv").write_text("a,label\n")
    return root


@pytest.fixture
def roots(tree):
    return Roots([tree])


def test_what_lies_below_a_root_is_found(roots, tree):
    assert roots.existing("inner/train.csv") == tree / "inner" / "train.csv"
    assert roots.existing(str(tree / "inner"), folder=True) == tree / "inner"
    listing = roots.listing(tree / "inner")
    assert (listing.parent, listing.folders, listing.files) == (tree, (), ("train.csv",))
    assert roots.listing(tree).parent is None


@pytest.mark.parametrize("path", ["../outside/secret.csv", "inner/../../outside", "/etc/passwd", "~root/x"])
def test_a_path_that_leads_out_of_the_roots_is_refused(roots, path):
    with pytest.raises(RefusedInput, match=r"outside of the allowed folders|is no path"):
        roots.existing(path)


def test_a_link_out_of_the_roots_is_neither_listed_nor_followed(roots, tree):
    (tree / "link.csv").symlink_to(tree.parent / "outside" / "secret.csv")
    (tree / "way out").symlink_to(tree.parent / "outside")
    (tree / "loop").symlink_to(tree / "loop")

    assert roots.listing(tree).folders == ("inner",)
    assert roots.listing(tree).files == ()
    for path in ("link.csv", "way out/secret.csv"):
        with pytest.raises(RefusedInput, match="outside of the allowed folders"):
            roots.existing(path)


def test_a_pipe_is_neither_listed_nor_opened(roots, tree):
    os.mkfifo(tree / "pipe.csv")

    assert roots.listing(tree).files == ()
    with pytest.raises(RefusedInput, match="a pipe, socket or device"):
        roots.existing("pipe.csv")


@pytest.mark.parametrize("path", ["in\0ner", "x" * 5000])
def test_what_is_no_path_is_refused(roots, path):
    with pytest.raises(RefusedInput):
        roots.existing(path)


def test_a_missing_file_is_told_with_the_nearest(roots):
    with pytest.raises(RefusedInput, match=r"Write 'train\.csv' if that is what was meant"):
        roots.existing("inner/trian.csv")
    with pytest.raises(RefusedInput, match="is a folder"):
        roots.existing("inner")
    with pytest.raises(RefusedInput, match="is a file"):
        roots.existing("inner/train.csv", folder=True)


def test_the_environment_names_the_roots(tree, monkeypatch):
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tree), str(tree / "nowhere"), str(tree)]))
    assert Roots.of_environment().folders == (tree,)

    monkeypatch.delenv(VARIABLE)
    monkeypatch.chdir(tree / "inner")
    monkeypatch.setenv("HOME", str(tree))
    assert Roots.of_environment(tree / "inner").folders == (tree / "inner", tree)


def test_a_folder_of_very_many_files_is_cut_and_says_so(roots, tree, monkeypatch):
    monkeypatch.setattr(folder_browser, "MOST_ENTRIES", 2)
    for number in range(5):
        (tree / f"{number}.csv").touch()

    listing = roots.listing(tree)

    assert listing.files == ("0.csv", "1.csv")
    assert listing.left_out == 3


def test_without_any_root_nothing_is_allowed(tmp_path):
    with pytest.raises(RefusedInput, match=VARIABLE):
        Roots([tmp_path / "nowhere"]).existing(str(tmp_path))


def test_a_name_that_is_no_text_costs_its_own_line_only(roots, tree):
    (tree / os.fsdecode(b"bad\xff.csv")).touch()
    (tree / "good.csv").touch()

    assert roots.listing(tree).files == ("good.csv",)


def test_what_may_not_be_looked_at_is_not_listed(roots, tree, monkeypatch):
    (tree / "good.csv").touch()
    (tree / "locked").mkdir()
    stat = type(tree).stat

    def refuse(path, **options):
        # As in a folder that may be listed and not entered; the tests may run as root, whom that does not hold back.
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(type(tree), "stat", refuse)

    listing = roots.listing(tree)
    assert (listing.folders, listing.files) == (("inner",), ("good.csv",))
    with pytest.raises(RefusedInput, match="Permission denied"):
        roots.resolved("locked")


@pytest.mark.parametrize("path", ["~nosuchuser/x", "x" * 300, "a\0b"])
def test_a_typed_path_that_is_none_is_refused_also_without_roots(roots, path):
    for read in (typed_path, roots.resolved, roots.existing):
        with pytest.raises(RefusedInput, match="is no path"):
            read(path)


def test_a_typed_path_leads_home_and_need_not_exist(tree, monkeypatch):
    monkeypatch.setenv("HOME", str(tree))

    assert typed_path("~/new/study.toml") == tree / "new" / "study.toml"


def test_a_file_or_a_folder_is_found_where_either_will_do(roots, tree):
    assert roots.existing("inner", folder=None) == tree / "inner"
    assert roots.existing("inner/train.csv", folder=None) == tree / "inner" / "train.csv"
    os.mkfifo(tree / "pipe.csv")
    with pytest.raises(RefusedInput, match="a pipe, socket or device"):
        roots.existing("pipe.csv", folder=None)
