import AgentCore

/// What one answer may leave in memory and in the journal beside its text and calls, over all its events.
///
/// Members that the wire formats have are kept; of others so many bytes in all, and then none that comes: they are
/// journaled, and sent back, for nobody who is known here.
struct AnswerBudget: Sendable {
  /// Far above what any known server adds (timings, ids, filter results).
  static let furtherBytes = 256 * 1024
  /// A value as short as this stands for itself, whatever else comes.
  private static let shortBytes = 4096

  /// Of the members that were not kept.
  private(set) var omittedBytes = 0
  private var keptBytes = 0
  private var isFull = false
  private var values = 0
  /// Numbers and the like, each of which stands in place of its earlier value.
  private var scalars: Set<String> = []
  /// Those that had grown before there was no more room.
  private var cut: Set<String> = []

  /// The members that may be kept. `known`: those that the wire format has. Throws `provider_too_large` for lists and
  /// objects that come to more values than a whole answer may have.
  mutating func admitted(
    _ members: [String: JSONValue], known: Set<String>
  ) throws(ProviderError) -> [String: JSONValue] {
    var kept = members
    for (name, value) in members {
      try count(value)
      if !known.contains(name), !admits(name, value, replacing: 0) { kept[name] = nil }
    }
    return kept
  }

  /// What was kept, without those that lack their ends.
  func whole(_ members: [String: JSONValue]) -> [String: JSONValue] {
    cut.isEmpty ? members : members.filter { !cut.contains($0.key) }
  }

  /// Sets members around the message: each stands in place of its earlier value.
  mutating func keep(_ name: String, _ value: JSONValue, in envelope: inout [String: JSONValue], known: Set<String>) {
    if known.contains(name), value.footprint <= Self.shortBytes {
      envelope[name] = value
    } else if admits(name, value, replacing: envelope[name].map { $0.footprint + name.utf8.count } ?? 0) {
      envelope[name] = value
    } else {
      envelope[name] = nil
    }
  }

  /// The mark of what is missing.
  func marked(_ envelope: [String: JSONValue]) -> [String: JSONValue] {
    omittedBytes == 0 ? envelope : envelope.merging(["omitted_bytes": JSONValue(omittedBytes)]) { $1 }
  }

  private mutating func admits(_ name: String, _ value: JSONValue, replacing old: Int) -> Bool {
    if value.isScalar, scalars.contains(name) { return true }
    let added = value.footprint + name.utf8.count
    // What only repeats itself takes no more room.
    if !isFull, keptBytes - old + added <= Self.furtherBytes {
      keptBytes = max(0, keptBytes + added - old)
      if value.isScalar { scalars.insert(name) }
      return true
    }
    isFull = true
    omittedBytes += added
    cut.insert(name)
    return false
  }

  private mutating func count(_ value: JSONValue) throws(ProviderError) {
    switch value {
    case .array, .object: values += value.valueCount
    default: return
    }
    guard values <= JSONValue.maximumAnswerValues else { throw AnswerLimits.tooManyValues }
  }
}

extension JSONValue {
  fileprivate var isScalar: Bool {
    switch self {
    case .array, .object, .string: false
    default: true
    }
  }

  /// About the bytes that it takes as text.
  fileprivate var footprint: Int {
    switch self {
    case .string(let text): text.utf8.count + 2
    case .array(let items): items.reduce(2) { $0 + $1.footprint + 1 }
    case .object(let members): members.reduce(2) { $0 + $1.key.utf8.count + $1.value.footprint + 4 }
    default: 8
    }
  }

  /// It and all within.
  fileprivate var valueCount: Int {
    switch self {
    case .array(let items): items.reduce(1) { $0 + $1.valueCount }
    case .object(let members): members.values.reduce(1) { $0 + $1.valueCount }
    default: 1
    }
  }
}
