"""Products put since training in, an engine that searches them with the rest out; nothing is trained."""

from mercato.overlay.overlay import Overlay

__all__ = ["Overlay"]
