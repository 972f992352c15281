"""TF-IDF of texts, fitted on the training texts alone, and its truncated SVD.

A text becomes the sublinear frequencies of its words times how rare these are (scikit-learn's ``TfidfVectorizer``);
the SVD keeps the directions in which the training texts differ most. What is left is brought to one length, so that
the learning rates of tables suit it, and one that has no known word is zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from torch import Tensor

from engine.errors import RefusedInput
from engine.text_settings import COMPONENTS, LENGTH, Features

_WORDS = {True: 20_000, False: 2_000}
"""Words that are kept, with an SVD and without: without it each is a column of the head."""
_ITERATIONS = 2
"""Of the SVD: more change the accuracy of a head by less than another seed does, and cost five times as much."""


@dataclass(frozen=True)
class Tfidf:
    """Fitted on training texts by :meth:`fitted`."""

    vectorizer: TfidfVectorizer
    svd: TruncatedSVD | None

    @classmethod
    def fitted(cls, texts: Sequence[str], settings: Features, seed: int, file: str) -> "Tfidf":
        """Returns the words and directions of some texts.

        Args:
            texts: of the training samples.
            settings: components and words.
            seed: of the SVD's random start.
            file: that the texts come from, for the message.

        Raises:
            RefusedInput: if the texts have no word.
        """
        vectorizer = _words_of(texts, settings, file)
        components = min(wanted_components(settings), len(vectorizer.vocabulary_) - 1, len(texts))
        if components < 1:
            return cls(vectorizer, None)
        svd = TruncatedSVD(components, n_iter=_ITERATIONS, random_state=seed)
        svd.fit(vectorizer.transform(texts))
        return cls(vectorizer, svd)

    def rows(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Returns the features of texts, ``(n, D)`` float32, and how many words of each are known, ``(n,)`` int32.

        Each row has the length :data:`engine.text_settings.LENGTH`, or is zero.
        """
        weights = self.vectorizer.transform(texts)
        dense = weights.toarray() if self.svd is None else self.svd.transform(weights)
        analyse, known = self.vectorizer.build_analyzer(), self.vectorizer.vocabulary_
        lengths = [sum(word in known for word in analyse(text)) for text in texts]
        rows = torch.from_numpy((LENGTH * normalize(dense)).astype(np.float32))
        return rows, torch.tensor(lengths, dtype=torch.int32)


def _words_of(texts: Sequence[str], settings: Features, file: str) -> TfidfVectorizer:
    vectorizer = TfidfVectorizer(
        sublinear_tf=True,
        strip_accents="unicode",
        max_features=settings.max_features or _WORDS[wanted_components(settings) > 0],
        dtype=np.float32,
    )
    try:
        return vectorizer.fit(texts)
    except ValueError:
        raise RefusedInput(
            f"the training texts of {file} have no word of two letters or more",
            "texts with words, divided by spaces",
            "Check [data] input, or use kind = 'encoder:FOLDER' for scripts without spaces",
        ) from None


def wanted_components(settings: Features) -> int:
    """Returns how many directions the study asks for; 0 for none."""
    return COMPONENTS if settings.components is None else settings.components
