"""Names become files on disk, and files are written so that nobody ever sees half of them.

- :mod:`dure.hub.resolve`: a name becomes a :class:`~dure.hub.resolve.Snapshot`: a folder, the cache, a starter package
  or a download, in this order. What is complete in the cache opens without a single socket.
- :mod:`dure.hub.names`: what a name can be, and the other names of the same model.
- :mod:`dure.hub.patterns`: which files of a repository are wanted, in which format.
- :mod:`dure.hub.cache`: the Hugging Face cache on disk.
- :mod:`dure.hub.starter`: models that an installed Python package carries.
- :mod:`dure.hub.download`: from a server into the cache, through huggingface_hub.
- :mod:`dure.hub.commit`: atomic writing, for the whole house.

Nothing here needs torch, and huggingface_hub is imported only when something is downloaded.
"""
