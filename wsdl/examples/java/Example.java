import java.math.BigInteger;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.Holder;
import javax.xml.ws.soap.MTOMFeature;
import lienthong.*;

/** Sends a letter, fetches it as its recipient and acknowledges it; or shows a refusal. */
public final class Example {
    private final Map<String, String> given;
    private final String mode;
    private final Exchange bus;

    private Example(Map<String, String> given) throws Exception {
        this.given = given;
        mode = given.get("EXCHANGE_MODE");
        ExchangeService service = new ExchangeService(new URL(given.get("EXCHANGE_URL") + "?wsdl"));
        MTOMFeature parts = new MTOMFeature(mode.equals("mtom"));
        bus = given.get("EXCHANGE_SOAP").equals("1.2")
            ? service.getExchangeSoap12(parts)
            : service.getExchangeSoap11(parts);
    }

    public static void main(String[] args) throws Exception {
        Example example = new Example(System.getenv());
        if (example.mode.equals("fault")) {
            example.proveByToken();
            example.beRefused();
        } else if (example.mode.equals("signed")) {
            SignedCalls signed = example.proveBySignature();
            example.exchange();
            say("ok verify", signed.verified(), "replies");
        } else {
            example.proveByToken();
            example.exchange();
        }
    }

    /** HTTP basic authorization: the agency's code and its token. */
    private void proveByToken() {
        Map<String, Object> call = ((BindingProvider) bus).getRequestContext();
        call.put(BindingProvider.USERNAME_PROPERTY, given.get("EXCHANGE_AGENCY"));
        call.put(BindingProvider.PASSWORD_PROPERTY, given.get("EXCHANGE_TOKEN"));
    }

    private SignedCalls proveBySignature() throws Exception {
        SignedCalls signed = new SignedCalls(given.get("EXCHANGE_P12"),
            given.get("EXCHANGE_P12_PASSWORD"), "agency", given.get("EXCHANGE_BUS_CERT"));
        ((BindingProvider) bus).getBinding().setHandlerChain(Collections.singletonList(signed));
        return signed;
    }

    private void exchange() throws Exception {
        String day = given.get("EXCHANGE_TIMESTAMP").substring(0, 10);
        Holder<Receipt> answer = new Holder<>();
        bus.sendDocument(Letters.letter(given, day), answer, new Holder<>());
        Receipt receipt = answer.value;
        say("ok send", receipt.getMessageId(), receipt.getAcceptedAt().toGregorianCalendar().toInstant());

        String id = receipt.getMessageId();
        waitFor(id);
        say("ok list", id);
        say("ok get", fetch(id, receipt.getDigest()));

        Holder<DeliveryState> state = new Holder<>();
        bus.acknowledge(recipient(), new Holder<>(id), Outcome.DONE, null,
            new Holder<>(), state, new Holder<>());
        say("ok acknowledge", state.value.value());
    }

    /** Delivery begins when the receipt is given: it may take a moment. */
    private void waitFor(String id) throws Exception {
        for (int tries = 0; !waits(id); tries++) {
            if (tries == 50) {
                throw new IllegalStateException(id + " does not wait for " + recipient());
            }
            Thread.sleep(200);
        }
    }

    /** Looks through what waits, page by page; looking consumes nothing. */
    private boolean waits(String id) throws ExchangeException {
        Holder<Boolean> more = new Holder<>(true);
        for (int offset = 0; more.value; offset += 100) {
            Holder<List<Pending>> page = new Holder<>();
            bus.listPending(recipient(), null, offset, 100, page, more);
            if (page.value.stream().anyMatch(one -> one.getMessageId().equals(id))) {
                return true;
            }
        }
        return false;
    }

    /** Writes the content to a file; gives its digest, which is that of the receipt. */
    private String fetch(String id, String expected) throws Exception {
        Holder<byte[]> content = new Holder<>();
        // one holder for the texts that nobody reads here: topic, sender, dialect, type, digests
        Holder<String> unread = new Holder<>();
        bus.getMessage(recipient(), new Holder<>(id), Form.DIALECT, new Holder<>(), unread, unread,
            unread, unread, new Holder<>(), unread, unread, content);
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(content.value);
        String sha256 = String.format("%064x", new BigInteger(1, digest));
        if (!sha256.equals(expected)) {
            throw new IllegalStateException("the content is " + sha256 + ", not " + expected);
        }
        Files.write(Paths.get(given.get("EXCHANGE_FETCHED")), content.value);
        return sha256;
    }

    /** A letter of a day that no calendar has: the refusal is a typed exception. */
    private void beRefused() throws Exception {
        try {
            bus.sendDocument(Letters.letter(given, given.get("EXCHANGE_BAD_DATE")),
                new Holder<>(), new Holder<>());
        } catch (ExchangeException refusal) {
            ExchangeFault fault = refusal.getFaultInfo();
            System.out.println(fault.getMessageVi() + " / " + fault.getMessage());
            Problem first = fault.getProblem().get(0);
            System.out.println(first.getPath() + ": " + first.getHintVi());
            say("ok fault", fault.getCode(), fault.isRetryable(), fault.getCorrelationId(),
                fault.getLine(), first.getValue());
            return;
        }
        throw new IllegalStateException("the letter was accepted");
    }

    private String recipient() {
        return given.get("EXCHANGE_RECIPIENT");
    }

    private static void say(String step, Object... facts) {
        StringBuilder line = new StringBuilder(step);
        for (Object fact : facts) {
            line.append(' ').append(fact);
        }
        System.out.println(line);
    }
}
