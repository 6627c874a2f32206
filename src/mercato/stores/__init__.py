"""Where things are kept: one file a place."""
