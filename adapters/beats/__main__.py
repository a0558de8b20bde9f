"""`python -m beats`."""

from beats.adapters.cli import main

if __name__ == "__main__":
    main()
