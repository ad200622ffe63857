import AgentCore

/// Where a list goes on: the last id looked at, bound to the filters it was made under. Callers see
/// `base64url("ID.DIGEST")` without padding.
struct TaskCursor {
  /// Enough digits of the digest to tell filters apart by accident; a cursor is no secret.
  private static let digestDigits = 16
  /// An id of 19 digits, a point and the digest, in base64: a longer text is nobody's cursor.
  private static let maximumLength = 64

  var lastID: Int64

  init(lastID: Int64) { self.lastID = lastID }

  /// Reads a cursor of the same filters. Throws `invalid_parameter` for anything else.
  init(_ text: String, for query: TaskQuery, _ digester: any Digester) throws(StoreError) {
    let parts = text.utf8.count <= Self.maximumLength ? Self.decoded(text)?.split(separator: ".") : nil
    guard let parts, parts.count == 2, let id = Int64(parts[0]), id >= 0,
      parts[1] == Self.digest(of: query, digester),
      TaskCursor(lastID: id).text(for: query, digester) == text
    else { throw StoreError(.invalidCursor, "the cursor is not one of this list, or its filters were others") }
    lastID = id
  }

  func text(for query: TaskQuery, _ digester: any Digester) -> String {
    Self.encoded("\(lastID).\(Self.digest(of: query, digester))")
  }

  private static func digest(of query: TaskQuery, _ digester: any Digester) -> String {
    let filters: JSONValue = [
      "statuses": .array(Set(query.statuses).map(\.rawValue).sorted().map(JSONValue.string)),
      "agent": JSONValue(query.agent?.name), "owner": JSONValue(query.owner?.description),
      "label": query.label.map { [.string($0.name), .string($0.value)] } ?? .null,
      "after": query.createdAfter.map { .integer($0.milliseconds) } ?? .null,
      "before": query.createdBefore.map { .integer($0.milliseconds) } ?? .null,
      "ascending": .bool(query.isAscending),
    ]
    return String(digester.digest(filters).prefix(digestDigits))
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static func encoded(_ text: String) -> String {
    var result: [UInt8] = []
    var (bits, count): (UInt32, Int) = (0, 0)
    for byte in text.utf8 {
      (bits, count) = (bits << 8 | UInt32(byte), count + 8)
      while count >= 6 {
        count -= 6
        result.append(alphabet[Int(bits >> UInt32(count) & 63)])
      }
    }
    if count > 0 { result.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
    return String(decoding: result, as: UTF8.self)
  }

  private static func decoded(_ text: String) -> String? {
    var result: [UInt8] = []
    var (bits, count): (UInt32, Int) = (0, 0)
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      (bits, count) = (bits << 6 | UInt32(value), count + 6)
      if count >= 8 {
        count -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return String(validating: result, as: UTF8.self)
  }
}
