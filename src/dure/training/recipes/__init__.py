"""Whole jobs from files to a saved model, as the command line runs them."""
