/// Aligned columns for people.
struct TextTable: Sendable {
  struct Cell: Sendable, ExpressibleByStringLiteral {
    /// Safe to show, one line.
    var text: String
    var colour: Paint.Colour?

    init(_ text: String, _ colour: Paint.Colour? = nil) {
      (self.text, self.colour) = (TerminalText.line(text), colour)
    }

    init(stringLiteral value: String) { self.init(value) }
  }

  private let header: [String]
  private let numeric: Set<Int>
  private var rows: [[Cell]] = []

  private static let gap = "  "

  /// `numeric`: the columns whose cells stand at the right.
  init(_ header: [String], numeric: Set<Int> = []) { (self.header, self.numeric) = (header, numeric) }

  mutating func add(_ cells: [Cell]) { rows.append(cells) }

  var isEmpty: Bool { rows.isEmpty }

  /// With a line feed after each line. `limit` cuts the last column, so that no line is wider.
  func text(_ paint: Paint, limit: Int?, withHeader: Bool = true) -> String {
    let title = header.map { Cell($0, .bold) }
    let all = withHeader ? [title] + rows : rows
    let widths = header.indices.map { column in
      all.map { column < $0.count ? DisplayWidth.of($0[column].text) : 0 }.max() ?? 0
    }
    return all.map { line($0, widths, paint, limit) + "\n" }.joined()
  }

  private func line(_ cells: [Cell], _ widths: [Int], _ paint: Paint, _ limit: Int?) -> String {
    var result = ""
    var used = 0
    for (column, cell) in cells.prefix(header.count).enumerated() {
      if column > 0 {
        result += Self.gap
        used += Self.gap.count
      }
      let isLast = column == header.count - 1
      let text = isLast ? limit.map { DisplayWidth.fitted(cell.text, to: $0 - used) } ?? cell.text : cell.text
      let padding = String(repeating: " ", count: max(0, widths[column] - DisplayWidth.of(text)))
      let painted = paint(cell.colour, text)
      result += numeric.contains(column) ? padding + painted : isLast ? painted : painted + padding
      used += widths[column]
    }
    return result
  }
}
