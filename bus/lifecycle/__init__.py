"""The business life of a document: what each status says and who may say it."""
