"""What decides a node's result, as a hash: options, data, seed, what it is made from, and the code that makes it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from skinseg.source import GENERATOR, GENERATOR_CARRIES, source_hashes

_LABELS = ("synthetic/labels.py", "synthetic/label_image.py")
CODE = {
    "render": GENERATOR,
    "fit": ("images", "models", "training", "data", "datasets", "tones", *_LABELS),
    "score": ("images", "evaluation", "models", "data", "datasets", "tones", *_LABELS),
}
"""Rooms and files of the package that decide the result of a node of each kind."""

ROOTS = {
    "render": Path("rendered", "studies"),
    "fit": Path("runs", "studies"),
    "score": Path("results", "studies", "scores"),
}
"""Where finished nodes lie, below the working folder; every study shares them."""


@dataclass(frozen=True)
class Node:
    """One piece of work. kind: "render", "fit" or "score".

    spec: all that decides the result, but for the code and the parents. how: what does not, such as where things
    lie. cost: what an estimate needs, see `skinseg.studies.cost`.
    """

    kind: str
    title: str
    spec: Mapping[str, Any]
    parents: tuple["Node", ...] = ()
    how: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """16 hex digits of what is asked for, whatever code does it: the name of the node's folder."""
        return _hash({"kind": self.kind, "spec": self.spec, "parents": [each.key for each in self.parents]})

    def identity(self, parents: list[str]) -> str:
        """16 hex digits of `key`, the code at hand and the identities of the parents as they were made."""
        return _hash({"key": self.key, "code": code_of(self.kind), "parents": parents})

    @property
    def folder(self) -> Path:
        return ROOTS[self.kind] / self.key


def code_of(kind: str) -> dict[str, str]:
    """Source file, as its path in the package, to 16 hex digits, for the files in `CODE`."""
    return source_hashes(CODE[kind], GENERATOR_CARRIES if kind == "render" else ())


def differing(recorded: Mapping[str, str], kind: str) -> list[str]:
    """The files that are not as they were when a node was made, as paths below the package's folder."""
    now = code_of(kind)
    return sorted(name for name in recorded.keys() | now.keys() if recorded.get(name) != now.get(name))


def _hash(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
