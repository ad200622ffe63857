/// Finds the name that a misspelt one was meant to be.
enum NearestName {
  /// Longer words are no typing mistakes of ours, and the distance costs their product.
  private static let maximumLength = 64

  /// The candidate with the smallest distance, if it is near enough to be meant: one change in three characters, at
  /// least one.
  static func of(_ name: String, among candidates: [String]) -> String? {
    guard name.count <= maximumLength else { return nil }
    let wanted = normalized(name)
    // `warn` for `warning`: too far by letters, but plainly meant.
    let begun = candidates.filter { wanted.count >= 3 && normalized($0).starts(with: wanted) }
    if begun.count == 1 { return begun[0] }
    let ranked = candidates.map { (name: $0, distance: distance(wanted, normalized($0))) }
    guard let best = ranked.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
    return best.distance <= max(1, best.name.count / 3) ? best.name : nil
  }

  /// `maxSize`, `max-size` and `MAX_SIZE` are near `max_size`.
  private static func normalized(_ name: String) -> [UInt8] {
    Array(name.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") })
  }

  /// Optimal string alignment: insertions, deletions, changes, exchanged neighbours.
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var rows = [Array(0...right.count)]
    for (i, byte) in left.enumerated() {
      var row = [i + 1]
      for (j, other) in right.enumerated() {
        var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (byte == other ? 0 : 1))
        if i > 0, j > 0, byte == right[j - 1], left[i - 1] == other { best = min(best, rows[i - 1][j - 1] + 1) }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[left.count][right.count]
  }
}
