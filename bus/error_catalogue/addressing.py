"""What is said about WS-Addressing headers."""

from __future__ import annotations

from bus.error_catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "WSA-001": Entry(
        "A WS-Addressing header stands there more than once.",
        "Một tiêu đề WS-Addressing xuất hiện nhiều lần.",
        "Send each of To, From, ReplyTo, FaultTo, Action and MessageID at most once.",
        "Mỗi tiêu đề To, From, ReplyTo, FaultTo, Action, MessageID chỉ gửi tối đa một lần.",
    ),
    "WSA-002": Entry(
        "A WS-Addressing endpoint reference has no Address.",
        "Tham chiếu điểm cuối WS-Addressing thiếu Address.",
        "Put the anonymous address into it, or leave the header out.",
        "Hãy ghi địa chỉ anonymous vào đó hoặc bỏ tiêu đề.",
    ),
    "WSA-003": Entry(
        "A WS-Addressing header holds no usable address.",
        "Tiêu đề WS-Addressing không chứa địa chỉ hợp lệ.",
        "Write an absolute IRI of at most 2048 characters.",
        "Hãy ghi một IRI tuyệt đối, dài tối đa 2048 ký tự.",
    ),
    "WSA-004": Entry(
        "The reference parameters of an endpoint cannot be returned.",
        "Không thể gửi trả các tham số tham chiếu của điểm cuối.",
        "Send at most 16 KB of them, in a namespace of your own.",
        "Chỉ gửi tối đa 16 KB, trong không gian tên của riêng mình.",
    ),
    "WSA-005": Entry(
        "A required WS-Addressing header is missing.",
        "Thiếu tiêu đề WS-Addressing bắt buộc.",
        "Send Action and MessageID, or no WS-Addressing header at all.",
        "Hãy gửi Action và MessageID, hoặc không gửi tiêu đề WS-Addressing nào.",
    ),
    "WSA-006": Entry(
        "The SOAPAction and wsa:Action do not agree.",
        "SOAPAction và wsa:Action không khớp nhau.",
        "Take both from the WSDL, or leave the SOAPAction empty.",
        "Hãy lấy cả hai từ WSDL hoặc để trống SOAPAction.",
    ),
    "WSA-007": Entry(
        "The wsa:Action is not that of the operation in the Body.",
        "wsa:Action không phải của nghiệp vụ trong Body.",
        "Take the action of the operation from the WSDL.",
        "Hãy lấy action của nghiệp vụ từ WSDL.",
    ),
    "WSA-008": Entry(
        "Replies are sent on the connection of the request only.",
        "Phản hồi chỉ được gửi trên chính kết nối của yêu cầu.",
        "Use the anonymous address (or none) in ReplyTo and FaultTo, or leave them out.",
        "Dùng địa chỉ anonymous (hoặc none) trong ReplyTo và FaultTo, hoặc bỏ chúng đi.",
    ),
    "WSA-009": Entry(
        "The wsa:To names another service than the one that was called.",
        "wsa:To chỉ đến dịch vụ khác với dịch vụ được gọi.",
        "Send the request to the address that its To names, or leave To out.",
        "Hãy gửi yêu cầu đến đúng địa chỉ trong To hoặc bỏ To.",
    ),
}
