"""Samples that are in the training data and in what it is judged by: accepted, and said."""

import hashlib

from engine.data.samples import Samples


def duplicate_notices(splits: dict[str, Samples]) -> tuple[str, ...]:
    """Returns one sentence for each split that shares inputs with the training samples.

    Args:
        splits: by name, with ``"train"`` among them; inputs are compared byte by byte, whatever their labels, and
            of texts the texts themselves.
    """
    training = set(_fingerprints(splits["train"]))
    notices = []
    for split, samples in splits.items():
        shared = 0 if split == "train" else sum(mark in training for mark in _fingerprints(samples))
        if shared:
            notices.append(
                f"{shared} of {len(samples)} {split} samples are also training samples,"
                f" so {split} figures look better than they are."
            )
    return tuple(notices)


def _fingerprints(samples: Samples) -> list[bytes]:
    if samples.texts is not None:
        contents = (text.encode("utf-8", "surrogatepass") for text in samples.texts.values)
        return [hashlib.blake2b(content, digest_size=16).digest() for content in contents]
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in samples.inputs.numpy()]
