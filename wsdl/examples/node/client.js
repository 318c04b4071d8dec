// Send a document and receive it with the `soap` package (npm).
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const soap = require('soap');

const env = (name) => process.env[`EXCHANGE_${name}`];
const mode = env('MODE');
const XOP = 'http://www.w3.org/2004/08/xop/include';

// The client, with the proof of who we are.
async function connect() {
  const bus = await soap.createClientAsync(`${env('URL')}?wsdl`, {
    forceSoap12Headers: env('SOAP') === '1.2',
    parseResponseAttachments: mode === 'mtom',
  });
  if (mode === 'signed') {
    const [key, certificate] = [env('KEY'), env('CERT')].map((path) => fs.readFileSync(path));
    // Signs Body and Timestamp with RSA and SHA-256.
    bus.setSecurity(new soap.WSSecurityCert(key, certificate, ''));
  } else {
    bus.setSecurity(new soap.BasicAuthSecurity(env('AGENCY'), env('TOKEN')));
  }
  // The service has a port for each version.
  return bus.ExchangeService[`ExchangeSoap${env('SOAP').replace('.', '')}`];
}

// The document as nested objects, whose keys are the names in the WSDL; base64 is the caller's.
function document(content) {
  const timestamp = env('TIMESTAMP');
  const issued = mode === 'fault' ? env('BAD_DATE') : timestamp.slice(0, 10);
  const file = { ContentId: 'tep-1', ContentType: 'application/octet-stream', AttachmentName: 'phụ-lục.bin' };
  return {
    edXMLEnvelope: {
      edXMLHeader: {
        MessageHeader: {
          From: { OrganId: env('AGENCY') },
          To: [{ OrganId: env('RECIPIENT') }],
          DocumentId: env('DOCUMENT_ID'),
          Code: { CodeNumber: env('NUMBER'), CodeNotation: 'UBND-VP' },
          PromulgationInfo: { Place: 'Đà Nẵng', PromulgationDate: issued },
          DocumentType: { Type: 2, TypeName: 'Công văn' },
          Subject: env('SUBJECT'),
          SignerInfo: { FullName: 'Văn thư mẫu' },
          OtherInfo: {
            Priority: 1,
            Appendixes: { Appendix: ['Phụ lục số 1: danh mục văn bản gửi kèm'] },
          },
        },
        TraceHeaderList: { TraceHeader: [{ OrganId: env('AGENCY'), Timestamp: timestamp }] },
      },
      edXMLBody: { edXMLManifest: { Reference: [file] } },
    },
    AttachmentEncoded: { Attachment: [{ ...file, ContentTransferEncoded: content }] },
  };
}

async function send(bus) {
  const body = fs.readFileSync(env('ATTACHMENT'));
  if (mode !== 'mtom') {
    const [accepted] = await call(bus, 'SendDocument', { edXML: document(body.toString('base64')) });
    return accepted.Receipt;
  }
  // The library makes the part; the reference to it stands where the content belongs.
  const part = { name: 'tep-1', contentId: 'tep-1', mimetype: 'application/octet-stream', body };
  const href = `cid:${part.contentId}`;
  const content = { 'xop:Include': { attributes: { 'xmlns:xop': XOP, href } } };
  const [accepted] = await call(bus, 'SendDocument', { edXML: document(content) }, [part]);
  return accepted.Receipt;
}

// A call as a promise: [result, raw reply, header, raw request, parts of the reply].
function call(bus, operation, args, attachments = []) {
  const options = mode === 'mtom' ? { attachments, forceMTOM: true } : {};
  return new Promise((resolve, reject) => {
    const done = (error, ...answer) => (error ? reject(error) : resolve(answer));
    bus[operation](args, done, options);
  });
}

// Wait until the recipient's mailbox has the message.
async function find(bus, messageId) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const [page] = await call(bus, 'ListPending', { agency: env('RECIPIENT'), limit: 500 });
    const found = (page.Pending || []).find((item) => item.messageId === messageId);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${messageId} is not in the mailbox of ${env('RECIPIENT')}`);
}

// Send, list, get, acknowledge.
async function exchange(bus) {
  const receipt = await send(bus);
  console.log('ok send', receipt.messageId, `${receipt.acceptedAt.toISOString().slice(0, 19)}Z`);
  const { messageId } = await find(bus, receipt.messageId);
  console.log('ok list', messageId);
  const mine = { agency: env('RECIPIENT'), messageId };
  const [message, , , , multipart] = await call(bus, 'GetMessage', mine);
  // With MTOM the content is the first part after the envelope.
  const content = multipart ? multipart.parts[0].body : Buffer.from(message.content, 'base64');
  const digest = crypto.createHash('sha256').update(content).digest('hex');
  if (digest !== receipt.digest) {
    throw new Error(`${digest} is not the digest of the receipt, ${receipt.digest}`);
  }
  fs.writeFileSync(env('FETCHED'), content);
  console.log('ok get', digest);
  const [done] = await call(bus, 'Acknowledge', { ...mine, outcome: 'done' });
  console.log('ok acknowledge', done.state);
}

// Send what must be refused and read the fault as the type that the WSDL declares.
async function provoke(bus) {
  try {
    await send(bus);
  } catch (error) {
    const fault = error.root.Envelope.Body.Fault;
    const told = (fault.detail || fault.Detail).ExchangeFault;
    const first = [].concat(told.Problem)[0];
    console.log('ok fault', told.code, told.retryable, told.correlationId, told.line, first.value);
    return;
  }
  throw new Error('the bus accepted a date that no calendar has');
}

connect()
  .then(mode === 'fault' ? provoke : exchange)
  .catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
