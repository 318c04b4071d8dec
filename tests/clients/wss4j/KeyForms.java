import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
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

/**
 * Calls Ping with every way in which WSS4J can name a certificate, and checks every reply's signature.
 * Arguments: URL P12 PASSWORD BUS-CERTIFICATE; prints "FORM VERSION HTTP-STATUS CODE-OR-AGENCY verified|-".
 */
public final class KeyForms {
    private static final String SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    private static final String MORE = "http://www.w3.org/2001/04/xmldsig-more#";
    private static final String ALIAS = "agency";

    private static String url;
    private static String password;
    private static X509Certificate bus;
    private static final Merlin KEYS = new Merlin();

    private KeyForms() {}

    public static void main(String[] args) throws Exception {
        url = args[0];
        password = args[2];
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(Paths.get(args[1]))) {
            store.load(file, password.toCharArray());
        }
        try (InputStream file = Files.newInputStream(Paths.get(args[3]))) {
            bus = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
        store.setCertificateEntry("bus", bus);
        KEYS.setKeyStore(store);
        for (String soap : new String[] {"1.1", "1.2"}) {
            call("token", soap, WSConstants.BST_DIRECT_REFERENCE);
            call("path", soap, WSConstants.BST_DIRECT_REFERENCE);
            call("token-signed", soap, WSConstants.BST_DIRECT_REFERENCE);
            call("actor-next", soap, WSConstants.BST_DIRECT_REFERENCE);
            call("issuer-serial", soap, WSConstants.ISSUER_SERIAL);
            call("certificate", soap, WSConstants.X509_KEY_IDENTIFIER);
            call("subject-key", soap, WSConstants.SKI_KEY_IDENTIFIER);
            call("thumbprint", soap, WSConstants.THUMBPRINT_IDENTIFIER);
            call("key-value", soap, WSConstants.KEY_VALUE);
        }
    }

    private static void call(String form, String soap, int identifier) throws Exception {
        Document message = parse(("<s:Envelope xmlns:s='" + namespace(soap) + "'><s:Body><Ping xmlns="
            + "'urn:lienthong:exchange:1'><recipient>H17</recipient></Ping></s:Body></s:Envelope>")
            .getBytes(StandardCharsets.UTF_8));
        sign(message, form, soap, identifier);
        HttpURLConnection http = (HttpURLConnection) new URL(url).openConnection();
        http.setDoOutput(true);
        http.setRequestProperty("Content-Type",
            (soap.equals("1.1") ? "text/xml" : "application/soap+xml") + "; charset=utf-8");
        http.getOutputStream().write(bytes(message));
        int status = http.getResponseCode();
        InputStream body = status < 400 ? http.getInputStream() : http.getErrorStream();
        Document reply = parse(body.readAllBytes());
        String said = text(reply, status < 400 ? "agency" : "code");
        System.out.println(form + " " + soap + " " + status + " " + said + " "
            + (verified(reply) ? "verified" : "-"));
        if (status >= 400) {
            System.out.println("  " + text(reply, "message"));
        }
    }

    private static void sign(Document message, String form, String soap, int identifier)
            throws Exception {
        WSSecHeader header = new WSSecHeader();
        if (form.equals("actor-next")) {
            header.setActor(soap.equals("1.1") ? "http://schemas.xmlsoap.org/soap/actor/next"
                : WSConstants.URI_SOAP12_NEXT_ROLE);
        }
        header.insertSecurityHeader(message);
        new WSSecTimestamp().build(message, header);
        WSSecSignature signature = new WSSecSignature();
        signature.setUserInfo(ALIAS, password);
        signature.setKeyIdentifierType(identifier);
        signature.setUseSingleCertificate(!form.equals("path"));
        signature.setDigestAlgo(SHA256);
        String kind = KEYS.getKeyStore().getCertificate(ALIAS).getPublicKey().getAlgorithm();
        signature.setSignatureAlgorithm(MORE + (kind.equals("EC") ? "ecdsa-sha256" : "rsa-sha256"));
        List<WSEncryptionPart> parts = new ArrayList<>();
        parts.add(new WSEncryptionPart("Body", namespace(soap), "Content"));
        parts.add(new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "Content"));
        if (!form.equals("token-signed")) {
            signature.setParts(parts);
            signature.build(message, KEYS, header);
            return;
        }
        signature.prepare(message, KEYS, header);
        signature.prependBSTElementToHeader(header);
        parts.add(new WSEncryptionPart(signature.getBSTTokenId()));
        signature.computeSignature(signature.addReferencesToSign(parts, header), false, null);
    }

    private static boolean verified(Document reply) throws Exception {
        List<WSSecurityEngineResult> results =
            new WSSecurityEngine().processSecurityHeader(reply, null, callbacks -> { }, KEYS);
        WSSecurityEngineResult signature = WSSecurityUtil.fetchActionResult(results, WSConstants.SIGN);
        String body = WSSecurityUtil.findBodyElement(reply).getAttributeNS(WSConstants.WSU_NS, "Id");
        WSSecurityUtil.checkSignsAllElements(signature, new String[] {body});
        return bus.equals(signature.get(WSSecurityEngineResult.TAG_X509_CERTIFICATE));
    }

    private static String namespace(String soap) {
        return soap.equals("1.1") ? WSConstants.URI_SOAP11_ENV : WSConstants.URI_SOAP12_ENV;
    }

    private static String text(Document document, String name) {
        return document.getElementsByTagNameNS("urn:lienthong:exchange:1", name).item(0).getTextContent();
    }

    private static Document parse(byte[] xml) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        return factory.newDocumentBuilder().parse(new ByteArrayInputStream(xml));
    }

    private static byte[] bytes(Document document) throws Exception {
        Transformer writer = TransformerFactory.newInstance().newTransformer();
        writer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        writer.transform(new DOMSource(document), new StreamResult(written));
        return written.toByteArray();
    }
}
