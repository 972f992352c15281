"""The folder of a transformer: what is read of it, and what is refused, before anything of it is loaded.

Three files count: ``config.json``, ``tokenizer.json`` and ``model.safetensors``. None of them can hold code; a
configuration that asks for code of the folder is refused, and so is one of a kind that is not known here. Without
torch, since fingerprints are taken of these files where nothing is computed.
"""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.classes import did_you_mean, listed
from engine.errors import RefusedInput

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
FILES = (CONFIG, TOKENIZER, WEIGHTS)
"""All that is read of a folder."""
KINDS = ("bert", "distilbert", "roberta", "xlm-roberta", "camembert", "electra", "mpnet")
"""Values of ``model_type`` that are known: encoders whose layers are plain and called once."""

_LARGEST_TEXT = 256 * 2**20
_CODE = ("auto_map", "custom_pipelines")
_CODE_FILES = ("modeling_", "configuration_", "tokenization_")
_OTHER_WEIGHTS = ("pytorch_model.bin", "model.safetensors.index.json", "tf_model.h5", "flax_model.msgpack")
# Beyond any encoder there is; a slip or a trick would take all memory.
_LARGEST = {
    "vocab_size": 2_000_000,
    "max_position_embeddings": 65_536,
    "hidden_size": 16_384,
    "dim": 16_384,
    "embedding_size": 16_384,
    "intermediate_size": 65_536,
    "hidden_dim": 65_536,
    "num_hidden_layers": 128,
    "n_layers": 128,
    "num_attention_heads": 256,
    "n_heads": 256,
    "type_vocab_size": 1024,
}


def text_folder_files(folder: Path) -> list[Path]:
    """Returns the files of a folder that results depend on: those of the three that are there."""
    return [folder / name for name in FILES if _is_regular(folder / name)]


def checked_folder(folder: Path, needs_weights: bool) -> dict[str, Any]:
    """Checks a transformer's folder and returns its configuration.

    Args:
        folder: as the study names it.
        needs_weights: whether it is of no use untrained, as an encoder is.

    Raises:
        RefusedInput: if it is no such folder, asks for its own code to be run, is of an unknown kind,
            has no tokenizer in ``tokenizer.json``, or has weights in another form than safetensors.
    """
    where = f"the transformer's folder {folder.name}"
    if not folder.is_dir():
        raise RefusedInput(
            f"there is no folder {folder}",
            f"a folder with {', '.join(FILES)}",
            "Check the path: it is relative to the study file; nothing is ever fetched from the network",
        )
    config = _read_json(folder / CONFIG, where)
    _refuse_code(folder, config, where)
    kind = config.get("model_type")
    if kind not in KINDS:
        raise RefusedInput(
            f"{where} has the model_type {str(kind)[:80]!r}",
            f"one of {listed(KINDS)}",
            did_you_mean(str(kind)[:80], KINDS) or "Use an encoder of one of these kinds",
        )
    _check_numbers(config, where)
    if "quantization_config" in config:
        raise RefusedInput(f"{where} is quantised", "weights as plain numbers", "Save the model that it was made of")
    if not _is_regular(folder / TOKENIZER):
        raise RefusedInput(
            f"{where} has no {TOKENIZER}",
            "the tokenizer in that one file, which holds no code and no pickle",
            "Write it with `AutoTokenizer.from_pretrained(...).save_pretrained(FOLDER)`",
        )
    _check_weights(folder, needs_weights, where)
    return config


def most_tokens(config: Mapping[str, Any]) -> int:
    """Returns how many tokens of a text the model can take, by its configuration."""
    positions = int(config.get("max_position_embeddings", 512))
    # Of RoBERTa's positions the first are those up to the padding's number.
    padding = config.get("pad_token_id")
    offset = (1 if padding is None else int(padding)) + 1 if _counts_from_padding(config) else 0
    return max(1, positions - offset)


def class_names_of(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Returns what a configuration calls its classes, in the order of the logits; None where it only numbers them."""
    names = config.get("id2label")
    if not isinstance(names, Mapping):
        return None
    try:
        ordered = tuple(str(names[key]) for key in sorted(names, key=int))
    except ValueError:
        return None
    return None if all(name == f"LABEL_{number}" for number, name in enumerate(ordered)) else ordered


def _counts_from_padding(config: Mapping[str, Any]) -> bool:
    return config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "mpnet")


def _refuse_code(folder: Path, config: Mapping[str, Any], where: str) -> None:
    asks = [key for key in _CODE if config.get(key)]
    beside = folder / "tokenizer_config.json"
    if _is_regular(beside):
        asks += [key for key in _CODE if _read_json(beside, where).get(key)]
    asks += [file.name for file in sorted(folder.glob("*.py")) if file.name.startswith(_CODE_FILES)]
    if asks:
        raise RefusedInput(
            f"{where} brings code of its own to be run ({asks[0]})",
            "a model that transformers itself knows; no code of a folder is ever run",
            "Use a model of a known kind, saved without auto_map and Python files",
        )
    if (folder / "adapter_config.json").exists():
        raise RefusedInput(
            f"{where} holds an adapter", "a whole model", "Merge the adapter into its model and save that"
        )


def _check_numbers(config: Mapping[str, Any], where: str) -> None:
    for key, most in _LARGEST.items():
        value = config.get(key)
        if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most):
            raise RefusedInput(
                f"{CONFIG} of {where} has {key} = {str(value)[:40]}",
                f"a whole number from 1 to {most:,}",
                "Copy the file again",
            )
    padding = config.get("pad_token_id")
    if padding is not None and not (isinstance(padding, int) and 0 <= padding < int(config.get("vocab_size", 2**31))):
        raise RefusedInput(
            f"{CONFIG} of {where} has pad_token_id = {str(padding)[:40]}",
            "the number of a token",
            "Copy the file again",
        )


def _check_weights(folder: Path, needed: bool, where: str) -> None:
    if _is_regular(folder / WEIGHTS):
        return
    others = [name for name in _OTHER_WEIGHTS if (folder / name).exists()]
    others += [file.name for file in sorted(folder.glob("*.bin")) if file.name not in others]
    if others or needed:
        kind = " (a pickle, which can run code when it is loaded)" if others and others[0].endswith(".bin") else ""
        has = f"its weights only as {others[0]}{kind}" if others else "no weights"
        raise RefusedInput(
            f"{where} has {has}",
            f"the weights in {WEIGHTS}",
            "In a program that you trust, load the model and write it with `save_pretrained(FOLDER, "
            "max_shard_size='100GB')`",
        )


def _read_json(path: Path, where: str) -> dict[str, Any]:
    if not _is_regular(path):
        raise RefusedInput(f"{where} has no {path.name}", f"a folder with {', '.join(FILES)}", "Copy the folder again")
    if path.stat().st_size > _LARGEST_TEXT:
        raise RefusedInput(f"{path.name} of {where} is larger than any", "a configuration", "Copy the file again")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RefusedInput(
            f"{path.name} of {where} is no JSON: {str(error)[:80]}", "a whole configuration", "Copy the file again"
        ) from None
    except OSError as error:
        raise RefusedInput(
            f"{path.name} of {where}: {error.strerror}", "a file that may be read", "Change its permissions"
        ) from error
    if not isinstance(values, dict):
        raise RefusedInput(f"{path.name} of {where} holds no table", "a configuration", "Copy the file again")
    return values


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
