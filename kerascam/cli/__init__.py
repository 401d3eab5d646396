"""The command line: the app, one file for each command, and what they share.

The files of the commands import what they work with when they are called, so that the help and the
version are there at once.
"""

from kerascam.cli.application import app, main

__all__ = ["app", "main"]
