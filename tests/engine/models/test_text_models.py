import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import RefusedInput
from engine.models import build_model, load_checkpoint, save_checkpoint
from engine.models.text_models import Encoder, text_classifier
from engine.study import Compute, Model
from engine.text_folder import KINDS, checked_folder
from tests.engine.text_studies import write_transformer

# Marks, three tokens, and padding behind the first text.
TOKENS = torch.tensor([[[2, 7, 3, 0, 0], [1, 1, 1, 0, 0]], [[2, 9, 8, 7, 3], [1, 1, 1, 1, 1]]])
MODEL = Model(architecture="transformers:bert")


def built(folder: Path, classes: int = 3, seed: int = 0) -> Any:
    return build_model(MODEL, (2, 5), classes, seed, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_every_known_kind_takes_tokens_and_mask_and_tracks_its_last_layer(tmp_path, kind):
    write_transformer(tmp_path, kind, pad_token_id=1 if kind in ("roberta", "xlm-roberta", "camembert", "mpnet") else 0)
    model: Any = text_classifier(tmp_path, 3).eval()
    tokens = TOKENS.clone()
    tokens[0, 0, 3:] = json.loads((tmp_path / "config.json").read_text())["pad_token_id"]

    logits = model(tokens.float())

    assert logits.shape == (2, 3)
    assert torch.allclose(model(tokens[:1, :, :3]), logits[:1], atol=1e-6)
    names = model.tracked_by_default
    assert sum("layer.1." in name for name in names) == 6
    assert not any("layer.0." in name for name in names)
    assert len(names) in (7, 8)


def test_initial_weights_depend_on_the_seed_alone(tmp_path):
    write_transformer(tmp_path / "bert")

    first, again, other = (built(tmp_path, seed=seed).state_dict() for seed in (0, 0, 1))

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_training_starts_from_the_weights_of_the_folder(tmp_path):
    write_transformer(tmp_path / "bert", weights=True)
    stored = load_file(tmp_path / "bert" / "model.safetensors")

    state = built(tmp_path).state_dict()

    assert {name.removeprefix("bert.") for name in state if name.startswith("bert.")} == set(stored)
    assert all(torch.equal(state[f"bert.{name}"], tensor) for name, tensor in stored.items())


@pytest.mark.parametrize(("classes", "kept"), [(3, True), (4, False)])
def test_a_head_for_other_classes_is_drawn_anew(tmp_path, classes, kept):
    write_transformer(tmp_path / "bert")
    head = built(tmp_path, seed=5)
    save_file(head.state_dict(), tmp_path / "bert" / "model.safetensors")

    model = built(tmp_path, classes)

    assert torch.equal(model.bert.pooler.dense.weight, head.bert.pooler.dense.weight)
    assert (model.classifier.weight.shape == head.classifier.weight.shape) == kept
    assert not kept or torch.equal(model.classifier.weight, head.classifier.weight)


def test_old_names_of_a_normalisation_are_known(tmp_path):
    write_transformer(tmp_path / "bert", weights=True)
    file = tmp_path / "bert" / "model.safetensors"
    stored = load_file(file)
    old = {n.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): t + 1 for n, t in stored.items()}
    save_file(old, file)

    state = built(tmp_path).state_dict()

    assert torch.equal(state["bert.embeddings.LayerNorm.weight"], stored["embeddings.LayerNorm.weight"] + 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("missing", "it lacks bert.encoder.layer.0.output.dense.weight"),
        ("shape", "has bert.encoder.layer.0.output.dense.weight of the shape"),
        ("nan", "are NaN or infinite"),
        ("bytes", "is no sound safetensors file"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, damage, message):
    write_transformer(tmp_path / "bert", weights=True)
    file, name = tmp_path / "bert" / "model.safetensors", "encoder.layer.0.output.dense.weight"
    stored = load_file(file)
    if damage == "missing":
        del stored[name]
    elif damage == "shape":
        stored[name] = torch.zeros(2, 2)
    else:
        stored[name][0, 0] = torch.nan
    save_file(stored, file)
    if damage == "bytes":
        file.write_bytes(file.read_bytes()[:200])

    with pytest.raises(RefusedInput, match=message):
        built(tmp_path)


def test_a_configuration_that_contradicts_itself_is_refused(tmp_path):
    write_transformer(tmp_path / "bert", hidden_act="nonsense")

    with pytest.raises(RefusedInput, match=r"no model can be built from config.json"):
        built(tmp_path)


def test_what_could_change_the_kind_of_model_is_not_taken_from_the_configuration(tmp_path):
    write_transformer(
        tmp_path / "bert",
        is_decoder=True,
        attn_implementation="flash_attention_2",
        torch_dtype="float16",
        chunk_size_feed_forward=1,
    )
    model = built(tmp_path)

    assert not model.config.is_decoder
    assert model.config._attn_implementation == "eager"
    assert model.classifier.weight.dtype == torch.float32


def test_a_checkpoint_has_the_names_of_the_library(tmp_path):
    write_transformer(tmp_path / "bert")
    model = built(tmp_path, seed=3)
    save_checkpoint(model, tmp_path / "epoch-001.safetensors")
    from transformers import AutoConfig, AutoModelForSequenceClassification

    theirs = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(tmp_path / "bert", num_labels=3))
    theirs.load_state_dict(load_file(tmp_path / "epoch-001.safetensors"))
    ours = built(tmp_path)
    load_checkpoint(tmp_path / "epoch-001.safetensors", ours)

    tokens, mask = TOKENS.unbind(dim=1)
    expected = theirs.eval()(input_ids=tokens, attention_mask=mask).logits
    assert torch.allclose(ours.eval()(TOKENS.float()), expected, atol=1e-6)


def test_a_checkpoint_of_old_has_other_names_and_its_positions(tmp_path):
    write_transformer(tmp_path / "bert")
    model = built(tmp_path, seed=3)
    old = {
        name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): tensor
        for name, tensor in model.state_dict().items()
    }
    save_file({**old, "bert.embeddings.position_ids": torch.arange(80)[None]}, tmp_path / "old.safetensors")

    ours = built(tmp_path)
    load_checkpoint(tmp_path / "old.safetensors", ours)

    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in ours.state_dict().items())


def test_a_model_is_the_same_in_another_process(tmp_path):
    write_transformer(tmp_path / "bert")
    model = built(tmp_path).eval()

    assert torch.equal(pickle.loads(pickle.dumps(copy.deepcopy(model)))(TOKENS), model(TOKENS))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_an_encoder_pools_over_tokens_and_not_over_padding(tmp_path, pooling):
    write_transformer(tmp_path, weights=True)
    config = checked_folder(tmp_path, needs_weights=True)
    from transformers import AutoModel

    theirs = AutoModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        states = [theirs(one[0, None, : one[1].sum()]).last_hidden_state[0] for one in TOKENS]
    expected = torch.stack([state.mean(0) if pooling == "mean" else state[0] for state in states])

    encoder = Encoder(tmp_path, config, pooling, Compute(device="cpu", threads=1))
    reports: list[int] = []
    told = encoder.embedded(TOKENS.int(), torch.tensor([3, 5]), reports.append)

    assert torch.allclose(told, expected, atol=1e-6)
    assert sum(reports) == 2


def test_no_file_of_the_folder_but_three_is_opened(tmp_path):
    write_transformer(tmp_path / "bert", weights=True)
    for name in ("vocab.txt", "special_tokens_map.json", "pytorch_model.bin", "training_args.bin"):
        (tmp_path / "bert" / name).write_bytes(b"\x80\x04not to be read")

    assert built(tmp_path) is not None
