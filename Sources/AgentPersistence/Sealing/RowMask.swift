import AgentCore
import Foundation

/// What readers hide of stored rows besides what is sealed in them. Rows from before there was a key, or before the list
/// had a name, hold values in clear until the pass has come to them, and nobody is to see those either.
struct RowMask: Sendable {
  /// By which rows are gone over as the pass will; nil: all are sealed as the list asks, and marks alone are replaced.
  let fields: SensitiveFields?

  static let none = RowMask(fields: nil)

  /// A row's texts as everybody sees them; nil for a head that cannot be read.
  func shown(_ type: JournalEventType, head text: String, body bytes: Data?) throws(StoreError) -> StoredText? {
    guard var head = JSONValue(stored: text) else { return nil }
    var body: JSONValue?
    if let bytes { body = try JournalBody.opened(bytes) }
    if let fields, !type.walked.isEmpty {
      body = body.map { type.masked(type.asWrittenNow($0, head: head, fields), .body, fields) }
      head = type.masked(head, .head, fields)
    }
    if SealedMark.mayStand(in: text) { head = head.showingMarks }
    if let bytes, SealedMark.mayStand(in: bytes) { body = body?.showingMarks }
    return StoredText(head: head, body: body)
  }

  /// What of a row can be read: a body that cannot be is left out, with its head where that cannot be either.
  func readable(_ type: JournalEventType, head: String, body: Data?) -> (text: StoredText, isWhole: Bool) {
    // `try?`: that it cannot be read is what the caller tells.
    if let text = (try? shown(type, head: head, body: body)) ?? nil { return (text, true) }
    // See above for what an error means.
    let text = (try? shown(type, head: head, body: nil)) ?? nil
    return (text ?? StoredText(head: .object([:]), body: nil), false)
  }

  /// A label that is sealed, or about to be, is found by nobody.
  func hides(_ label: TaskQuery.Label) -> Bool {
    guard let fields else { return false }
    let head: JSONValue = ["labels": .object([label.name: .string(label.value)])]
    return JournalEventType.taskSubmitted.masked(head, .head, fields) != head
  }
}

extension JournalEventType {
  /// A row's body as the engine would hand it to the store now: what is shown, and beside it what is sealed. `opened`: the
  /// same without marks, where it has any.
  func asWrittenNow(
    _ body: JSONValue, opened: JSONValue? = nil, head: JSONValue, _ fields: SensitiveFields,
    knowing known: SealedFilter = SealedFilter()
  ) -> JSONValue {
    guard isStep || !known.isEmpty else { return body }
    return StepSealing.body(
      body, opened: opened, of: self, kind: head["kind"]?.stringValue.flatMap(StepKind.init(rawValue:)),
      name: head["name"]?.stringValue ?? "", fields, knowing: known)
  }
}
