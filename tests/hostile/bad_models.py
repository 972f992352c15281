"""Bad models, rows 1 to 21: what is written in the place of the last checkpoint, or of a transformer's folder."""

import argparse
import io
import json
import os
import pickle
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.engine.text_studies import texts_of, write_table, write_transformer
from tests.hostile.case import CANARY, Case
from tests.hostile.small_study import CHECKPOINT, edit, use_data

State = dict[str, Any]
TOUCH = f'touch "${CANARY}"'
_STATE_DICT = "Expected a state dict in a .safetensors file, or in a .pt file written by torch.save"
_SAVE = "load it and write `safetensors.torch.save_file"
_COPY = "Copy the file again"


class Payload:
    """Touches the canary when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (TOUCH,)


class TouchingModule(nn.Module):
    """A module of its own whose loading touches the canary."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (TOUCH,)


def _state(folder: Path) -> State:
    return load_file(folder / "checkpoints" / CHECKPOINT)


def _in_place(folder: Path, suffix: str = ".safetensors") -> Path:
    """Takes the last checkpoint away and returns where another of its epoch is to be."""
    path = folder / "checkpoints" / CHECKPOINT
    path.unlink()
    return path.with_suffix(suffix)


def _bytes(content: bytes, suffix: str, folder: Path) -> None:
    _in_place(folder, suffix).write_bytes(content)


def _cut(share: float, folder: Path) -> None:
    content = (folder / "checkpoints" / CHECKPOINT).read_bytes()
    _in_place(folder).write_bytes(content[: int(share * len(content))])


def _cut_zip(folder: Path) -> None:
    _saved(dict, folder)
    path = folder / "checkpoints" / "epoch-002.pt"
    path.write_bytes(path.read_bytes()[:-700])


def _changed(change: Callable[[State], State], folder: Path) -> None:
    """Changes the tensors of the checkpoint, which stays one of safetensors."""
    state = change(_state(folder))
    save_file(state, _in_place(folder))


def _saved(change: Callable[[State], object], folder: Path) -> None:
    """Writes what is made of the checkpoint's tensors by ``torch.save``."""
    stored = change(_state(folder))
    torch.save(stored, _in_place(folder, ".pt"))


def _saved_in_the_old_way(folder: Path) -> None:
    torch.save({"weight": Payload()}, _in_place(folder, ".pt"), _use_new_zipfile_serialization=False)


def _scripted(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.script(nn.Linear(2, 2))
        stream = io.BytesIO()
        torch.jit.save(module, stream)
    _bytes(stream.getvalue(), ".pt", folder)


def _exported(suffix: str, folder: Path) -> None:
    """Writes an archive like that of ``torch.export.save``, whose samples of inputs are a pickle."""
    with zipfile.ZipFile(_in_place(folder, suffix), "w") as archive:
        archive.writestr("model/archive_format", "pt2")
        archive.writestr("model/archive_version", "0")
        archive.writestr("model/models/model.json", "{}")
        archive.writestr("model/data/sample_inputs/model.pt", pickle.dumps(Payload()))
        archive.writestr("model/data.pkl", pickle.dumps(Payload()))


def _only_exported(folder: Path) -> None:
    shutil.rmtree(folder / "checkpoints")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / CHECKPOINT).touch()
    _exported(".pt2", folder)


