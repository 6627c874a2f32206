"""What went wrong, said so that a person can act on it.

MercatoError            what, where, what to do
├── SettingsError       mercato.toml or an option is wrong            → CLI exit 1, HTTP 500 at start
├── DataError           rows, files or a shop folder are wrong        → CLI exit 1, HTTP 400
├── RequestError        one call asked for something impossible       → CLI exit 1, HTTP 400
│   └── NotFound        …for a product, shopper or shop not there     → CLI exit 1, HTTP 404
├── ArtifactError       a saved model or snapshot cannot be trusted   → previous version or a flagged fallback
└── BackendError        a store or library under us failed            → HTTP 503
"""

from __future__ import annotations


class MercatoError(Exception):
    """The root: ``what`` went wrong, ``where`` (file, field, line), and a ``hint`` at what to do."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f" [{self.where}]" if self.where else ""
        hint = f" → {self.hint}" if self.hint else ""
        return f"{self.what}{where}{hint}"


class SettingsError(MercatoError):
    """mercato.toml or an option is wrong."""


class DataError(MercatoError):
    """Rows, files or a shop folder are wrong."""


class RequestError(MercatoError):
    """One call asked for something impossible; ``where`` names the field."""


class NotFound(RequestError):
    """The product, shopper or shop named by ``where`` is not there."""


class ArtifactError(MercatoError):
    """A saved model or snapshot is missing, corrupt or of another shape."""


class BackendError(MercatoError):
    """A store or library under Mercato failed."""
