"""Transformers that classify or embed texts, built from a folder of Hugging Face's layout.

Nothing of the folder is run: the class of the model is the library's own for a known kind, of the configuration only
the numbers that shape it are taken, and the weights are read by our own reader. Attention is the plain kind that
hooks and second passes bear (``eager``).

The models take tokens and mask as one tensor ``(B, 2, L)``, whatever its number type, and cut off what is padding in
all of the batch. Where a token is padding, the model masks it: no other token sees it, and no gradient reaches it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from engine.data.memory import refuse_beyond_memory
from engine.data.reader import RowsDone
from engine.device import resolve_device
from engine.errors import RefusedInput, first_line
from engine.models.loading import converted_tensors
from engine.models.tensor_files import read_tensors
from engine.study import Compute
from engine.text_folder import KINDS, WEIGHTS, checked_folder

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# All that shapes these encoders. What else a configuration says (another attention, a decoder's ways, number types,
# code of its own) is left out.
_TAKEN = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size",
    "initializer_range", "layer_norm_eps", "pad_token_id", "classifier_dropout", "embedding_size", "dim",
    "hidden_dim", "n_layers", "n_heads", "activation", "dropout", "attention_dropout", "seq_classif_dropout",
    "sinusoidal_pos_embds", "relative_attention_num_buckets",
)  # fmt: skip
_TOKENS_A_BATCH = 8192
_POSITIONS = "embeddings.position_ids"


class TokenInputs(nn.Module):
    """Lets a model of the library take ``(B, 2, L)`` and return logits ``(B, K)``; put before its class."""

    config: Any
    base_model_prefix: str

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns the logits of a batch of tokens and masks."""
        tokens, mask = _cut(inputs).long().unbind(dim=1)
        # The next class in line is the library's.
        logits: Tensor = super().forward(input_ids=tokens, attention_mask=mask).logits
        return logits

    @staticmethod
    def known_tensors(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors of a file by today's names.

        Files of old have gamma and beta for weight and bias of a normalisation, and a tensor of the positions 0, 1, ...
        """
        return {_renamed(name): tensor for name, tensor in stored.items() if not name.endswith(_POSITIONS)}

    @staticmethod
    def token_mask(inputs: Tensor) -> Tensor:
        """Returns 1 where tracked modules see a token and 0 where they see padding, ``(B, L')``."""
        return _cut(inputs)[:, 1]

    @property
    def tracked_by_default(self) -> tuple[str, ...]:
        """The linear modules of the last layer, of the pooler and of the classifier."""
        layers = next(
            name
            for name, module in self.named_modules()
            if isinstance(module, nn.ModuleList) and len(module) == self.config.num_hidden_layers
        )
        last, body = f"{layers}.{self.config.num_hidden_layers - 1}.", f"{self.base_model_prefix}."
        return tuple(
            name
            for name, module in self.named_modules()
            if isinstance(module, nn.Linear)
            and (name.startswith(last) or "pooler." in name or not name.startswith(body))
        )


def text_classifier(folder: Path, num_classes: int) -> nn.Module:
    """Builds a transformer with a head for K classes; in training mode.

    Its weights are the folder's as far as it has them; what is missing, the head of a model that was not trained for
    these classes and all of a folder without weights, is drawn from torch's global generator.

    Args:
        folder: with configuration and tokenizer.
        num_classes: K.

    Raises:
        RefusedInput: if the folder cannot be used, see :func:`engine.text_folder.checked_folder`, or its
            weights are of another model.
    """
    values = checked_folder(folder, needs_weights=False)
    config = _config(values, num_labels=num_classes)
    model = _built(_classifier_class(values["model_type"]), config, folder)
    if (folder / WEIGHTS).is_file():
        _fill(model, folder, model.base_model_prefix)
    return model.train()


class Encoder:
    """A frozen transformer that turns texts into vectors.

    Args:
        folder: with configuration and weights, already checked.
        values: of the configuration.
        pooling: what becomes of the outputs: their mean over the tokens, or the first token's.
        compute: where it runs.

    Raises:
        RefusedInput: if the weights are not of this model.
    """

    def __init__(self, folder: Path, values: dict[str, Any], pooling: Literal["mean", "cls"], compute: Compute) -> None:
        from transformers import MODEL_MAPPING

        self._pooling = pooling
        self._folder, self._compute, self._config = folder, compute, _config(values)
        self._class, self._model = MODEL_MAPPING[type(self._config)], None

    def embedded(self, packed: Tensor, lengths: Tensor, done: RowsDone) -> Tensor:
        """Returns the vectors of texts, ``(n, D)`` float32 on the CPU.

        Args:
            packed: tokens and masks, ``(n, 2, L)``.
            lengths: by which texts are put together into batches, ``(n,)``.
            done: called after every batch with its size; may raise to stop.
        """
        model, device = self._loaded()
        vectors = torch.empty(len(packed), model.config.hidden_size)
        # Texts of like length in one batch: what is padding in all of it costs nothing.
        order = lengths.argsort(stable=True)
        with torch.no_grad():
            for batch in order.split(max(1, _TOKENS_A_BATCH // packed.shape[2])):
                tokens, mask = _cut(packed[batch].to(device)).long().unbind(dim=1)
                states = model(input_ids=tokens, attention_mask=mask).last_hidden_state
                if self._pooling == "mean":
                    weights = mask[:, :, None].to(states.dtype)
                    pooled = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
                else:
                    pooled = states[:, 0]
                vectors[batch] = pooled.float().cpu()
                done(len(batch))
        return vectors

    def _loaded(self) -> tuple[Any, torch.device]:
        # Only when there is a text to embed: reading the weights takes longer than finding kept features.
        device = resolve_device(self._compute)
        if self._model is None:
            model = _built(self._class, self._config, self._folder)
            _fill(model, self._folder, None)
            self._model = model.eval().to(device)
        return self._model, device


def _cut(inputs: Tensor) -> Tensor:
    """Returns a batch without the columns that are padding in all of it; one column stays."""
    longest = int(inputs[:, 1].sum(dim=1).max()) if len(inputs) else 1
    return inputs[:, :, : max(1, longest)]


_classes: dict[str, Any] = {}


def _classifier_class(kind: str) -> Any:
    """Returns the library's class for a kind, made to take our inputs."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    base: Any = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[CONFIG_MAPPING[kind]]
    if base.__name__ not in _classes:
        _classes[base.__name__] = type(base.__name__, (TokenInputs, base), {"__module__": __name__})
    return _classes[base.__name__]


def __getattr__(name: str) -> Any:
    """Finds a class that was made above where a model is unpickled in another process."""
    if name.endswith("ForSequenceClassification"):
        for kind in KINDS:
            if _classifier_class(kind).__name__ == name:
                return _classes[name]
    raise AttributeError(name)


def _config(values: dict[str, Any], **changes: Any) -> "PretrainedConfig":
    from transformers import CONFIG_MAPPING

    taken = {name: values[name] for name in _TAKEN if values.get(name) is not None}
    try:
        return CONFIG_MAPPING[values["model_type"]](**taken, **changes)
    except Exception as error:  # whatever the library finds wrong with them
        raise _unusable(error) from error


def _built(kind: Any, config: "PretrainedConfig", folder: Path) -> Any:
    try:
        # Without values first: each number of a configuration may be sound and the model beyond any memory.
        with torch.device("meta"):
            planned = kind._from_config(config, attn_implementation="eager", dtype=torch.float32)
        size = sum(parameter.numel() * parameter.element_size() for parameter in planned.parameters())
        refuse_beyond_memory(size, f"the model of config.json in {folder.name}")
        return kind._from_config(config, attn_implementation="eager", dtype=torch.float32)
    except RefusedInput:
        raise
    except (LookupError, ValueError, RuntimeError, TypeError, AttributeError, AssertionError, ArithmeticError) as error:
        raise _unusable(error, f" of {folder.name}") from error


def _unusable(error: Exception, whose: str = "") -> RefusedInput:
    return RefusedInput(
        f"no model can be built from config.json{whose}: {first_line(error)}",
        "the configuration that the model was saved with",
        "Copy the folder again",
    )


def _fill(model: nn.Module, folder: Path, body: str | None) -> None:
    """Loads what the folder has of a model's weights.

    Args:
        model: is changed.
        folder: with the weights.
        body: the name of the part below the head; None for a model without one.

    Raises:
        RefusedInput: if the part below the head is not there whole.
    """
    path = folder / WEIGHTS
    stored, _ = read_tensors(path)
    stored = TokenInputs.known_tensors(stored)
    expected = model.state_dict()
    prefix = f"{body or getattr(model, 'base_model_prefix', '')}."
    found: dict[str, Tensor] = {}
    for name in expected:
        for known in (name, name.removeprefix(prefix), prefix + name):
            if known in stored:
                found[name] = stored[known]
                break
    head = [name for name in expected if body is not None and not name.startswith(prefix)]
    if any(name not in found or found[name].shape != expected[name].shape for name in head):
        # Trained for other classes, or for none: drawn anew, as a whole.
        found = {name: tensor for name, tensor in found.items() if name not in set(head)}
    needed = [name for name in expected if name not in set(head) and "pooler." not in name]
    missing = [name for name in needed if name not in found]
    odd = [name for name in found if found[name].shape != expected[name].shape]
    if missing or odd:
        what = f"lacks {missing[0]}" if missing else f"has {odd[0]} of the shape {tuple(found[odd[0]].shape)}"
        raise RefusedInput(
            f"{WEIGHTS} in {folder.name} is not of the model in config.json: it {what}",
            "configuration and weights of one model",
            "Copy the folder again",
        )
    wanted = {name: expected[name] for name in found}
    converted, _ = converted_tensors(path, found, wanted)
    model.load_state_dict(converted, strict=False)


def _renamed(name: str) -> str:
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name
