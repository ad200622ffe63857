import AgentCore

extension WriteContext {
  /// What is hidden of rows that this closure reads.
  var mask: RowMask { sealing?.mask ?? .none }

  /// Head and body of a row to write.
  struct SealedText {
    var stored: StoredText
    var shown: StoredText
    var hasSealed = false
  }

  /// The row's texts with what is sensitive in them sealed for its place: its number must be its own.
  func seal(
    _ type: JournalEventType, row sequence: Int64, head: JSONValue, body: JSONValue?
  ) throws -> SealedText {
    // Its worker may have masked it by the list as it was before a reload.
    let body = body.map { body in mask.fields.map { type.asWrittenNow(body, head: head, $0) } ?? body }
    let clear = StoredText(head: head, body: body)
    var text = SealedText(stored: clear, shown: clear)
    guard !type.walked.isEmpty else { return text }
    let sealing = try sealingInForce()
    if let sealed = try sealing.seal(head, StoreSealing.Column(type: type, name: .head, row: sequence)) {
      (text.stored.head, text.shown.head, text.hasSealed) = (sealed.stored, sealed.shown, true)
    }
    if let body, let sealed = try sealing.seal(body, StoreSealing.Column(type: type, name: .body, row: sequence)) {
      (text.stored.body, text.shown.body, text.hasSealed) = (sealed.stored, sealed.shown, true)
    }
    if text.hasSealed { try keepReservation() }
    // Last: a list that became shorter before the row was sealed by it shows here.
    if let lapsed = sealing.policy.lapsed { try narrowSealing(to: lapsed) }
    return text
  }

  /// Throws `sealing_unavailable` before the task store has taken the file over.
  func sealingInForce() throws(StoreError) -> StoreSealing {
    guard let sealing else {
      throw StoreError(.sealingUnavailable, "The store has no keys yet: nothing that callers gave can be stored.")
    }
    return sealing
  }
}
