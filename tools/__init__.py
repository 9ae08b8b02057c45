"""What is made of the program for its documents: `python -m tools` writes them anew."""
