"""What isn't the loop: when to log, evaluate and save; progress bars, tables, stopping early."""
