"""What the reader of multipart requests (MTOM, SOAP with Attachments) says."""

from __future__ import annotations

from bus.error_catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "RCV-006": Entry(
        "The multipart message has more parts or longer part headers than the limit.",
        "Thông điệp nhiều phần có quá nhiều phần hoặc tiêu đề phần quá dài.",
        "Send fewer attachments, each with short headers.",
        "Hãy gửi ít tệp đính kèm hơn, mỗi phần có tiêu đề ngắn.",
    ),
    "MIM-001": Entry(
        "The multipart message cannot be taken apart.",
        "Không tách được thông điệp nhiều phần.",
        "Close every part with the boundary of the Content-Type and encode it as its header says.",
        "Mỗi phần phải kết thúc bằng boundary của Content-Type và mã hóa đúng tiêu đề đã nêu.",
    ),
    "MIM-002": Entry(
        "The multipart message has no root part.",
        "Thông điệp nhiều phần thiếu phần gốc.",
        "Give the part with the envelope the Content-ID that the start parameter names.",
        "Phần chứa phong bì phải có Content-ID đúng như tham số start đã nêu.",
    ),
    "MIM-003": Entry(
        "A reference names a part that was not sent.",
        "Có tham chiếu tới một phần không được gửi.",
        "Send every part that a cid: reference names.",
        "Hãy gửi đủ các phần mà tham chiếu cid: nêu tên.",
    ),
    "MIM-004": Entry(
        "Two parts carry the same Content-ID.",
        "Hai phần có cùng Content-ID.",
        "Give every part a Content-ID of its own.",
        "Mỗi phần phải có Content-ID riêng.",
    ),
    "MIM-005": Entry(
        "A part was sent that nothing in the message refers to.",
        "Có phần được gửi mà không nội dung nào tham chiếu tới.",
        "Refer to every attachment, or leave it out: the bus drops nothing silently.",
        "Hãy tham chiếu tới mọi tệp đính kèm hoặc bỏ bớt: trục không lặng lẽ bỏ qua phần nào.",
    ),
}
