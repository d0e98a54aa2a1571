"""Names become files on disk: local folders, the Hugging Face cache, starter packages, downloads; and atomic writing."""
