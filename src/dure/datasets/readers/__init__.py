"""Files to Arrow tables, one format per file."""
