"""Text in, answer out: one task per file, and :func:`dure.pipelines.registry.pipeline` to build them by name."""