def _bomb(folder: Path) -> None:
    """Packs 200 MB of zeros into some 200 KB."""
    stream = io.BytesIO()
    torch.save({"1.weight": torch.zeros(8, 64)}, stream)
    with (
        zipfile.ZipFile(stream) as small,
        zipfile.ZipFile(_in_place(folder, ".pt"), "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in small.namelist():
            with packed.open(member, "w") as written:
                if "/data/" not in member:
                    written.write(small.read(member))
                    continue
                for _ in range(200):
                    written.write(bytes(1 << 20))


def _repeated(state: State) -> State:
    return state | {"1.weight": torch.zeros(1).expand(10**6, 10**6)}


def _shared_many_times(state: State) -> State:
    # Each fits its storage, and all share one: 4,000 x 1 MB out of one.
    one = torch.zeros(1 << 18)
    return state | {f"copy{number}": one for number in range(4000)}


def _with_nan(state: State) -> State:
    weight = state["1.weight"].clone()
    weight[0, 0] = torch.nan
    return state | {"1.weight": weight}


def _integers(state: State) -> State:
    return {name: (100 * tensor).to(torch.int8) for name, tensor in state.items()}


def _fewer_classes(state: State) -> State:
    return {name: tensor[:3].contiguous() if name.startswith("3.") else tensor for name, tensor in state.items()}


def _header(header: bytes, folder: Path) -> None:
    _bytes(struct.pack("<Q", len(header)) + header + bytes(64), ".safetensors", folder)


def _without(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if name != "1.bias"}


def _momentum(folder: Path) -> None:
    (folder / "checkpoints" / "optimizer" / CHECKPOINT).write_bytes(pickle.dumps(Payload()))


def _transformer(spoil: Callable[[Path], None], folder: Path) -> None:
    for split, count in (("train", 24), ("validation", 12)):
        write_table(folder / f"{split}.csv", *texts_of(count))
    use_data(folder, 'format = "csv"\nmodality = "text"\ntrain = "train.csv"\nvalidation = "validation.csv"\n')
    edit(folder, 'architecture = "mlp"\nhidden = [8]', 'architecture = "transformers:bert"')
    edit(folder, 'class_names = ["zero", "one", "two", "three"]\n', "")
    write_transformer(folder / "bert")
    spoil(folder / "bert")


def _configured(changes: State, bert: Path) -> None:
    config = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(config | changes))
    (bert / "modeling_mine.py").write_text(f"import os\nos.system({TOUCH!r})\nclass Mine: pass\n")


def _tokenizer_code(bert: Path) -> None:
    (bert / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["tokenization_mine.T", None]}})
    )
    (bert / "tokenization_mine.py").write_text(f"import os\nos.system({TOUCH!r})\nclass T: pass\n")


def _pickled_weights(bert: Path) -> None:
    torch.save({"weight": Payload()}, bert / "pytorch_model.bin")


def _half(tensor: Tensor) -> Tensor:
    return tensor.half()


_AUTO = {"auto_map": {"AutoModelForSequenceClassification": "modeling_mine.Mine"}}

