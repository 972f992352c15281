"""Texts as the tokens of a transformer, by the tokenizer in its folder.

``tokenizer.json`` is data: the library that reads it runs no code of the folder. A text's tokens and the mask that
tells them from padding lie in one tensor, since a model here takes one: ``(n, 2, L)``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.data.reader import RowsDone
from engine.errors import RefusedInput, first_line
from engine.text_folder import TOKENIZER, most_tokens
from engine.text_settings import MAX_LENGTH

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BATCH = 1024


def token_limit(asked: int | None, config: dict[str, Any], where: str) -> int:
    """Returns how many tokens of a text are used at most.

    Args:
        asked: by the study; None: 128, or what the model can take.
        config: of the model.
        where: the study file's key, for the message.

    Raises:
        RefusedInput: if more are asked for than the model can take.
    """
    possible = most_tokens(config)
    if asked is not None and asked > possible:
        raise RefusedInput(
            f"{where} is {asked}",
            f"at most {possible}, which is what the model can take",
            f"Set it to {possible} or less",
        )
    return asked or min(MAX_LENGTH, possible)


class TextTokens:
    """Turns texts into tokens.

    Args:
        folder: of the transformer, already checked.
        config: its configuration.
        limit: tokens that are kept of a text.

    Attributes:
        padding: the token behind the end of shorter texts.

    Raises:
        RefusedInput: if the tokenizer cannot be read, or nothing of a text would be left within the limit.
    """

    def __init__(self, folder: Path, config: dict[str, Any], limit: int) -> None:
        self._folder = folder
        self._tokenizer = _read(folder / TOKENIZER)
        self._tokenizer.no_padding()
        marks = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        if limit <= marks:
            raise RefusedInput(
                f"{limit} tokens of a text are used, and {marks} mark where it begins and ends",
                f"at least {marks + 1} tokens",
                f"Raise max_length in the study file, unless the model in {folder.name} can take no more",
            )
        self._tokenizer.enable_truncation(limit)
        self.padding = int(config.get("pad_token_id") or 0)
        self._vocabulary = int(config.get("vocab_size", 2**31))

    def rows(self, texts: Sequence[str], done: RowsDone) -> tuple[Tensor, Tensor]:
        """Returns tokens and mask of texts, and their lengths.

        Args:
            texts: n of them.
            done: called now and then with the number of texts since the last call.

        Returns:
            ``(n, 2, L)`` int32, with L the length of the longest that is kept: the tokens, and 1 where there is one.
            ``(n,)`` int32: tokens of each text before it is cut.

        Raises:
            RefusedInput: if the tokenizer knows tokens that the model does not.
        """
        numbers: list[list[int]] = []
        lengths: list[int] = []
        for start in range(0, len(texts), _BATCH):
            batch = self._tokenizer.encode_batch(list(texts[start : start + _BATCH]))
            for one in batch:
                numbers.append(one.ids or [self.padding])
                # What was cut off comes in pieces, each with the marks of begin and end once more.
                rest = sum(len(part.ids) - sum(part.special_tokens_mask) for part in one.overflowing)
                lengths.append(len(one.ids) + rest)
            done(len(batch))
        longest = max(map(len, numbers), default=1)
        packed = torch.zeros(len(texts), 2, longest, dtype=torch.int32)
        packed[:, 0] = self.padding
        for row, ids in enumerate(numbers):
            packed[row, 0, : len(ids)] = torch.tensor(ids, dtype=torch.int32)
            packed[row, 1, : len(ids)] = 1
        if len(texts) and int(packed[:, 0].max()) >= self._vocabulary:
            raise RefusedInput(
                f"the tokenizer in {self._folder.name} gives token {int(packed[:, 0].max())}, and its model knows "
                f"{self._vocabulary} tokens",
                "the tokenizer that the model was trained with",
                "Copy model and tokenizer from one place",
            )
        return packed, torch.tensor(lengths, dtype=torch.int32)


def _read(path: Path) -> "Tokenizer":
    # Imported only where texts are read: most studies have none.
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    # Whatever the library makes of a damaged file, also a panic of its own.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise RefusedInput(
            f"{path.name} in {path.parent.name} is no tokenizer: {first_line(error)}",
            "a file that the tokenizers library wrote",
            "Copy the file again",
        ) from None
