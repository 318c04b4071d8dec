"""Liên Thông: an open document-exchange bus."""
