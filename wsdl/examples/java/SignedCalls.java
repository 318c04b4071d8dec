import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import javax.xml.namespace.QName;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMResult;
import javax.xml.transform.dom.DOMSource;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.handler.soap.SOAPHandler;
import javax.xml.ws.handler.soap.SOAPMessageContext;
import org.apache.ws.security.WSConstants;
import org.apache.ws.security.WSEncryptionPart;
import org.apache.ws.security.WSSecurityEngine;
import org.apache.ws.security.WSSecurityEngineResult;
import org.apache.ws.security.components.crypto.Merlin;
import org.apache.ws.security.message.WSSecHeader;
import org.apache.ws.security.message.WSSecSignature;
import org.apache.ws.security.message.WSSecTimestamp;
import org.apache.ws.security.util.WSSecurityUtil;
import org.w3c.dom.Document;

/** Signs Body and Timestamp of every request, and takes only replies that the bus signed. */
final class SignedCalls implements SOAPHandler<SOAPMessageContext> {
    private static final String SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    private static final String MORE = "http://www.w3.org/2001/04/xmldsig-more#";

    private final Merlin keys = new Merlin();
    private final Certificate bus;
    private final String alias;
    private final String password;
    private int verified;

    /** Our key under {@code alias} in a PKCS #12 file; the certificate of the bus, PEM. */
    SignedCalls(String p12, String password, String alias, String busCertificate) throws Exception {
        this.alias = alias;
        this.password = password;
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(Paths.get(p12))) {
            store.load(file, password.toCharArray());
        }
        try (InputStream file = Files.newInputStream(Paths.get(busCertificate))) {
            bus = CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
        store.setCertificateEntry("bus", bus);
        keys.setKeyStore(store);
    }

    /** How many replies carried a signature of the bus that holds. */
    int verified() {
        return verified;
    }

    @Override
    public boolean handleMessage(SOAPMessageContext context) {
        try {
            if ((Boolean) context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY)) {
                sign(context);
            } else {
                verify(context);
            }
            return true;
        } catch (Exception error) {
            throw new IllegalStateException(error.toString(), error);
        }
    }

    @Override
    public boolean handleFault(SOAPMessageContext context) {
        return handleMessage(context);
    }

    private void sign(SOAPMessageContext context) throws Exception {
        Document message = copy(context);
        WSSecHeader header = new WSSecHeader();
        header.insertSecurityHeader(message);
        new WSSecTimestamp().build(message, header);

        WSSecSignature signature = new WSSecSignature();
        signature.setUserInfo(alias, password);
        signature.setKeyIdentifierType(WSConstants.BST_DIRECT_REFERENCE);
        signature.setSignatureAlgorithm(MORE + algorithm());
        signature.setDigestAlgo(SHA256);
        String soap = WSSecurityUtil.getSOAPNamespace(message.getDocumentElement());
        signature.setParts(Arrays.asList(
            new WSEncryptionPart("Body", soap, "Content"),
            new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "Content")));
        signature.build(message, keys, header);
        context.getMessage().getSOAPPart().setContent(new DOMSource(message));
    }

    private String algorithm() throws Exception {
        String kind = keys.getKeyStore().getCertificate(alias).getPublicKey().getAlgorithm();
        return kind.equals("EC") ? "ecdsa-sha256" : "rsa-sha256";
    }

    private void verify(SOAPMessageContext context) throws Exception {
        Document message = copy(context);
        List<WSSecurityEngineResult> results =
            new WSSecurityEngine().processSecurityHeader(message, null, callbacks -> { }, keys);
        if (results == null) {
            throw new SecurityException("the reply is not signed");
        }
        WSSecurityEngineResult signature =
            WSSecurityUtil.fetchActionResult(results, WSConstants.SIGN);
        if (!bus.equals(signature.get(WSSecurityEngineResult.TAG_X509_CERTIFICATE))) {
            throw new SecurityException("the reply is signed by somebody else");
        }
        String body = WSSecurityUtil.findBodyElement(message).getAttributeNS(WSConstants.WSU_NS, "Id");
        WSSecurityUtil.checkSignsAllElements(signature, new String[] {body});
        verified++;
    }

    /** The message as a plain tree: the one that JAX-WS keeps does not suit WSS4J. */
    private static Document copy(SOAPMessageContext context) throws Exception {
        DOMResult tree = new DOMResult();
        TransformerFactory.newInstance().newTransformer()
            .transform(context.getMessage().getSOAPPart().getContent(), tree);
        return (Document) tree.getNode();
    }

    @Override
    public void close(MessageContext context) {}

    /** The header block that this handler understands. */
    @Override
    public Set<QName> getHeaders() {
        return Collections.singleton(new QName(WSConstants.WSSE_NS, "Security"));
    }
}
