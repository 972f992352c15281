"""From the texts of all splits to what the study's model takes: features, or tokens.

Features are rows of numbers, made by TF-IDF or by a frozen encoder, and kept (:mod:`.kept_features`). Tokens are what
a transformer is trained on itself.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional

from engine.classes import listed, names_in_order
from engine.data.kept_features import Made, features_key, kept_features
from engine.data.texts import Texts
from engine.data.tokens import TextTokens, token_limit
from engine.errors import RefusedInput
from engine.progress import Progress
from engine.study import Study
from engine.text_folder import checked_folder, class_names_of, text_folder_files
from engine.text_settings import LENGTH, Features

Split = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class TextInputs:
    """What became of the texts of one split.

    Args:
        inputs: ``(N, D)`` float32, or tokens and mask ``(N, 2, L)`` int32.
        texts: the texts with their lengths.
    """

    inputs: Tensor
    texts: Texts


def text_inputs(
    study: Study,
    splits: Split,
    training: Sequence[str],
    class_names: tuple[str, ...],
    progress: Progress,
) -> dict[str, TextInputs]:
    """Turns the texts of a study into inputs.

    Args:
        study: whose ``[data]`` says how.
        splits: texts by split.
        training: all training texts: what TF-IDF is fitted on, also where few are asked for.
        class_names: in the order of the labels.
        progress: told the texts that are done, under the stage ``"data"``; may raise to stop.

    Raises:
        RefusedInput: if the transformer's folder cannot be used, or no training text has a word.
    """
    features = study.data.features
    if features is None:
        return _tokens(study, splits, class_names, progress)
    if features.encoder is None:
        return _tfidf(study, features, splits, training, progress)
    return _embedded(study, features, splits, progress)


def text_notices(study: Study, inputs: Mapping[str, Texts]) -> tuple[str, ...]:
    """Returns what should be known of a study's texts, one sentence each."""
    notices: list[str] = []
    for part, texts in inputs.items():
        split = "training" if part == "train" else part
        empty = sum(not text.strip() for text in texts.values)
        unknown = int((texts.lengths == 0).sum()) if texts.unit == "words" else 0
        cut = int(texts.cut.sum())
        if unknown:
            notices.append(
                f"{unknown:,} of {len(texts):,} {split} texts have no word that is known: all zero to the model."
            )
        elif empty:
            notices.append(f"{empty:,} of {len(texts):,} {split} texts are empty.")
        if cut:
            notices.append(f"{cut:,} of {len(texts):,} {split} texts are longer than {texts.most} tokens and were cut.")
    features = study.data.features
    if features is not None and features.encoder is not None:
        notices.append(
            f"The texts were embedded once by the frozen encoder in {features.encoder}, and influence is that of the"
            " head on the embeddings: the fast choice on a CPU. The encoder itself is not analysed."
        )
    return tuple(notices)


def _tfidf(
    study: Study, settings: Features, splits: Split, training: Sequence[str], progress: Progress
) -> dict[str, TextInputs]:
    # Imported only where it is asked for: scikit-learn takes as long to import as torch.
    import sklearn

    from engine.data.tfidf import Tfidf

    fitted: list[Tfidf] = []
    told = {"seed": study.seed, "sklearn": sklearn.__version__, **settings.model_dump(mode="json")}
    told["training"] = features_key(training, told)

    def made(texts: tuple[str, ...]) -> Made:
        if not fitted:
            progress("data", 0, 1, "finding the words of the training texts")
            fitted.append(Tfidf.fitted(training, settings, study.seed, study.data.train))
        return fitted[0].rows(texts)

    found = {}
    for split, texts in splits.items():
        key = features_key(texts, told)
        rows, lengths = kept_features(key, len(texts), lambda texts=texts: made(texts))  # type: ignore[misc]
        found[split] = TextInputs(rows, Texts(texts, lengths.numpy(), "words"))
    return found


def _embedded(study: Study, settings: Features, splits: Split, progress: Progress) -> dict[str, TextInputs]:
    # Data may not depend on models, but for this: an encoder is a way to read texts.
    from engine.models.text_models import Encoder

    folder = study.text_folder
    assert folder is not None
    config = checked_folder(folder, needs_weights=True)
    limit = token_limit(settings.max_length, config, "[data.features] max_length")
    files = {file.name: _sha256(file) for file in text_folder_files(folder)}
    told = {"files": files, "limit": limit, "pooling": settings.pooling or "mean"}
    told |= {name: version(name) for name in ("tokenizers", "transformers")}
    tokens = TextTokens(folder, config, limit)
    encoder = Encoder(folder, config, settings.pooling or "mean", study.compute)
    total, finished = sum(map(len, splits.values())), 0

    def done(count: int) -> None:
        nonlocal finished
        finished += count
        progress("data", finished, total, f"embedding texts once with {folder.name}")

    found = {}
    for split, texts in splits.items():

        def made(texts: tuple[str, ...] = texts) -> Made:
            packed, lengths = tokens.rows(texts, lambda _: None)
            embedded = LENGTH * functional.normalize(encoder.embedded(packed, lengths, done), dim=1)
            return embedded, lengths

        before = finished
        rows, lengths = kept_features(features_key(texts, told), len(texts), made)
        done(before + len(texts) - finished)
        found[split] = TextInputs(rows, Texts(texts, lengths.numpy(), "tokens", limit))
    return found


def _tokens(study: Study, splits: Split, class_names: tuple[str, ...], progress: Progress) -> dict[str, TextInputs]:
    folder = study.text_folder
    assert folder is not None
    config = checked_folder(folder, needs_weights=False)
    _check_class_order(config, class_names, folder.name)
    limit = token_limit(study.data.max_length, config, "[data] max_length")
    tokens = TextTokens(folder, config, limit)
    total, finished = sum(map(len, splits.values())), 0

    def done(count: int) -> None:
        nonlocal finished
        finished += count
        progress("data", finished, total, "reading tokens")

    made = {split: tokens.rows(texts, done) for split, texts in splits.items()}
    longest = max(packed.shape[2] for packed, _ in made.values())
    found = {}
    for split, (packed, lengths) in made.items():
        # Padded to one length; what is padded is masked and adds nothing.
        padded = functional.pad(packed, (0, longest - packed.shape[2]))
        padded[:, 0, packed.shape[2] :] = tokens.padding
        found[split] = TextInputs(padded, Texts(splits[split], lengths.numpy(), "tokens", limit))
    return found


def _check_class_order(config: Mapping[str, Any], names: tuple[str, ...], folder: str) -> None:
    """Refuses a model that numbers the same classes otherwise: its logits would be taken for others' without a word."""
    own = class_names_of(config)
    ordered = None if own is None else names_in_order(own, names)
    if own is not None and ordered is not None and ordered != names:
        raise RefusedInput(
            f"the model in {folder} has its classes in the order {listed(own)}, the data have {listed(names)}",
            "one order",
            f"Set class_names = {json.dumps(ordered, ensure_ascii=False)} in [data]",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