CASES = (
    Case(1, "an empty file", partial(_bytes, b"", ".safetensors"), (f"{CHECKPOINT} is empty", _STATE_DICT, _COPY)),
    Case(2, "safetensors cut off", partial(_cut, 0.7), ("is no sound safetensors file", _STATE_DICT, _COPY)),
    Case(2, "safetensors cut off in the header", partial(_cut, 0.02), ("is no sound safetensors file", _STATE_DICT)),
    Case(2, "a state dict cut off", _cut_zip, ("epoch-002.pt is damaged or cut off", _STATE_DICT, _COPY)),
    Case(
        3,
        "random bytes",
        partial(_bytes, b"\x93\x17\xfa\x02" * 300, ".pt"),
        ("is no checkpoint, or is damaged", _STATE_DICT),
    ),
    Case(
        4,
        "a web page",
        partial(_bytes, b"<!DOCTYPE html><html>404</html>", ".pt"),
        ("is a web page", "Download the file itself"),
    ),
    Case(
        4,
        "a pointer to Git LFS",
        partial(_bytes, b"version https://git-lfs.github.com/spec/v1\noid sha256:0", ".pt"),
        ("only points to a file in Git LFS", "git lfs pull"),
    ),
    Case(
        5,
        "a payload in a zip checkpoint",
        partial(_saved, lambda state: state | {"1.bias": Payload()}),
        ("holds more than tensors", "could run code when loaded", _STATE_DICT, _SAVE),
    ),
    Case(
        5,
        "a payload in a checkpoint of old",
        _saved_in_the_old_way,
        ("holds more than tensors", "could run code when loaded", _SAVE),
    ),
    Case(
        6,
        "a raw pickle",
        partial(_bytes, pickle.dumps(Payload()), ".pt"),
        ("is a pickle, which can run code when loaded", _STATE_DICT, _SAVE),
    ),
    Case(6, "a raw pickle as momentum", _momentum, ("is a pickle, which can run code when loaded",)),
    Case(
        7,
        "a whole module",
        partial(_saved, lambda _: nn.Sequential(nn.Linear(2, 2))),
        ("holds a whole module or class (torch.nn.modules", _STATE_DICT, _SAVE),
    ),
    Case(
        7,
        "a whole module of its own",
        partial(_saved, lambda _: TouchingModule()),
        ("holds more than tensors", _STATE_DICT, _SAVE),
    ),
    Case(8, "TorchScript", _scripted, ("is a TorchScript program, which runs code when loaded", _STATE_DICT, _SAVE)),
    Case(
        9,
        "an exported program",
        partial(_exported, ".pt"),
        ("is an exported program (.pt2), which runs code when loaded", _STATE_DICT, _SAVE),
    ),
    Case(
        9,
        "an exported program by its own name",
        _only_exported,
        ("no checkpoint in checkpoints", "safetensors or .pt state dicts"),
    ),
    Case(
        10,
        "a namespace of arguments",
        partial(_saved, lambda state: {"state_dict": state, "args": argparse.Namespace(lr=0.1)}),
        ("holds more than tensors: argparse.Namespace", _STATE_DICT, _SAVE),
    ),
    Case(11, "a deflate bomb", _bomb, ("is a compressed archive of", "would unpack to 209,7", "uncompressed", _SAVE)),
    Case(
        12,
        "a tensor of stride 0",
        partial(_saved, _repeated),
        (
            "'1.weight' declares 1,000,000,000,000 elements but stores fewer (stride 0)",
            "one stored value for each element",
            ".contiguous()",
        ),
    ),
    Case(
        12,
        "one storage many times",
        partial(_saved, _shared_many_times),
        ("has unknown copy0, copy1", "exactly the 4 tensors"),
    ),
    Case(
        13,
        "a missing key",
        partial(_changed, _without),
        ("does not belong to this architecture: it lacks 1.bias", "exactly the 4 tensors", "Name the architecture"),
    ),
    Case(
        14,
        "an extra key",
        partial(_changed, lambda state: state | {"9.weight": torch.ones(2)}),
        ("has unknown 9.weight", "exactly the 4 tensors", "Name the architecture"),
    ),
    Case(
        15,
        "a wrong shape",
        partial(_changed, lambda state: state | {"1.weight": torch.ones(8, 63)}),
        ("1.weight (8, 63) instead of (8, 64)", "Check [model] hidden"),
    ),
    Case(
        16,
        "the prefix of a wrapper",
        partial(_changed, lambda state: {f"module.{name}": tensor for name, tensor in state.items()}),
        ("the prefix 'module.' before every name was left out",),
        accepted=True,
    ),
    Case(
        17,
        "weights that are NaN",
        partial(_changed, _with_nan),
        ("1 of 512 values of tensor '1.weight' are NaN or infinite", "finite numbers", "before the training diverged"),
    ),
    Case(
        18,
        "half precision",
        partial(_changed, lambda state: {name: _half(tensor) for name, tensor in state.items()}),
        ("float16 was converted to float32",),
        accepted=True,
    ),
    Case(
        18,
        "whole numbers",
        partial(_changed, _integers),
        ("is of type int8", "float32", "not a quantised or packed copy"),
    ),
    Case(
        19,
        "a header that is no JSON",
        partial(_header, b'{"a": not json'),
        ("is no sound safetensors file", _STATE_DICT, _COPY),
    ),
    Case(
        19,
        "a header that says too much",
        partial(
            _header,
            json.dumps(
                {"1.weight": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}
            ).encode(),
        ),
        ("is no sound safetensors file", _STATE_DICT, _COPY),
    ),
    Case(
        19,
        "a header that is said to be endless",
        partial(_bytes, struct.pack("<Q", 10**15) + b"{" + bytes(50), ".safetensors"),
        ("is no sound safetensors file", _STATE_DICT),
    ),
    Case(
        20,
        "fewer classes than labels",
        partial(_changed, _fewer_classes),
        (
            "was trained for 3 classes, but the data have 4",
            "a checkpoint for 4 classes",
            "[data] label and class_names",
        ),
    ),
    Case(
        21,
        "a transformer with its own code",
        partial(_transformer, partial(_configured, _AUTO)),
        ("brings code of its own to be run (auto_map)", "no code of a folder is ever run", "without auto_map"),
    ),
    Case(
        21,
        "a transformer of an unknown kind with its own code",
        partial(_transformer, partial(_configured, {"model_type": "mine"})),
        ("brings code of its own to be run (modeling_mine.py)", "no code of a folder is ever run"),
    ),
    Case(
        21,
        "a tokenizer with its own code",
        partial(_transformer, _tokenizer_code),
        ("brings code of its own to be run (auto_map)", "no code of a folder is ever run"),
    ),
    Case(
        21,
        "a transformer with pickled weights",
        partial(_transformer, _pickled_weights),
        (
            "its weights only as pytorch_model.bin (a pickle, which can run code when it is loaded)",
            "model.safetensors",
            "save_pretrained",
        ),
    ),
)
