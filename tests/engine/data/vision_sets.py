"""Writes small data sets of torchvision in their own binary formats, with pictures that tell their class."""

import pickle
import struct
from pathlib import Path

import numpy as np
from scipy import io as matlab

SIDES = {"CIFAR10": 32, "CIFAR100": 32, "STL10": 96, "MNIST": 28, "FashionMNIST": 28, "SVHN": 32}
NAMES = ("airplane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def pictures_of(name: str, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns pictures ``(N, C, H, W)`` uint8 and labels that go round the ten classes."""
    channels = 1 if "MNIST" in name else 3
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    noise = generator.integers(0, 20, (count, channels, SIDES[name], SIDES[name]))
    return (noise + 20 * labels[:, None, None, None]).astype(np.uint8), labels


def write_set(name: str, root: Path, train: int = 40, test: int = 20) -> None:
    """Writes a set below a root as torchvision keeps it."""
    for split, count in (("train", train), ("test", test)):
        pixels, labels = pictures_of(name, count, seed=len(split))
        if name.startswith("CIFAR"):
            write_cifar(name, root, split, pixels, labels)
        elif name == "STL10":
            folder = root / "stl10_binary"
            folder.mkdir(parents=True, exist_ok=True)
            pixels.transpose(0, 1, 3, 2).tofile(folder / f"{split}_X.bin")
            (labels + 1).astype(np.uint8).tofile(folder / f"{split}_y.bin")
            (folder / "class_names.txt").write_text("\n".join(NAMES) + "\n")
        elif name == "SVHN":
            root.mkdir(parents=True, exist_ok=True)
            digits = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
            matlab.savemat(root / f"{split}_32x32.mat", {"X": pixels.transpose(2, 3, 1, 0), "y": digits})
        else:
            folder = root / name / "raw"
            folder.mkdir(parents=True, exist_ok=True)
            part = "train" if split == "train" else "t10k"
            write_idx(folder / f"{part}-images-idx3-ubyte", pixels[:, 0])
            write_idx(folder / f"{part}-labels-idx1-ubyte", labels.astype(np.uint8))


def write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(head + values.tobytes())


def write_cifar(name: str, root: Path, split: str, pixels: np.ndarray, labels: np.ndarray, protocol: int = 2) -> None:
    fine = name == "CIFAR100"
    folder = root / ("cifar-100-python" if fine else "cifar-10-batches-py")
    folder.mkdir(parents=True, exist_ok=True)
    files = [split] if fine else [f"data_batch_{n}" for n in range(1, 6)] if split == "train" else ["test_batch"]
    for file, rows in zip(files, np.array_split(np.arange(len(labels)), len(files)), strict=True):
        held = {
            "batch_label": file,
            "fine_labels" if fine else "labels": labels[rows].tolist(),
            "data": np.ascontiguousarray(pixels[rows].reshape(len(rows), -1)),
            "filenames": [f"{row}.png" for row in rows],
        }
        if fine:
            held["coarse_labels"] = (labels[rows] // 2).tolist()
        (folder / file).write_bytes(pickle.dumps(held, protocol=protocol))
    names = {"fine_label_names" if fine else "label_names": list(NAMES), "num_vis": 3072}
    (folder / ("meta" if fine else "batches.meta")).write_bytes(pickle.dumps(names, protocol=protocol))
