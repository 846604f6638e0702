"""One lab a file: the same acts by hand as in Python, with the browser reached by messages only."""
