"""`python -m hanse`: the command line."""

from hanse.cli import main

main()
