#include "letter.h"
#include <cstdlib>
#include <iostream>

static const char *FILE_ID = "tep-1";
static const char *FILE_NAME = "phụ-lục.bin";
static const char *ANY_BYTES = "application/octet-stream";

std::string given(const char *name) {
  const char *value = std::getenv(name);
  if (!value) {
    std::cerr << name << " is not set\n";
    std::exit(1);
  }
  return value;
}

// Optional elements are pointers: NULL leaves them out.
static std::string *text(struct soap *soap, const std::string &value) {
  std::string *copy = soap_new_std__string(soap);
  *copy = value;
  return copy;
}

static int *number(struct soap *soap, int value) {
  int *copy = static_cast<int *>(soap_malloc(soap, sizeof(int)));
  *copy = value;
  return copy;
}

static edxml__Organization *agency(struct soap *soap, const char *variable) {
  edxml__Organization *agency = soap_new_edxml__Organization(soap);
  agency->OrganId = given(variable);
  return agency;
}

static edxml__OtherInformation *urgent_with_appendix(struct soap *soap) {
  edxml__OtherInformation *other = soap_new_edxml__OtherInformation(soap);
  other->Priority = number(soap, 1);
  other->Appendixes = soap_new_edxml__AppendixList(soap);
  other->Appendixes->Appendix.push_back("Phụ lục số 1: danh mục văn bản gửi kèm");
  return other;
}

static edxml__MessageHeader *message(struct soap *soap, const std::string &day) {
  edxml__MessageHeader *message = soap_new_edxml__MessageHeader(soap);
  message->From = agency(soap, "EXCHANGE_AGENCY");
  message->To.push_back(agency(soap, "EXCHANGE_RECIPIENT"));
  message->DocumentId = given("EXCHANGE_DOCUMENT_ID");
  message->Code = soap_new_edxml__DocumentCode(soap);
  message->Code->CodeNumber = text(soap, given("EXCHANGE_NUMBER"));
  message->Code->CodeNotation = text(soap, "UBND-VP");
  message->PromulgationInfo = soap_new_edxml__Promulgation(soap);
  message->PromulgationInfo->Place = text(soap, "Đà Nẵng");
  message->PromulgationInfo->PromulgationDate = day;
  message->DocumentType = soap_new_edxml__DocumentKind(soap);
  message->DocumentType->Type = number(soap, 2);
  message->DocumentType->TypeName = text(soap, "Công văn");
  message->Subject = given("EXCHANGE_SUBJECT");
  message->SignerInfo = soap_new_edxml__Signer(soap);
  message->SignerInfo->FullName = text(soap, "Văn thư mẫu");
  message->OtherInfo = urgent_with_appendix(soap);
  return message;
}

static edxml__TraceHeaders *sent(struct soap *soap) {
  edxml__TraceHeader *hop = soap_new_edxml__TraceHeader(soap);
  hop->OrganId = text(soap, given("EXCHANGE_AGENCY"));
  hop->Timestamp = text(soap, given("EXCHANGE_TIMESTAMP"));
  edxml__TraceHeaders *trace = soap_new_edxml__TraceHeaders(soap);
  trace->TraceHeader.push_back(hop);
  return trace;
}

static edxml__Body *manifest(struct soap *soap) {
  edxml__ManifestReference *file = soap_new_edxml__ManifestReference(soap);
  file->ContentId = FILE_ID;
  file->ContentType = text(soap, ANY_BYTES);
  file->AttachmentName = text(soap, FILE_NAME);
  edxml__Body *body = soap_new_edxml__Body(soap);
  body->edXMLManifest = soap_new_edxml__Manifest(soap);
  body->edXMLManifest->Reference.push_back(file);
  return body;
}

static edxml__EncodedAttachments *attachments(struct soap *soap, std::string &content) {
  edxml__EncodedAttachment *file = soap_new_edxml__EncodedAttachment(soap);
  file->ContentId = FILE_ID;
  file->AttachmentName = text(soap, FILE_NAME);
  file->ContentType = text(soap, ANY_BYTES);
  file->ContentTransferEncoded.__ptr = reinterpret_cast<unsigned char *>(&content[0]);
  file->ContentTransferEncoded.__size = static_cast<int>(content.size());
  if (soap->omode & SOAP_ENC_MTOM) {
    file->ContentTransferEncoded.type = soap_strdup(soap, ANY_BYTES);
  }
  edxml__EncodedAttachments *all = soap_new_edxml__EncodedAttachments(soap);
  all->Attachment.push_back(file);
  return all;
}

edxml__EdxmlDocument *letter(struct soap *soap, const std::string &day, std::string &attachment) {
  edxml__EdxmlDocument *document = soap_new_edxml__EdxmlDocument(soap);
  document->edXMLEnvelope = soap_new_edxml__Envelope(soap);
  document->edXMLEnvelope->edXMLHeader = soap_new_edxml__Header(soap);
  document->edXMLEnvelope->edXMLHeader->MessageHeader = message(soap, day);
  document->edXMLEnvelope->edXMLHeader->TraceHeaderList = sent(soap);
  document->edXMLEnvelope->edXMLBody = manifest(soap);
  document->AttachmentEncoded = attachments(soap, attachment);
  return document;
}
