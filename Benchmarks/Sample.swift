/// Many measurements of one thing.
struct Sample {
  private var values: [Double] = []

  init(_ values: [Double] = []) { self.values = values }

  var count: Int { values.count }

  mutating func add(_ value: Double) { values.append(value) }
  mutating func add(_ more: [Double]) { values += more }

  /// The value that this share of all lie at or below; 0 of none.
  func percentile(_ share: Double) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.indices.last else { return 0 }
    return sorted[min(last, Int(share * Double(sorted.count)))]
  }

  var median: Double { percentile(0.5) }

  /// Of microseconds or lives: the median, and between what four of five lie.
  var summary: String { "\(short(median)) [\(short(percentile(0.1)))–\(short(percentile(0.9)))]" }
}

/// Three figures, or the whole number when it has more.
func short(_ value: Double) -> String {
  var (digits, limit) = (0, 100.0)
  while abs(value) < limit, digits < 2 { (digits, limit) = (digits + 1, limit / 10) }
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let whole = Int((abs(value) * scale).rounded())
  var text = String(whole / Int(scale))
  if digits > 0 {
    let rest = String(whole % Int(scale))
    text += "." + String(repeating: "0", count: digits - rest.count) + rest
  }
  return value < 0 ? "-" + text : text
}

extension Duration {
  var microseconds: Double { Double(components.seconds) * 1e6 + Double(components.attoseconds) / 1e12 }
}

/// One page of results.
struct Table {
  var title: String
  var columns: [String]
  var rows: [[String]]
  var note = ""

  /// Padded, so that it reads as well on a terminal.
  var markdown: String {
    let widths = columns.indices.map { column in
      ([columns] + rows).map { $0[column].count }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      let padded = zip(cells, widths).enumerated().map { index, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 ? cell.0 + space : space + cell.0
      }
      return "| " + padded.joined(separator: " | ") + " |"
    }
    let rule = widths.enumerated().map {
      $0 == 0 ? String(repeating: "-", count: $1) : String(repeating: "-", count: $1 - 1) + ":"
    }
    var lines = ["### \(title)", "", line(columns), line(rule)] + rows.map(line) + [""]
    if !note.isEmpty { lines += [note, ""] }
    return lines.joined(separator: "\n")
  }
}
