"""The offline path: rows in, snapshots and reports out."""
