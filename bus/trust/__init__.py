"""Keys, certificates, policies, XML-DSig, WS-Security and the verdicts they give."""
