"""One file per kind of change: which rows, which columns, and a user's function over all of them."""
