"""Data sets on memory-mapped Arrow: read files once, index, map, filter, shuffle, split, save. Doesn't need torch."""
