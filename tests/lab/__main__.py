"""`python -m tests.lab`: bring a lab up, do things to it, take it down."""

from tests.lab.cli import main

if __name__ == "__main__":
    main()
