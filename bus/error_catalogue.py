"""Every error code of the bus with its text and its cure, in English and Vietnamese.

Codes are stable and never used for anything else again. The prefix names the
part that speaks: RCV receive, XML parser, SIG signatures, AUT identity, DOC
schema and rules, LIF life of a document, DUP duplicates, RTE routing, STO store, DLV delivery, SVC
service edge, CFG configuration, BUG defect.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """The words for one code."""

    message: str
    message_vi: str
    hint: str
    hint_vi: str


CATALOGUE: dict[str, Entry] = {
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
    "SIG-001": Entry(
        "The message carries no signature, and the sender's policy demands one.",
        "Thông điệp không có chữ ký số trong khi chính sách của bên gửi bắt buộc.",
        "Sign the SOAP message or the document with the agency's key.",
        "Hãy ký thông điệp SOAP hoặc văn bản bằng khóa của cơ quan.",
    ),
    "SIG-002": Entry(
        "The signed content was changed after signing.",
        "Nội dung đã bị thay đổi sau khi ký.",
        "Sign last, and send exactly what was signed.",
        "Hãy ký ở bước cuối và gửi đúng nội dung đã ký.",
    ),
    "SIG-003": Entry(
        "The signature value does not match the certificate.",
        "Giá trị chữ ký không khớp chứng thư.",
        "Check that key and certificate belong together.",
        "Hãy kiểm tra khóa và chứng thư có đúng một cặp.",
    ),
    "SIG-004": Entry(
        "The signature does not cover the content it claims to.",
        "Chữ ký không bao phủ nội dung văn bản.",
        "Use one reference to the whole document, or to the SOAP Body and Timestamp.",
        "Hãy dùng một tham chiếu đến toàn văn bản, hoặc đến Body và Timestamp.",
    ),
    "SIG-005": Entry(
        "The certificate is not bound to any agency.",
        "Chứng thư chưa được gắn với cơ quan nào.",
        "Have the operator bind it: bus keys bind AGENCY FILE.",
        "Đề nghị quản trị gắn chứng thư: bus keys bind MÃ TỆP.",
    ),
    "SIG-006": Entry(
        "The certificate is outside its validity period.",
        "Chứng thư đã hết hạn hoặc chưa có hiệu lực.",
        "Renew the certificate and have it bound.",
        "Hãy gia hạn chứng thư và đăng ký lại.",
    ),
    "SIG-007": Entry(
        "The certificate was revoked.",
        "Chứng thư đã bị thu hồi.",
        "Use the agency's current certificate.",
        "Hãy dùng chứng thư hiện hành của cơ quan.",
    ),
    "SIG-008": Entry(
        "The signature uses an algorithm or a form that is not allowed.",
        "Chữ ký dùng thuật toán hoặc cấu trúc không được phép.",
        "Use RSA or ECDSA with SHA-256 and exclusive canonicalisation.",
        "Hãy dùng RSA hoặc ECDSA với SHA-256 và chuẩn hóa exclusive.",
    ),
    "SIG-009": Entry(
        "The signature is of a legacy form that the sender's policy does not allow.",
        "Chữ ký thuộc dạng cũ mà chính sách của bên gửi không cho phép.",
        "Use the xmldsig namespace with SHA-256, or ask for a legacy exception.",
        "Hãy dùng không gian tên xmldsig với SHA-256, hoặc xin ngoại lệ.",
    ),
    "SIG-LEGACY": Entry(
        "The signature is of a legacy form; the sender's policy lets it pass, and it proves nothing.",
        "Chữ ký thuộc dạng cũ; chính sách của bên gửi cho qua nhưng không có giá trị xác thực.",
        "Use the xmldsig namespace with SHA-256 before the exception ends.",
        "Hãy dùng không gian tên xmldsig với SHA-256 trước khi hết hạn ngoại lệ.",
    ),
    "SIG-010": Entry(
        "The message's Timestamp is outside the accepted window.",
        "Dấu thời gian của thông điệp nằm ngoài khoảng cho phép.",
        "Synchronise the clock and sign anew for every call.",
        "Hãy đồng bộ đồng hồ và ký mới cho mỗi lần gọi.",
    ),
    "SIG-011": Entry(
        "The signature cannot be read.",
        "Không đọc được chữ ký.",
        "Check the structure of ds:Signature and its certificate.",
        "Hãy kiểm tra cấu trúc ds:Signature và chứng thư.",
    ),
    "AUT-001": Entry(
        "The caller is not known.",
        "Không xác định được bên gọi.",
        "Sign the call, or present the agency's token or client certificate.",
        "Hãy ký thông điệp, hoặc gửi kèm mã truy cập hay chứng thư máy khách.",
    ),
    "AUT-002": Entry(
        "The authenticated signer is not the sender and may not speak for it.",
        "Bên ký không phải cơ quan gửi và không được ủy quyền gửi thay.",
        "Put the signer's own code in From/OrganId, or register the delegation.",
        "Hãy ghi mã của bên ký vào From/OrganId, hoặc đăng ký ủy quyền.",
    ),
    "AUT-003": Entry(
        "The sender is locked.",
        "Cơ quan gửi đang bị khóa.",
        "Ask the operator why.",
        "Hãy liên hệ quản trị để biết lý do.",
    ),
    "AUT-004": Entry(
        "The caller may not see or acknowledge this message.",
        "Bên gọi không có quyền xem hoặc xác nhận thông điệp này.",
        "Ask only for messages addressed to, or sent by, your agency.",
        "Chỉ truy vấn thông điệp gửi đến hoặc gửi từ cơ quan mình.",
    ),
    "AUT-005": Entry(
        "The sender is not in the directory.",
        "Cơ quan gửi không có trong danh bạ.",
        "Register the agency first.",
        "Hãy đăng ký cơ quan trước.",
    ),
    "DOC-001": Entry(
        "The document breaks the schema or the rules.",
        "Văn bản vi phạm lược đồ hoặc quy tắc.",
        "Mend every problem listed and send again.",
        "Hãy sửa mọi lỗi được liệt kê rồi gửi lại.",
    ),
    "DOC-002": Entry(
        "The sender's dialect cannot be told from the message.",
        "Không xác định được định dạng của bên gửi.",
        "Register the agency's dialect or send edXML.",
        "Hãy đăng ký định dạng của cơ quan hoặc gửi edXML.",
    ),
    "LIF-001": Entry(
        "This status is told by the other side of the document.",
        "Trạng thái này phải do phía bên kia của văn bản thông báo.",
        "The issuer sends 13; the recipient sends every other status.",
        "Cơ quan ban hành gửi trạng thái 13; cơ quan nhận gửi các trạng thái còn lại.",
    ),
    "LIF-002": Entry(
        "The document was not sent to this agency through the bus.",
        "Văn bản chưa được gửi tới cơ quan này qua trục.",
        "Check DocumentId and OrganId in ResponseFor.",
        "Hãy kiểm tra DocumentId và OrganId trong ResponseFor.",
    ),
    "DUP-001": Entry(
        "This document identifier was already used for other content.",
        "Mã định danh văn bản này đã dùng cho nội dung khác.",
        "Give the document a new identifier, or send an update (action 2).",
        "Hãy cấp mã định danh mới hoặc gửi văn bản cập nhật (loại 2).",
    ),
    "RTE-001": Entry(
        "No route matches this recipient; it is parked.",
        "Không có tuyến cho nơi nhận này; văn bản được giữ chờ.",
        "Add a row to the routing table.",
        "Hãy bổ sung tuyến vào bảng định tuyến.",
    ),
    "RTE-002": Entry(
        "The recipient is not in the directory; it is parked.",
        "Nơi nhận không có trong danh bạ; văn bản được giữ chờ.",
        "Register the agency, or mend the code.",
        "Hãy đăng ký cơ quan hoặc sửa mã.",
    ),
    "RTE-003": Entry(
        "The recipient is locked; it is parked.",
        "Nơi nhận đang bị khóa; văn bản được giữ chờ.",
        "Unlock the agency or redirect it.",
        "Hãy mở khóa hoặc chuyển hướng.",
    ),
    "RTE-004": Entry(
        "The routing table is refused; the running one stays.",
        "Bảng định tuyến bị từ chối; bảng đang chạy giữ nguyên.",
        "Mend every reason listed and reload.",
        "Hãy sửa mọi lỗi được liệt kê rồi nạp lại.",
    ),
    "RTE-005": Entry(
        "The routing table rejects this recipient.",
        "Bảng định tuyến từ chối nơi nhận này.",
        "Ask the operator which row and why.",
        "Hãy hỏi quản trị dòng nào và lý do.",
    ),
    "RTE-006": Entry(
        "The recipient has no dialect or channel registered; it is parked.",
        "Nơi nhận chưa đăng ký định dạng hoặc kênh; văn bản được giữ chờ.",
        "Complete the agency's registration.",
        "Hãy hoàn tất đăng ký của cơ quan.",
    ),
    "STO-001": Entry(
        "The store cannot take the message now; nothing was written.",
        "Kho lưu trữ tạm thời không ghi được; chưa lưu gì.",
        "Send again later; operators: check disk space and locks.",
        "Hãy gửi lại sau; quản trị: kiểm tra dung lượng đĩa và khóa.",
    ),
    "STO-002": Entry(
        "A stored body is missing or does not match its digest.",
        "Nội dung đã lưu bị mất hoặc không khớp mã băm.",
        "Run bus db check and restore the file from backup.",
        "Chạy bus db check và khôi phục tệp từ bản sao lưu.",
    ),
    "STO-003": Entry(
        "There is no such message.",
        "Không có thông điệp này.",
        "Check the message id.",
        "Hãy kiểm tra mã thông điệp.",
    ),
    "DLV-001": Entry(
        "The receiver cannot be reached.",
        "Không kết nối được bên nhận.",
        "The bus tries again by its schedule.",
        "Trục sẽ thử lại theo lịch.",
    ),
    "DLV-002": Entry(
        "The receiver is busy.",
        "Bên nhận đang bận.",
        "The bus tries again when the receiver asked for it.",
        "Trục sẽ thử lại theo thời điểm bên nhận yêu cầu.",
    ),
    "DLV-003": Entry(
        "The receiver's answer is not understood.",
        "Không hiểu phản hồi của bên nhận.",
        "Check the receiver's system.",
        "Hãy kiểm tra hệ thống bên nhận.",
    ),
    "DLV-004": Entry(
        "The receiver refused the message for good.",
        "Bên nhận từ chối hẳn thông điệp.",
        "Read the receiver's reason; retry after it is cured.",
        "Xem lý do của bên nhận; gửi lại sau khi khắc phục.",
    ),
    "DLV-005": Entry(
        "The message cannot be rendered in the receiver's dialect.",
        "Không thể chuyển thông điệp sang định dạng của bên nhận.",
        "Check the dialect of the registration.",
        "Hãy kiểm tra định dạng đã đăng ký.",
    ),
    "DLV-006": Entry(
        "All tries are used up.",
        "Đã hết số lần thử gửi.",
        "Cure the cause and retry: bus messages retry.",
        "Khắc phục nguyên nhân rồi chạy bus messages retry.",
    ),
    "DLV-007": Entry(
        "The receiver failed while taking the message.",
        "Bên nhận gặp lỗi khi tiếp nhận thông điệp.",
        "The bus tries again by its schedule; the receiver's log tells why.",
        "Trục sẽ thử lại theo lịch; xem nhật ký hệ thống bên nhận.",
    ),
    "DLV-008": Entry(
        "The receiver does not accept the bus's credentials.",
        "Bên nhận không chấp nhận thông tin xác thực của trục.",
        "Have the receiver bind the bus's certificate and check both clocks.",
        "Đề nghị bên nhận đăng ký chứng thư của trục và kiểm tra đồng hồ hai bên.",
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
    "CFG-001": Entry(
        "The configuration is wrong.",
        "Cấu hình sai.",
        "Mend the setting named; every setting is explained in conf/README.md.",
        "Hãy sửa thiết lập đã nêu; xem conf/README.md.",
    ),
    "CFG-002": Entry(
        "A part named in the configuration does not exist or is broken.",
        "Thành phần nêu trong cấu hình không tồn tại hoặc bị lỗi.",
        "Install it, or mend the name.",
        "Hãy cài đặt hoặc sửa tên.",
    ),
    "CFG-003": Entry(
        "A private key or its file permissions are not acceptable.",
        "Khóa riêng hoặc quyền tệp khóa không hợp lệ.",
        "Private keys must be readable by their owner only (0600).",
        "Khóa riêng chỉ được phép chủ sở hữu đọc (0600).",
    ),
    "CFG-004": Entry(
        "The agency list is refused.",
        "Danh sách cơ quan bị từ chối.",
        "Mend every line listed.",
        "Hãy sửa mọi dòng được liệt kê.",
    ),
    "CFG-005": Entry(
        "The database is not at this release's schema.",
        "Cơ sở dữ liệu chưa đúng phiên bản lược đồ.",
        "Run bus db upgrade.",
        "Chạy bus db upgrade.",
    ),
    "CFG-006": Entry(
        "The certificate is not acceptable.",
        "Chứng thư không hợp lệ.",
        "Give one X.509 certificate, PEM or DER, with an RSA key of 2048 bits or more or an EC key on P-256, P-384 or P-521.",
        "Hãy cung cấp một chứng thư X.509 dạng PEM hoặc DER, khóa RSA từ 2048 bit hoặc khóa EC trên P-256, P-384, P-521.",
    ),
    "CFG-007": Entry(
        "The certificate is already bound, or was revoked.",
        "Chứng thư đã được gắn hoặc đã bị thu hồi.",
        "A certificate serves one agency and is never used again after its revocation.",
        "Mỗi chứng thư chỉ dùng cho một cơ quan và không dùng lại sau khi thu hồi.",
    ),
    "CFG-008": Entry(
        "The agency is not in the directory.",
        "Cơ quan không có trong danh bạ.",
        "Find its code: bus agencies find TEXT.",
        "Hãy tìm mã: bus agencies find TỪ-KHÓA.",
    ),
    "CFG-009": Entry(
        "The certificate is not bound to any agency.",
        "Chứng thư chưa được gắn với cơ quan nào.",
        "List the bindings: bus keys list.",
        "Xem danh sách: bus keys list.",
    ),
    "CFG-010": Entry(
        "There is no such version of the routing table.",
        "Không có phiên bản bảng định tuyến này.",
        "List the versions: bus routes history.",
        "Xem các phiên bản: bus routes history.",
    ),
    "CFG-011": Entry(
        "Another `bus dev` runs in this folder.",
        "Một `bus dev` khác đang chạy trong thư mục này.",
        "End it, or take another folder: bus dev --dir FOLDER.",
        "Hãy dừng tiến trình đó, hoặc chọn thư mục khác: bus dev --dir THƯ-MỤC.",
    ),
    "CLI-001": Entry(
        "The command line is not understood.",
        "Dòng lệnh không hợp lệ.",
        "Every command explains itself with --help.",
        "Thêm --help để xem hướng dẫn của từng lệnh.",
    ),
    "BUG-001": Entry(
        "The bus has a defect.",
        "Trục gặp lỗi nội bộ.",
        "Report the correlation id to the operator.",
        "Hãy báo mã tương quan cho quản trị.",
    ),
}
