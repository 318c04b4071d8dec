"""A small nation to try the bus with: three agencies with their own processes, keys and habits."""
