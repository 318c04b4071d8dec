"""What settings, commands and defects say."""

from __future__ import annotations

from bus.error_catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
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
