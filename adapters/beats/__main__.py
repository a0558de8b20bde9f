"""`python -m beats`."""

from beats.cli import main

if __name__ == "__main__":
    main()
