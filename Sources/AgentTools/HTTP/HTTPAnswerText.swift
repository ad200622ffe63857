import AgentCore
import HTTPTransport

/// What the model is shown of an answer: `{"body":"…","headers":{"content-type":"…"},"status":200}`.
///
/// A body that is cut has `"body_cut":true` beside it; one that ended before its end `"body_incomplete":CODE`; one
/// that is not UTF-8 text stands as `"body_omitted_bytes":N` alone. Values of credentials, of sensitive members and of the
/// task's sealed values are `[sealed]`: searched for in all that was read, before it is cut; the beginning of one where
/// reading ended is, too. An answer that cannot be searched is `{"status":200,"withheld":"why"}`.
struct HTTPAnswerText {
  /// An eighth of the result, so that the body has the rest.
  static let maximumHeaderBytes = ToolOutcome.maximumBytes / 8
  /// Shorter values are no secrets, and to blank them would tear the text.
  static let shortestSecret = 6
  /// Of the beginning of a value that never came whole; as good as all of it, and found sooner.
  private static let tornScalars = 64

  private let head: HTTPExchange.Head
  private let secrets: [String]
  private let fields: SensitiveFields
  private let filter: SealedFilter

  /// `sent` are the request's header fields: where the answer repeats a credential of theirs, it is blanked.
  init(
    _ head: HTTPExchange.Head, sent: [(name: String, value: String)], _ fields: SensitiveFields = .standard,
    _ filter: SealedFilter = SealedFilter()
  ) {
    (self.head, self.fields, self.filter) = (head, fields, filter)
    let values = sent.filter { HTTPCredentials.isSealed(header: $0.name) }.map(\.value)
    // Of `Bearer TOKEN` an echo may hold the token alone.
    let parts = values.flatMap { [$0] + ($0.split(separator: " ").last.map { [String($0)] } ?? []) }
    secrets = parts.filter { $0.utf8.count >= Self.shortestSecret }.sorted { $0.utf8.count > $1.utf8.count }
  }

  /// Whether these bytes, which are the beginning of a body, end within a sensitive value: then more of them is needed to
  /// know it, for it may stand before as well.
  static func endsWithinValue(_ bytes: [UInt8], _ fields: SensitiveFields) -> Bool {
    decoded(bytes, mayEndAmidScalar: true).map { SensitiveText($0, fields).tornEnd != nil } ?? false
  }

  /// `isCut`: more bytes came, or would have come, than were read; `incomplete`: the error that ended the body.
  func outcome(body: [UInt8], isCut: Bool, incomplete: TransportError.Code?) -> ToolOutcome {
    let isTorn = isCut || incomplete != nil
    let masked = Self.decoded(body, mayEndAmidScalar: isTorn).map { SensitiveText($0, fields) }
    let hidden = sealedHeaders.map { .string($0) } + (masked?.values ?? [])
    var filter = filter
    // What a sensitive member holds may stand beside it once more.
    filter.learn(hidden)
    guard !filter.isOverfull else {
      return withheld("with it the task would have more than \(SealedFilter.bounds)", incomplete)
    }
    var (torn, shown, isCut) = (SealedFilter(), masked?.shown, isCut)
    if isTorn, let end = masked?.tornEnd {
      guard end.utf8.count >= SealedFilter.shortestBytes else {
        return withheld("the body was cut within a sealed value", incomplete)
      }
      // What follows these bytes where they stand elsewhere is the rest of the value.
      torn = SealedFilter([Secret(String(String.UnicodeScalarView(end.unicodeScalars.prefix(Self.tornScalars))))])
      if let beginning = shown.flatMap(torn.beginning(of:)) { (shown, isCut) = (beginning, true) }
    }
    let text = shown.map { isTorn ? filter.filtered(cut: blanked($0)) : filter.filtered(blanked($0)) }
    let answer = answer(
      text, bytes: body.count, isCut: isCut, incomplete: incomplete,
      Filters(whole: filter, torn: torn))
    return ToolOutcome(text: answer, hidden: hidden)
  }

