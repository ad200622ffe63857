import AgentCore

/// What a provider says that a call used, put together from its parts, and what of it we believe.
struct UsageReport: Sendable, Hashable {
  /// Dotted for those of inner objects: `prompt_tokens_details.cached_tokens`.
  private var members: [String: JSONValue] = [:]

  init() {}

  /// Far above what any server counts.
  private static let mostMembers = 256

  /// Of each member the last value wins; null is none.
  mutating func take(_ usage: JSONValue?) {
    guard case .object(let outer)? = usage else { return }
    for (name, value) in outer {
      if case .object(let inner) = value {
        for (detail, count) in inner where !count.isNull { set("\(name).\(detail)", count) }
      } else if !value.isNull {
        set(name, value)
      }
    }
  }

  private mutating func set(_ name: String, _ value: JSONValue) {
    guard members[name] != nil || members.count < Self.mostMembers else { return }
    // What is no count is only known to be there.
    members[name] = value.integerValue.map(JSONValue.integer) ?? .bool(true)
  }

  func has(_ name: String) -> Bool { members[name] != nil }

  /// Nil where there is none, or no count at all.
  func count(_ name: String) -> Int64? {
    guard let number = members[name]?.integerValue, (0...Self.largestCount).contains(number) else { return nil }
    return number
  }

  /// 0 where there is none: for the counts that stand beside the two that matter.
  func aside(_ names: String...) -> Int64 { names.lazy.compactMap { count($0) }.first ?? 0 }

  /// Beyond what any model can take in; sums of such numbers stay far from the end of 64 bits.
  private static let largestCount: Int64 = 1 << 50
}

/// The counts of a call as its provider tells them; nil: none that can be believed.
struct TokenCounts: Sendable, Hashable {
  var input: Int64?
  var output: Int64?
  var cached: Int64 = 0
  var cacheWrite: Int64 = 0
  var reasoning: Int64 = 0
}

/// Our own count of a call, for where its provider's is missing or cannot be.
struct OwnCount: Sendable, Hashable {
  var input: Int64
  var output: Int64

  /// A token of English has about four bytes, of other languages fewer; three errs on the large side.
  static let bytesPerToken = 3

  static func tokens(ofBytes count: Int) -> Int64 { Int64((count + bytesPerToken - 1) / bytesPerToken) }

  /// A provider's count above so many reservations is its mistake.
  static let believedReservations: Int64 = 10

  /// The usage to book: as told, but for counts that are missing, over ten times the reservation, or 0 although there
  /// was a request, or a reply.
  func usage(_ told: TokenCounts, reservation: Int64, isReplyEmpty: Bool) -> ModelUsage {
    let (limit, overflows) = reservation.multipliedReportingOverflow(by: Self.believedReservations)
    let isBounded = reservation > 0 && !overflows
    let input = told.input.flatMap { $0 > 0 && (!isBounded || $0 <= limit) ? $0 : nil }
    let output = told.output.flatMap { ($0 > 0 || isReplyEmpty) && (!isBounded || $0 <= limit) ? $0 : nil }
    let booked = (input ?? self.input, output ?? self.output)
    return ModelUsage(
      inputTokens: booked.0, outputTokens: booked.1, cachedTokens: min(told.cached, booked.0),
      cacheWriteTokens: min(told.cacheWrite, booked.0), reasoningTokens: min(told.reasoning, booked.1),
      isEstimated: input == nil || output == nil)
  }
}
