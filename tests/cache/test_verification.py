"""Whether a cache that differs from the run folders is noticed, and one that does not is left in peace."""

import numpy as np
import pytest

from cache import Cache
from cache.database import open_database
from engine.errors import RefusedInput


@pytest.fixture
def filled(store, write_influence, write_generation):
    """A store whose cache has taken in an influence run of 3000 samples and a search of two generations."""
    write_influence(store.run("vectors"), np.random.default_rng(0).normal(size=(3000, 3)), parts=3)
    for generation in (0, 1):
        write_generation(store.run("search"), generation, fitness=0.1 * generation)
    store.run("search").finish({"kind": "reweight", "influence": "vectors", "targets": [0]})
    with Cache.open(store) as cache:
        cache.ingest()
    return store


def differences(store) -> dict[str, str]:
    with Cache.open(store) as cache:
        return cache.differences()


def change(store, statement: str) -> None:
    with open_database(store.database_path) as connection:
        connection.execute(statement)


def test_a_cache_that_was_built_from_the_folders_does_not_differ(filled):
    assert differences(filled) == {}


@pytest.mark.parametrize(
    ("statement", "run", "told"),
    [
        ("DELETE FROM samples WHERE idx = 7", "vectors", "2,999 samples of 3,000"),
        ("DELETE FROM vectors_3 WHERE idx = 7", "vectors", "2,999 vectors of 3,000"),
        ("UPDATE vectors_3 SET epoch = [epoch[1], epoch[2], epoch[3] + 0.001] WHERE idx = 7", "vectors", "not those"),
        ("UPDATE vectors_3 SET idx = 15 - idx WHERE idx IN (7, 8)", "vectors", "its vectors in the cache are not"),
        ("DELETE FROM candidates WHERE number = 3", "search", "3 candidates of 4"),
        ("UPDATE candidates SET fitness = 0.3 WHERE number = 2", "search", "its candidates in the cache are not"),
    ],
)
def test_rows_that_are_lost_changed_or_swapped_are_told_by_their_run(filled, statement, run, told):
    change(filled, statement)
    found = differences(filled)
    assert list(found) == [run]
    assert told in found[run]


def test_a_part_that_is_damaged_after_it_was_taken_in_is_told(filled):
    part = filled.run("vectors").path / "vectors-00001.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    assert "vectors-00001.parquet is damaged" in differences(filled)["vectors"]


def test_every_block_is_read_so_that_no_damage_waits_for_its_page(filled):
    contents = bytearray(filled.database_path.read_bytes())
    # The two headers behind the first are read when the file is opened; from there on every block is data.
    for place in range(3 * 4096 + 2000, len(contents), 4096):
        contents[place] ^= 255
    filled.database_path.write_bytes(contents)
    with pytest.raises(RefusedInput, match=r"the cache cannot be read.*doctor --rebuild"):
        differences(filled)
