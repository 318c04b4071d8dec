"""The business life of a document: who may tell which status about it."""
