"""SOAP envelopes and receipts, read and written; used by endpoints and channels."""
