"""Texts as they are listed: on one line, shortened, with their length and a hint where the model sees less."""

from cache.shown_samples import ShownTexts

SHOWN = 200
"""Letters of a text in a list."""


def shortened(text: str, most: int = SHOWN) -> str:
    """Returns a text on one line, cut to ``most`` letters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def written_length(length: int, most: int | None) -> str:
    """Returns how long a text is, e.g. ``"47"``, or ``"300, cut to 128"`` where the model sees less.

    Args:
        length: of the text.
        most: how much of a text the model sees; None: all.
    """
    return f"{length:,}" + (f", cut to {most:,}" if most is not None and length > most else "")


def length_sentence(texts: ShownTexts, place: int) -> str:
    """Returns the same in words, for one text that is looked at.

    Args:
        texts: all of them.
        place: of the text.
    """
    length = int(texts.lengths[place])
    one = {"tokens": "token", "words": "word"}[texts.unit]
    counted = f"{length:,} {one if length == 1 else texts.unit}"
    if texts.unit == "words":
        return f"{counted} that the training texts know" if length else "No word that the training texts know"
    is_cut = texts.most is not None and length > texts.most
    return f"{counted}; the model sees the first {texts.most:,}" if is_cut else counted
