#pragma once
#include <string>
#include "soapH.h"

// An official letter (công văn) issued on `day` (yyyy/MM/dd), as the environment describes it.
// Everything in it lives as long as `soap` does; `attachment` must live until it is sent.
edxml__EdxmlDocument *letter(struct soap *soap, const std::string &day, std::string &attachment);

// The value of an environment variable; ends the program when it is not set.
std::string given(const char *name);
