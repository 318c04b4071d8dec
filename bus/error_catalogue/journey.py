"""What schema and rules, duplicates, the life of a document, routing, store and delivery say."""

from __future__ import annotations

from bus.error_catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
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
    "DUP-001": Entry(
        "This document identifier was already used for other content.",
        "Mã định danh văn bản này đã dùng cho nội dung khác.",
        "Give the document a new identifier, or send an update (action 2).",
        "Hãy cấp mã định danh mới hoặc gửi văn bản cập nhật (loại 2).",
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
}
