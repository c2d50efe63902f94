"""`python -m verdict`."""

from verdict.cli import main

if __name__ == "__main__":  # worker processes import this file, too
    main()
