"""The HTTP edge: intake, the pages of the bus itself, health, metrics, and the server."""
