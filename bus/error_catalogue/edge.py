"""What the HTTP and SOAP edge, the byte limits and the parser say."""

from __future__ import annotations

from bus.error_catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "RCV-001": Entry(
        "The message is larger than the limit.",
        "Thông điệp vượt quá dung lượng cho phép.",
        "Split the attachments or ask the operator for a larger limit.",
        "Hãy tách tệp đính kèm hoặc đề nghị quản trị nâng giới hạn.",
    ),
    "RCV-002": Entry(
        "The message is nested deeper than the limit.",
        "Thông điệp lồng nhau sâu quá giới hạn.",
        "Send a plain edXML document.",
        "Hãy gửi văn bản edXML thông thường.",
    ),
    "RCV-003": Entry(
        "The message has more elements or attributes than the limit.",
        "Thông điệp có quá nhiều phần tử hoặc thuộc tính.",
        "Send a plain edXML document.",
        "Hãy gửi văn bản edXML thông thường.",
    ),
    "RCV-004": Entry(
        "The request body was not received in time.",
        "Không nhận được nội dung yêu cầu trong thời hạn.",
        "Check the connection and send again.",
        "Hãy kiểm tra đường truyền và gửi lại.",
    ),
    "RCV-005": Entry(
        "The message is empty.",
        "Thông điệp rỗng.",
        "Send the document in the request body.",
        "Hãy đặt văn bản vào nội dung yêu cầu.",
    ),
    "XML-001": Entry(
        "The XML is not well-formed.",
        "XML không đúng cú pháp.",
        "Mend the file at the line and column named; the bus never repairs a document.",
        "Hãy sửa tệp tại dòng và cột đã nêu; trục không tự sửa văn bản.",
    ),
    "XML-002": Entry(
        "The XML carries a document type declaration or entities.",
        "XML có khai báo DOCTYPE hoặc thực thể.",
        "Remove the DOCTYPE.",
        "Hãy bỏ phần DOCTYPE.",
    ),
    "XML-003": Entry(
        "The bytes do not match the declared character encoding.",
        "Nội dung không đúng bảng mã đã khai báo.",
        "Send UTF-8.",
        "Hãy gửi UTF-8.",
    ),
    "XML-004": Entry(
        "The root element belongs to no known dialect.",
        "Phần tử gốc không thuộc định dạng nào đã biết.",
        "Check the root element and its namespace.",
        "Hãy kiểm tra phần tử gốc và không gian tên.",
    ),
    "SVC-001": Entry(
        "The request is not a SOAP envelope.",
        "Yêu cầu không phải phong bì SOAP.",
        "Send a SOAP 1.1 or 1.2 envelope.",
        "Hãy gửi phong bì SOAP 1.1 hoặc 1.2.",
    ),
    "SVC-002": Entry(
        "The SOAP version does not fit the media type or is unknown.",
        "Phiên bản SOAP không khớp kiểu nội dung hoặc không được hỗ trợ.",
        "Use text/xml with SOAP 1.1 and application/soap+xml with SOAP 1.2.",
        "Dùng text/xml với SOAP 1.1, application/soap+xml với SOAP 1.2.",
    ),
    "SVC-003": Entry(
        "A header block that must be understood is not.",
        "Có khối tiêu đề bắt buộc hiểu mà dịch vụ không hỗ trợ.",
        "Remove the header block or its mustUnderstand.",
        "Hãy bỏ khối tiêu đề hoặc thuộc tính mustUnderstand.",
    ),
    "SVC-004": Entry(
        "The operation is unknown.",
        "Không có nghiệp vụ này.",
        "Generate the client again from the WSDL.",
        "Hãy sinh lại mã máy khách từ WSDL.",
    ),
    "SVC-005": Entry(
        "The SOAP Body must hold exactly one element.",
        "Phần Body phải có đúng một phần tử.",
        "Put one operation element into the Body.",
        "Hãy đặt đúng một phần tử nghiệp vụ vào Body.",
    ),
    "SVC-006": Entry(
        "The request does not fit the WSDL.",
        "Yêu cầu không khớp WSDL.",
        "Compare the request with the WSDL at the path named.",
        "Hãy đối chiếu yêu cầu với WSDL tại đường dẫn đã nêu.",
    ),
    "SVC-007": Entry(
        "The service is busy.",
        "Dịch vụ đang bận.",
        "Send again after the time named.",
        "Hãy gửi lại sau thời gian đã nêu.",
    ),
    "SVC-008": Entry(
        "The media type is not one of SOAP's.",
        "Kiểu nội dung không phải của SOAP.",
        "Use text/xml or application/soap+xml.",
        "Hãy dùng text/xml hoặc application/soap+xml.",
    ),
    "SVC-009": Entry(
        "The HTTP method is not allowed here.",
        "Phương thức HTTP không được phép.",
        "Use POST for calls and GET for the WSDL.",
        "Dùng POST để gọi và GET để lấy WSDL.",
    ),
    "SVC-010": Entry(
        "The content encoding is not accepted.",
        "Không chấp nhận kiểu nén nội dung này.",
        "Send the request uncompressed.",
        "Hãy gửi yêu cầu không nén.",
    ),
    "SVC-011": Entry(
        "There is nothing at this address.",
        "Không có gì tại địa chỉ này.",
        "The page at / lists every address of the bus.",
        "Trang / liệt kê mọi địa chỉ của trục.",
    ),
    "SVC-012": Entry(
        "The SOAPAction names another operation than the Body.",
        "SOAPAction nêu nghiệp vụ khác với nghiệp vụ trong Body.",
        "Take the SOAPAction from the WSDL, or leave it empty.",
        "Hãy lấy SOAPAction từ WSDL hoặc để trống.",
    ),
}
