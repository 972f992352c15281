import torch

from engine.data import Samples
from engine.data.duplicates import duplicate_notices


def samples(*values: int) -> Samples:
    inputs = torch.tensor(values, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 3, 4, 4).contiguous()
    return Samples(inputs, torch.zeros(len(values), dtype=torch.int64), tuple(map(str, values)))


def test_shared_samples_are_counted_in_each_split() -> None:
    notices = duplicate_notices({"train": samples(1, 2, 3), "validation": samples(3, 4, 1), "test": samples(2, 5)})
    assert [notice.split(" are ")[0] for notice in notices] == ["2 of 3 validation samples", "1 of 2 test samples"]


def test_splits_of_their_own_need_no_notice() -> None:
    assert duplicate_notices({"train": samples(1, 1), "validation": samples(2, 2)}) == ()
