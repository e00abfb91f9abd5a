"""`python -m services.ops.cli`: the command line without its script."""

from services.ops.cli import main

main()
