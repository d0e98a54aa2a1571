"""One token after another: how a model that gives the next token writes a text.

:func:`dure.generation.generate.generate` prepares a prompt and picks a search; each search has a file of its own.
"""
