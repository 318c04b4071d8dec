"""Namespaces, element names and algorithm identifiers of XML-DSig and WS-Security."""

from __future__ import annotations

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DS = "http://www.w3.org/2000/09/xmldsig#"
DS11 = "http://www.w3.org/2009/xmldsig11#"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = _OASIS + "wssecurity-secext-1.0.xsd"
WSU = _OASIS + "wssecurity-utility-1.0.xsd"
WSSE11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
X509V3 = _OASIS + "x509-token-profile-1.0#X509v3"
PKI_PATH = _OASIS + "x509-token-profile-1.0#X509PKIPathv1"
SUBJECT_KEY = _OASIS + "x509-token-profile-1.0#X509SubjectKeyIdentifier"
THUMBPRINT = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"
BASE64 = _OASIS + "soap-message-security-1.0#Base64Binary"

EDXML = f"{{{QCVN}}}edXML"
EDXML_HEADER = f"{{{QCVN}}}edXMLEnvelope/{{{QCVN}}}edXMLHeader"

SIGNATURE = f"{{{DS}}}Signature"
SECURITY = f"{{{WSSE}}}Security"
TOKEN = f"{{{WSSE}}}BinarySecurityToken"
TOKEN_REFERENCE = f"{{{WSSE}}}SecurityTokenReference"
KEY_IDENTIFIER = f"{{{WSSE}}}KeyIdentifier"
TIMESTAMP = f"{{{WSU}}}Timestamp"
WSU_ID = f"{{{WSU}}}Id"

ENVELOPED = DS + "enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE_10 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
INCLUSIVE_11 = "http://www.w3.org/2006/12/xml-c14n11"
#: What the field's SDK writes instead of EXCLUSIVE; registered nowhere.
UNREGISTERED_EXCLUSIVE = "http://www.w3.org/TR/xml-exc-c14n#"

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_XENC = "http://www.w3.org/2001/04/xmlenc#"

#: Signature algorithms accepted from everyone, RFC 9231 §2.3.
METHODS = frozenset(
    f"{_MORE}{family}-{digest}"
    for family in ("rsa", "ecdsa")
    for digest in ("sha256", "sha384", "sha512")
)
DIGESTS = frozenset({_XENC + "sha256", _MORE + "sha384", _XENC + "sha512"})
#: Accepted only where the sender's policy makes a legacy exception.
SHA1_METHODS = frozenset({DS + "rsa-sha1", _MORE + "ecdsa-sha1"})
SHA1_DIGESTS = frozenset({DS + "sha1"})
