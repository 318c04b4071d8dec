import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Map;
import lienthong.*;

/** Writes an official letter (công văn) with the classes that wsimport generated. */
final class Letters {
    private static final String FILE = "tep-1";
    private static final String FILE_NAME = "phụ-lục.bin";
    private static final String ANY_BYTES = "application/octet-stream";

    private Letters() {}

    /** The letter that the environment describes, issued on {@code day} (yyyy/MM/dd). */
    static EdxmlDocument letter(Map<String, String> given, String day) throws Exception {
        MessageHeader message = new MessageHeader();
        message.setFrom(agency(given.get("EXCHANGE_AGENCY")));
        message.getTo().add(agency(given.get("EXCHANGE_RECIPIENT")));
        message.setDocumentId(given.get("EXCHANGE_DOCUMENT_ID"));
        message.setCode(code(given.get("EXCHANGE_NUMBER")));
        message.setPromulgationInfo(issued(day));
        message.setDocumentType(kind());
        message.setSubject(given.get("EXCHANGE_SUBJECT"));
        message.setSignerInfo(signer());
        message.setOtherInfo(urgentWithAppendix());

        Header header = new Header();
        header.setMessageHeader(message);
        header.setTraceHeaderList(sent(given.get("EXCHANGE_AGENCY"), given.get("EXCHANGE_TIMESTAMP")));
        Envelope envelope = new Envelope();
        envelope.setEdXMLHeader(header);
        envelope.setEdXMLBody(manifest());
        EdxmlDocument document = new EdxmlDocument();
        document.setEdXMLEnvelope(envelope);
        document.setAttachmentEncoded(
            attachments(Files.readAllBytes(Paths.get(given.get("EXCHANGE_ATTACHMENT")))));
        return document;
    }

    private static Organization agency(String code) {
        Organization agency = new Organization();
        agency.setOrganId(code);
        return agency;
    }

    private static DocumentCode code(String number) {
        DocumentCode code = new DocumentCode();
        code.setCodeNumber(number);
        code.setCodeNotation("UBND-VP");
        return code;
    }

    private static Promulgation issued(String day) {
        Promulgation issued = new Promulgation();
        issued.setPlace("Đà Nẵng");
        issued.setPromulgationDate(day);
        return issued;
    }

    private static DocumentKind kind() {
        DocumentKind kind = new DocumentKind();
        kind.setType(2);
        kind.setTypeName("Công văn");
        return kind;
    }

    private static Signer signer() {
        Signer signer = new Signer();
        signer.setFullName("Văn thư mẫu");
        return signer;
    }

    private static OtherInformation urgentWithAppendix() {
        AppendixList appendixes = new AppendixList();
        appendixes.getAppendix().add("Phụ lục số 1: danh mục văn bản gửi kèm");
        OtherInformation other = new OtherInformation();
        other.setPriority(1);
        other.setAppendixes(appendixes);
        return other;
    }

    private static TraceHeaders sent(String by, String at) {
        TraceHeader hop = new TraceHeader();
        hop.setOrganId(by);
        hop.setTimestamp(at);
        TraceHeaders trace = new TraceHeaders();
        trace.getTraceHeader().add(hop);
        return trace;
    }

    private static Body manifest() {
        ManifestReference file = new ManifestReference();
        file.setContentId(FILE);
        file.setContentType(ANY_BYTES);
        file.setAttachmentName(FILE_NAME);
        Manifest manifest = new Manifest();
        manifest.getReference().add(file);
        Body body = new Body();
        body.setEdXMLManifest(manifest);
        return body;
    }

    private static EncodedAttachments attachments(byte[] content) {
        EncodedAttachment file = new EncodedAttachment();
        file.setContentId(FILE);
        file.setAttachmentName(FILE_NAME);
        file.setContentType(ANY_BYTES);
        file.setContentTransferEncoded(content);
        EncodedAttachments all = new EncodedAttachments();
        all.getAttachment().add(file);
        return all;
    }
}
