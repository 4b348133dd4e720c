"""`python -m otbridge` is the command `otbridge`."""

from otbridge.cli.main import main

if __name__ == "__main__":
    main()
