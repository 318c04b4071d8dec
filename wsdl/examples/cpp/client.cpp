// Sends a letter, fetches it as its recipient and acknowledges it; or shows a refusal.
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <thread>
#include "letter.h"
#include "wsseapi.h"
#ifdef SOAP12
#include "ExchangeSoap12.nsmap"
#include "soapExchangeSoap12Proxy.h"
typedef ExchangeSoap12Proxy Proxy;
#else
#include "ExchangeSoap11.nsmap"
#include "soapExchangeSoap11Proxy.h"
typedef ExchangeSoap11Proxy Proxy;
#endif

static void demand(bool holds, const std::string &otherwise) {
  if (!holds) {
    std::cerr << otherwise << "\n";
    std::exit(1);
  }
}

static std::string read(const std::string &path) {
  std::ifstream file(path.c_str(), std::ios::binary);
  demand(file.good(), path + " cannot be read");
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

static std::string sha256(const unsigned char *data, size_t size) {
  unsigned char digest[32];
  EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL);
  std::string text;
  for (unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

static X509 *certificate(const std::string &path) {
  FILE *file = std::fopen(path.c_str(), "r");
  demand(file, path + " cannot be read");
  X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
  std::fclose(file);
  demand(certificate, path + " is no certificate");
  return certificate;
}

static EVP_PKEY *private_key(const std::string &path) {
  FILE *file = std::fopen(path.c_str(), "r");
  demand(file, path + " cannot be read");
  EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
  std::fclose(file);
  demand(key, path + " is no private key");
  return key;
}

class Client {
 public:
  Client() : mode_(given("EXCHANGE_MODE")), url_(given("EXCHANGE_URL")), proxy_(url_.c_str()) {
    soap_set_mode(proxy_.soap, SOAP_C_UTFSTRING);
    proxy_.soap->recv_timeout = proxy_.soap->send_timeout = 60;
    if (mode_ == "mtom") {
      soap_set_mode(proxy_.soap, SOAP_ENC_MTOM);
    }
    if (signs()) {
      soap_register_plugin(proxy_.soap, soap_wsse);
      soap_set_omode(proxy_.soap, SOAP_XML_CANONICAL);
      key_ = private_key(given("EXCHANGE_KEY"));
      own_ = certificate(given("EXCHANGE_CERT"));
      bus_key_ = X509_get_pubkey(certificate(given("EXCHANGE_BUS_CERT")));
    } else {
      agency_ = given("EXCHANGE_AGENCY");
      token_ = given("EXCHANGE_TOKEN");
    }
  }

  void exchange() {
    std::string attachment = read(given("EXCHANGE_ATTACHMENT"));
    bus__Receipt *receipt = send(given("EXCHANGE_TIMESTAMP").substr(0, 10), attachment);
    std::cout << "ok send " << receipt->messageId << " "
              << soap_dateTime2s(proxy_.soap, receipt->acceptedAt) << std::endl;
    wait_for(receipt->messageId);
    std::cout << "ok list " << receipt->messageId << std::endl;
    std::cout << "ok get " << fetch(receipt->messageId, receipt->digest) << std::endl;
    std::cout << "ok acknowledge " << acknowledge(receipt->messageId) << std::endl;
    if (verifies()) {
      std::cout << "ok verify" << std::endl;
    }
  }

  // A letter of a day that no calendar has: the refusal is a typed structure.
  void be_refused() {
    std::string attachment = read(given("EXCHANGE_ATTACHMENT"));
    _bus__SendDocument request;
    request.edxml__edXML = letter(proxy_.soap, given("EXCHANGE_BAD_DATE"), attachment);
    bus__Accepted answer;
    prove();
    demand(proxy_.SendDocument(&request, answer) != SOAP_OK, "the letter was accepted");
    bus__ExchangeFault *fault = refusal();
    demand(fault && !fault->Problem.empty(), "the fault has no typed detail");
    std::cout << fault->messageVi << " / " << fault->message << "\n"
              << "ok fault " << fault->code << (fault->retryable ? " true " : " false ")
              << fault->correlationId << " " << fault->line << " " << fault->Problem[0]->value
              << std::endl;
  }

 private:
  bool signs() const { return mode_ == "signed"; }

  // gSOAP 2.8 takes ECDSA values for DER, which XML-DSig does not use: it can check RSA only.
  bool verifies() const { return signs() && EVP_PKEY_base_id(bus_key_) == EVP_PKEY_RSA; }

  bus__Receipt *send(const std::string &day, std::string &attachment) {
    _bus__SendDocument request;
    request.edxml__edXML = letter(proxy_.soap, day, attachment);
    bus__Accepted *answer = soap_new_bus__Accepted(proxy_.soap);
    prove();
    check(proxy_.SendDocument(&request, *answer));
    return answer->Receipt;
  }

  // Delivery begins when the receipt is given: it may take a moment.
  void wait_for(const std::string &id) {
    for (int tries = 0; !waits(id); tries++) {
      demand(tries < 50, id + " does not wait for its recipient");
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  // Looks through what waits, page by page; looking consumes nothing.
  bool waits(const std::string &id) {
    std::string recipient = given("EXCHANGE_RECIPIENT");
    int offset = 0, limit = 100;
    _bus__ListPendingResponse page;
    do {
      _bus__ListPending request;
      request.agency = &recipient;
      request.offset = &offset;
      request.limit = &limit;
      page = _bus__ListPendingResponse();
      prove();
      check(proxy_.ListPending(&request, page));
      for (bus__Pending *one : page.Pending) {
        if (one->messageId == id) {
          return true;
        }
      }
      offset += limit;
    } while (page.more);
    return false;
  }

  // Writes the content to a file; gives its digest, which is that of the receipt.
  std::string fetch(const std::string &id, const std::string &expected) {
    std::string recipient = given("EXCHANGE_RECIPIENT");
    _bus__GetMessage request;
    request.agency = &recipient;
    request.messageId = id;
    _bus__GetMessageResponse answer;
    prove();
    check(proxy_.GetMessage(&request, answer));
    std::string digest = sha256(answer.content.__ptr, answer.content.__size);
    demand(digest == expected, "the content is " + digest + ", not " + expected);
    std::ofstream file(given("EXCHANGE_FETCHED").c_str(), std::ios::binary);
    file.write(reinterpret_cast<char *>(answer.content.__ptr), answer.content.__size);
    return digest;
  }

  std::string acknowledge(const std::string &id) {
    std::string recipient = given("EXCHANGE_RECIPIENT");
    _bus__Acknowledge request;
    request.agency = &recipient;
    request.messageId = id;
    request.outcome = bus__Outcome__done;
    _bus__AcknowledgeResponse answer;
    prove();
    check(proxy_.Acknowledge(&request, answer));
    return soap_bus__DeliveryState2s(proxy_.soap, answer.state);
  }

  // Before every call: HTTP basic authorization, or a signature over Body and Timestamp.
  void prove() {
    struct soap *soap = proxy_.soap;
    soap->header = NULL;  // else the header of the last reply would be sent back
    if (!signs()) {
      soap->userid = agency_.c_str();
      soap->passwd = token_.c_str();
      return;
    }
    soap_wsse_add_Timestamp(soap, "Time", 300);
    soap_wsse_add_BinarySecurityTokenX509(soap, "Certificate", own_);
    soap_wsse_add_KeyInfo_SecurityTokenReferenceX509(soap, "#Certificate");
    bool ec = EVP_PKEY_base_id(key_) == EVP_PKEY_EC;
    soap_wsse_sign_body(soap, ec ? SOAP_SMD_SIGN_ECDSA_SHA256 : SOAP_SMD_SIGN_RSA_SHA256, key_, 0);
    if (verifies()) {
      soap_wsse_verify_auto(soap, SOAP_SMD_VRFY_RSA_SHA256, bus_key_, 0);
    }
  }

  // After every call: ends the program unless it went well and the bus signed the reply.
  void check(int status) {
    if (status != SOAP_OK) {
      bus__ExchangeFault *fault = refusal();
      if (fault) {
        std::cerr << fault->code << " " << fault->messageVi << " " << fault->hintVi << "\n";
      }
      soap_stream_fault(proxy_.soap, std::cerr);
      std::exit(1);
    }
    if (verifies()) {
      demand(soap_wsse_verify_body(proxy_.soap) == SOAP_OK, "the reply is not signed by the bus");
    }
  }

  bus__ExchangeFault *refusal() {
    SOAP_ENV__Fault *fault = proxy_.soap->fault;
    if (!fault) {
      return NULL;
    }
    SOAP_ENV__Detail *detail = fault->SOAP_ENV__Detail ? fault->SOAP_ENV__Detail : fault->detail;
    return detail ? detail->bus__ExchangeFault_ : NULL;
  }

  std::string mode_, url_, agency_, token_;
  Proxy proxy_;
  EVP_PKEY *key_, *bus_key_;
  X509 *own_;
};

int main() {
  Client client;
  if (given("EXCHANGE_MODE") == "fault") {
    client.be_refused();
  } else {
    client.exchange();
  }
  return 0;
}
