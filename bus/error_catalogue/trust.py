"""What the judges of signatures and identity say."""

from __future__ import annotations

from bus.error_catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
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
    "SIG-012": Entry(
        "This signed call was presented before.",
        "Lời gọi đã ký này đã được gửi trước đó.",
        "Sign every call anew; only what sends, acknowledges or checks may be repeated as it is.",
        "Hãy ký mới cho mỗi lần gọi; chỉ lời gọi gửi, xác nhận hoặc kiểm tra được gửi lại nguyên văn.",
    ),
    "SIG-LEGACY": Entry(
        "The signature is of a legacy form; the sender's policy lets it pass, and it proves nothing.",
        "Chữ ký thuộc dạng cũ; chính sách của bên gửi cho qua nhưng không có giá trị xác thực.",
        "Use the xmldsig namespace with SHA-256 before the exception ends.",
        "Hãy dùng không gian tên xmldsig với SHA-256 trước khi hết hạn ngoại lệ.",
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
}
