"""Texts to ids and back, over the C++ engine. Users reach it through ``from dure import AutoTokenizer``."""
