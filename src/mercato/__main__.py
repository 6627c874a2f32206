"""``python -m mercato`` is ``mercato``."""

from mercato.cli import main

main()
