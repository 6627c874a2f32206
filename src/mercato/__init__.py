"""Mercato: the open, self-hosted brain of an online shop."""
