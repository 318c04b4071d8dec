// Send a document and receive it with a .NET proxy (Debian: mono-devel; Microsoft: wsdl.exe, xsd.exe, csc.exe).

using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Web.Services.Protocols;
using System.Xml;
using System.Xml.Serialization;
#if Soap11
using Soap11;
#else
using Soap12;
#endif

static class Client
{
    static string Env(string name)
    {
        return Environment.GetEnvironmentVariable("EXCHANGE_" + name);
    }

    static int Main()
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        // The proxy knows the address its WSDL came from; another one goes into bus.Url.
        var bus = new ExchangeService { Authorization = "Bearer " + Env("AGENCY") + ":" + Env("TOKEN") };
        try
        {
            if (Env("MODE") == "fault") Provoke(bus); else Exchange(bus);
            return 0;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error);
            return 1;
        }
    }

    static EdxmlDocument Document()
    {
        var timestamp = Env("TIMESTAMP");
        var issued = Env("MODE") == "fault" ? Env("BAD_DATE") : timestamp.Substring(0, 10);
        return new EdxmlDocument
        {
            edXMLEnvelope = new Envelope
            {
                edXMLHeader = new Header
                {
                    MessageHeader = new MessageHeader
                    {
                        From = new Organization { OrganId = Env("AGENCY") },
                        To = new[] { new Organization { OrganId = Env("RECIPIENT") } },
                        DocumentId = Env("DOCUMENT_ID"),
                        Code = new DocumentCode { CodeNumber = Env("NUMBER"), CodeNotation = "UBND-VP" },
                        PromulgationInfo = new Promulgation { Place = "Đà Nẵng", PromulgationDate = issued },
                        DocumentType = new DocumentKind { Type = 2, TypeSpecified = true, TypeName = "Công văn" },
                        Subject = Env("SUBJECT"),
                        SignerInfo = new Signer { FullName = "Văn thư mẫu" },
                        OtherInfo = new OtherInformation
                        {
                            // What is optional and a number needs its second field, else it is left out.
                            Priority = 1,
                            PrioritySpecified = true,
                            Appendixes = new[] { "Phụ lục số 1: danh mục văn bản gửi kèm" },
                        },
                    },
                    TraceHeaderList = new TraceHeaders
                    {
                        TraceHeader = new[] { new TraceHeader { OrganId = Env("AGENCY"), Timestamp = timestamp } },
                    },
                },
                edXMLBody = new Body
                {
                    edXMLManifest = new Manifest
                    {
                        Reference = new[]
                        {
                            new ManifestReference
                            {
                                ContentId = "tep-1",
                                ContentType = "application/octet-stream",
                                AttachmentName = "phụ-lục.bin",
                            },
                        },
                    },
                },
            },
            AttachmentEncoded = new[]
            {
                new EncodedAttachment
                {
                    ContentId = "tep-1",
                    AttachmentName = "phụ-lục.bin",
                    ContentType = "application/octet-stream",
                    ContentTransferEncoded = File.ReadAllBytes(Env("ATTACHMENT")),
                },
            },
        };
    }

    static Receipt Send(ExchangeService bus)
    {
        bool duplicate;
        return bus.SendDocument(Document(), out duplicate);
    }

    // Wait until the recipient's mailbox has the message.
    static Pending Find(ExchangeService bus, string messageId)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            bool more;
            var page = bus.ListPending(Env("RECIPIENT"), default(Kind), false, 0, false, 500, true, out more);
            var found = (page ?? new Pending[0]).FirstOrDefault(item => item.messageId == messageId);
            if (found != null) return found;
            Thread.Sleep(200);
        }
        throw new Exception(messageId + " is not in the mailbox of " + Env("RECIPIENT"));
    }

    // Send, list, get, acknowledge.
    static void Exchange(ExchangeService bus)
    {
        var receipt = Send(bus);
        Console.WriteLine("ok send {0} {1:yyyy-MM-ddTHH:mm:ssZ}", receipt.messageId, receipt.acceptedAt.ToUniversalTime());
        var messageId = Find(bus, receipt.messageId).messageId;
        Console.WriteLine("ok list " + messageId);
        var content = Get(bus, ref messageId);
        string digest;
        using (var sha256 = SHA256.Create())
            digest = BitConverter.ToString(sha256.ComputeHash(content)).Replace("-", "").ToLowerInvariant();
        if (digest != receipt.digest) throw new Exception(digest + " is not the digest of the receipt, " + receipt.digest);
        File.WriteAllBytes(Env("FETCHED"), content);
        Console.WriteLine("ok get " + digest);
        DeliveryState state;
        DateTime at;
        bus.Acknowledge(Env("RECIPIENT"), ref messageId, Outcome.done, null, out state, out at);
        Console.WriteLine("ok acknowledge " + state);
    }

    // In a wrapped method every element of the answer is an argument.
    static byte[] Get(ExchangeService bus, ref string messageId)
    {
        Kind kind;
        string topic, sender, dialect, contentType, originalSha256, sha256;
        bool original;
        byte[] content;
        kind = bus.GetMessage(Env("RECIPIENT"), ref messageId, default(Form), false, out topic, out sender, out dialect,
            out contentType, out original, out originalSha256, out sha256, out content);
        return content;
    }

    // Send what must be refused and read the fault as the type that the WSDL declares.
    static void Provoke(ExchangeService bus)
    {
        try
        {
            Send(bus);
        }
        catch (SoapException fault)
        {
            var reader = new XmlNodeReader(fault.Detail.FirstChild);
            var told = (Faults.ExchangeFault)new XmlSerializer(typeof(Faults.ExchangeFault)).Deserialize(reader);
            Console.WriteLine("ok fault {0} {1} {2} {3} {4}", told.code, told.retryable ? "true" : "false",
                told.correlationId, told.line, told.Problem[0].value);
            return;
        }
        throw new Exception("the bus accepted a date that no calendar has");
    }
}

// The generated proxy, which shows its token with every request without being asked for it.
#if Soap11
namespace Soap11
#else
namespace Soap12
#endif
{
    public partial class ExchangeService
    {
        public string Authorization;

        protected override WebRequest GetWebRequest(Uri address)
        {
            var request = base.GetWebRequest(address);
            request.Headers["Authorization"] = Authorization;
            return request;
        }
    }
}
