"""`python -m kerascam` is the command line."""

from kerascam.cli import main

main()
