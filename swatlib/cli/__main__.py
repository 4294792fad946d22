"""``python -m swatlib.cli`` is ``swatlib``."""

from swatlib.cli import main

main()
