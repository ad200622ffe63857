/// The header blocks of one tar entry: USTAR, with a pax header before it where the path or size does not fit.
struct TarHeader {
  static let blockBytes = 512
  /// The name field of USTAR.
  private static let nameBytes = 100
  /// Eleven octal digits.
  private static let largestSize: Int64 = 0o77_777_777_777

  private let path: [UInt8]
  private let isFolder: Bool
  private let mode: Int64
  private let size: Int64
  private let modifiedAt: Int64

  /// `size`: what the file has at the moment it was opened.
  init(_ entry: FolderEntry, size: Int64) {
    isFolder = entry.kind == .folder
    path = isFolder ? entry.path + [UInt8(ascii: "/")] : entry.path
    mode = isFolder || entry.isExecutable ? 0o755 : 0o644
    self.size = size
    modifiedAt = max(0, entry.modifiedAt)
  }

  /// One block, or three and more with a pax header.
  var blocks: [UInt8] {
    let type = UInt8(ascii: isFolder ? "5" : "0")
    let plain = path.count <= Self.nameBytes && path.allSatisfy { $0 < 0x80 } && size <= Self.largestSize
    if plain { return Self.block(name: path, mode: mode, size: size, modifiedAt: modifiedAt, type: type) }
    var records: [UInt8] = []
    // Paths are UTF-8 by the standard; other bytes must be announced.
    if String(validating: path, as: UTF8.self) == nil { records += Self.record("hdrcharset", Array("BINARY".utf8)) }
    records += Self.record("path", path)
    if size > Self.largestSize { records += Self.record("size", Array(String(size).utf8)) }
    var blocks = Self.block(
      name: Array("PaxHeader".utf8), mode: 0o644, size: Int64(records.count), modifiedAt: modifiedAt,
      type: UInt8(ascii: "x"))
    blocks += records
    blocks += [UInt8](repeating: 0, count: (Self.blockBytes - records.count % Self.blockBytes) % Self.blockBytes)
    let short = Array(path.prefix(Self.nameBytes))
    return blocks
      + Self.block(
        name: short, mode: mode, size: min(size, Self.largestSize), modifiedAt: modifiedAt, type: type)
  }

  /// `LENGTH key=value\n`, where the length counts its own digits.
  private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    var length = rest.count
    while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
    return Array(String(length).utf8) + rest
  }

  private static func block(name: [UInt8], mode: Int64, size: Int64, modifiedAt: Int64, type: UInt8) -> [UInt8] {
    var block: [UInt8] = []
    block += name + [UInt8](repeating: 0, count: nameBytes - name.count)
    block += octal(mode, digits: 7)
    // Owner and group: whoever unpacks it.
    block += octal(0, digits: 7) + octal(0, digits: 7)
    block += octal(size, digits: 11) + octal(modifiedAt, digits: 11)
    let checksumPosition = block.count
    block += [UInt8](repeating: UInt8(ascii: " "), count: 8)
    block += [type] + [UInt8](repeating: 0, count: nameBytes)
    block += Array("ustar".utf8) + [0] + Array("00".utf8)
    block += [UInt8](repeating: 0, count: blockBytes - block.count)
    let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
    block.replaceSubrange(checksumPosition..<checksumPosition + 8, with: octal(sum, digits: 6) + [UInt8(ascii: " ")])
    return block
  }

  /// Zero-filled octal digits and a NUL.
  private static func octal(_ number: Int64, digits: Int) -> [UInt8] {
    let text = Array(String(number, radix: 8).utf8.suffix(digits))
    return [UInt8](repeating: UInt8(ascii: "0"), count: digits - text.count) + text + [0]
  }
}
