"""What models are made of: attention, feed-forward, norms, packing. Parts take plain numbers, never a configuration."""
