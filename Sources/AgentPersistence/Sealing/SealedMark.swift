import AgentCore
import Foundation

/// What stands in stored JSON for a sealed value: `{"$sealed":"base64url"}`.
struct SealedMark {
  /// As it is stored: of a damaged file anything.
  var text: String

  init(_ sealed: [UInt8]) { text = Base64URL.text(sealed) }

  /// Nil for everything that is no mark.
  init?(_ value: JSONValue) {
    guard case .object(let members) = value, members.count == 1, case .string(let text)? = members[SealedMember.key]
    else { return nil }
    self.text = text
  }

  /// Nil where the text is none that we write.
  var sealed: [UInt8]? { Base64URL.bytes(text) }
  var stored: JSONValue { [SealedMember.key: .string(text)] }

  /// The marks in bytes that cannot be read as JSON, as far as they show by themselves.
  static func found(inDamaged bytes: Data) -> [SealedMark] {
    var marks: [SealedMark] = []
    var rest = bytes[...]
    while let found = rest.range(of: Data(needle)) {
      rest = rest[found.upperBound...]
      // `":"` stands before its text, in JSON within a text each `"` as `\"`.
      let digits = rest.drop { $0 == 0x22 || $0 == 0x3A || $0 == 0x5C }.prefix(while: Base64URL.isDigit)
      // What is cut names its key all the same.
      guard let sealed = Base64URL.bytes(String(decoding: digits.prefix(digits.count / 4 * 4), as: UTF8.self)) else {
        continue
      }
      marks.append(SealedMark(sealed))
    }
    return marks
  }

  private static let needle = Array(SealedMember.key.utf8)

  /// False: there is no mark in these bytes. Costs a look at each `$` of them.
  static func mayStand(in bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress else { return false }
    var offset = 0
    while bytes.count - offset >= needle.count {
      guard let found = memchr(start + offset, Int32(needle[0]), bytes.count - offset) else { return false }
      offset = UnsafeRawPointer(found) - start
      if bytes[offset...].starts(with: needle) { return true }
      offset += 1
    }
    return false
  }

  static func mayStand(in bytes: Data) -> Bool { bytes.withUnsafeBytes { mayStand(in: $0) } }

  static func mayStand(in text: String) -> Bool {
    var text = text
    return text.withUTF8 { mayStand(in: UnsafeRawBufferPointer($0)) }
  }
}

extension JSONValue {
  /// This value with each mark replaced. A text `arguments` that holds JSON with marks is gone through as the walk that
  /// sealed it did (`JSONValue.replacingSensitive`). `base`: the pointer of this value.
  func replacingMarks<E: Error>(
    at base: String = "", _ replacement: (_ pointer: String, SealedMark) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    switch self {
    case .object(let members):
      if let mark = SealedMark(self) { return try replacement(base, mark) }
      var result = members
      for (name, value) in members {
        let pointer = base + "/" + name.jsonPointerToken
        switch value {
        case .object, .array: result[name] = try value.replacingMarks(at: pointer, replacement)
        case .string(let text) where name == "arguments" && text.contains(SealedMember.key):
          guard let parsed = try? JSONValue(stored: text.utf8) else { continue }  // Text that is no JSON has no marks.
          let replaced = try parsed.replacingMarks(at: pointer, replacement)
          if replaced != parsed { result[name] = .string(replaced.text) }
        default: break
        }
      }
      return .object(result)
    case .array(let items):
      var result = items
      for (index, item) in items.enumerated() {
        result[index] = try item.replacingMarks(at: "\(base)/\(index)", replacement)
      }
      return .array(result)
    default: return self
    }
  }

  /// As everybody sees it.
  var showingMarks: JSONValue { replacingMarks { (_, _) throws(Never) in .string(SealedMember.placeholder) } }
}
