"""`python -m cli`: the same as the command `weighbridge`."""

from cli.main import main

if __name__ == "__main__":
    main()
