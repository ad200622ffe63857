/// Money: billionths of a US dollar, so that sums are exact. JSON shows it as a decimal number of dollars.
package struct NanoUSD: Hashable, Sendable, Comparable {
  package var amount: Int64
  package init(_ amount: Int64) { self.amount = amount }
  package static let zero = NanoUSD(0)
  package static func < (left: NanoUSD, right: NanoUSD) -> Bool { left.amount < right.amount }
  package static func + (left: NanoUSD, right: NanoUSD) -> NanoUSD { NanoUSD(left.amount + right.amount) }
}
