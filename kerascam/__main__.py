"""`python -m kerascam` is the command line."""

from kerascam.cli import app

app(prog_name="kerascam")
