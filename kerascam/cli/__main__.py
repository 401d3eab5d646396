"""`python -m kerascam.cli` is the command line, as `python -m kerascam` is."""

from kerascam.cli import main

main()
