"""A text encoder in, the same made smaller or faster out; what serves such a one needs no torch."""
