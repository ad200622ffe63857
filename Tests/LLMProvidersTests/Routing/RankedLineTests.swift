import AgentTestKit
import Synchronization
import Testing

@testable import LLMProviders

@Suite struct RankedLineTests {
  /// A key that counts how often it is compared.
  struct CountedKey: Comparable, Sendable {
    final class Count: Sendable {
      private let comparisons = Mutex(0)
      func one() { comparisons.withLock { $0 += 1 } }
      func take() -> Int {
        comparisons.withLock { count in
          defer { count = 0 }
          return count
        }
      }
    }
    let number: Int
    let count: Count

    static func < (left: CountedKey, right: CountedKey) -> Bool {
      left.count.one()
      return left.number < right.number
    }
    static func == (left: CountedKey, right: CountedKey) -> Bool {
      left.count.one()
      return left.number == right.number
    }
  }

  @Test("it is what a sorted list would be, whatever is done to it", arguments: 1...20)
  func model(seed: UInt64) {
    let random = SeededRandom(seed: seed)
    var line = RankedLine<Int, String>()
    var model: [Int: (String, Double)] = [:]
    func number(_ limit: Int) -> Int { min(limit - 1, Int(random.unit() * Double(limit))) }
    for step in 0..<400 {
      let key = number(60)
      if random.unit() < 0.6 {
        let weight = Double(number(100))
        line.set("\(step)", weight: weight, for: key)
        model[key] = ("\(step)", weight)
      } else {
        #expect(line.remove(key) == model.removeValue(forKey: key)?.0)
      }
      let keys = model.keys.sorted()
      let (probe, most) = (number(60), number(20))
      let before = keys.filter { $0 < probe }
      #expect(line.count == keys.count && line.isEmpty == keys.isEmpty && line.first?.key == keys.first)
      #expect(line[probe]?.value == model[probe]?.0 && line[probe]?.weight == model[probe]?.1)
      #expect(line.ahead(of: probe).count == before.count)
      #expect(line.ahead(of: probe).weight == before.reduce(0) { $0 + (model[$1]?.1 ?? 0) })
      #expect(line.prefix(most).map(\.key) == Array(keys.prefix(most)), "seed \(seed)")
    }
  }

  @Test(
    "with twenty thousand in line, taking in, finding, ranking and taking out look at a few each",
    arguments: [true, false])
  func comparisons(isAscending: Bool) {
    let (count, size) = (CountedKey.Count(), 20_000)
    var line = RankedLine<CountedKey, Int>()
    let numbers = isAscending ? Array(0..<size) : Array((0..<size).reversed())
    for number in numbers { line.set(number, weight: 1, for: CountedKey(number: number, count: count)) }
    #expect(count.take() / size < 60)
    for number in numbers {
      let key = CountedKey(number: number, count: count)
      #expect(line[key]?.value == number)
      let ahead = line.ahead(of: key)
      #expect(ahead.count == number && ahead.weight == Double(number))
    }
    #expect(count.take() / size < 120)
    for number in numbers { line.remove(CountedKey(number: number, count: count)) }
    #expect(count.take() / size < 120 && line.isEmpty)
  }
}
