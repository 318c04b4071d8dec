"""Schemas, WSDLs and the example configuration, wherever the package is installed."""
