"""edXML: hardened parser, schema catalogue, codec to the canonical message, rules."""