  /// Nothing of it is shown, so nothing of it has to be known later.
  private func withheld(_ reason: String, _ incomplete: TransportError.Code?) -> ToolOutcome {
    var members: [String: JSONValue] = [
      "status": .integer(Int64(head.status)), "withheld": .string("the answer is not shown: \(reason)"),
    ]
    if let incomplete { members["body_incomplete"] = .string(incomplete.rawValue) }
    return ToolOutcome(text: JSONValue.object(members).text)
  }

  private struct Filters {
    var whole: SealedFilter
    /// Finds the beginning of a value that is not known whole.
    var torn: SealedFilter

    func filtered(_ text: String) -> String {
      torn.beginning(of: text) == nil ? whole.filtered(text) : SealedMember.placeholder
    }
  }

  /// Nil: the body is no text.
  private func answer(
    _ text: String?, bytes: Int, isCut: Bool, incomplete: TransportError.Code?, _ filters: Filters
  ) -> String {
    var members: [String: JSONValue] = ["status": .integer(Int64(head.status))]
    addHeaders(to: &members, filters)
    if let incomplete { members["body_incomplete"] = .string(incomplete.rawValue) }
    if isCut { members["body_cut"] = true }
    guard let text else {
      members["body_omitted_bytes"] = .integer(Int64(bytes))
      return JSONValue.object(members).text
    }
    members["body_cut"] = true
    members["body"] = ""
    let budget = ToolOutcome.maximumBytes - JSONValue.object(members).encoded().count
    let (shown, fits) = Self.prefix(of: text, encodedBytes: budget)
    members["body"] = .string(shown)
    if fits, !isCut { members["body_cut"] = nil }
    return JSONValue.object(members).text
  }

  /// What those headers say that are shown as `[sealed]`.
  private var sealedHeaders: [String] {
    head.headers.filter { isSealed($0.name) }.flatMap { HTTPCredentials.parts(of: $0.value, in: $0.name) }
  }

  private func isSealed(_ name: String) -> Bool { HTTPCredentials.isSealed(header: name) || fields.contains(name) }

  private func addHeaders(to members: inout [String: JSONValue], _ filters: Filters) {
    var shown: [String: JSONValue] = [:]
    var byteCount = 0
    let names = head.headers.map(\.name)
    for name in Set(names).sorted() {
      let values = head.headers.filter { $0.name == name }.map(\.value)
      let value = isSealed(name) ? SealedMember.placeholder : filters.filtered(blanked(values.joined(separator: ", ")))
      byteCount += JSONValue.string(name).encoded().count + JSONValue.string(value).encoded().count + 2
      guard byteCount <= Self.maximumHeaderBytes else {
        members["headers_cut"] = true
        break
      }
      shown[name] = .string(value)
    }
    members["headers"] = .object(shown)
  }

  private func blanked(_ text: String) -> String {
    secrets.reduce(text) { $1 == SealedMember.placeholder ? $0 : $0.replacing($1, with: SealedMember.placeholder) }
  }

  /// Nil for bytes that are not UTF-8 and for text with NUL, which no JSON reader of ours takes.
  private static func decoded(_ bytes: [UInt8], mayEndAmidScalar: Bool) -> String? {
    guard !bytes.contains(0) else { return nil }
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    guard mayEndAmidScalar else { return nil }
    // A scalar has at most four bytes, so at most three of a cut one are left.
    for cut in 1...3 where cut <= bytes.count {
      if let text = String(validating: bytes.dropLast(cut), as: UTF8.self) { return text }
    }
    return nil
  }

  /// The longest beginning of the text whose JSON form has at most that many bytes, quotes not counted.
  private static func prefix(of text: String, encodedBytes budget: Int) -> (shown: String, fits: Bool) {
    var cost = 0
    for index in text.unicodeScalars.indices {
      let scalar = text.unicodeScalars[index]
      switch scalar.value {
      case 0x22, 0x5C, 0x0A, 0x0D, 0x09: cost += 2
      case 0..<0x20, 0x7F: cost += 6
      default: cost += scalar.utf8.count
      }
      if cost > budget { return (String(text.unicodeScalars[..<index]), false) }
    }
    return (text, true)
  }
}

extension Unicode.Scalar {
  fileprivate var utf8: UTF8.EncodedScalar { UTF8.encode(self) ?? UTF8.encodedReplacementCharacter }
}
