"""Examples in, checkpoint out: the Trainer and its parts."""
