/// Values in the order of their keys, each with a weight: finds one, takes one in or out, and tells how many and how
/// much lie before a key, each in logarithmic time, however many there are.
///
/// A treap. Its priorities are mixed from a counter, so that it needs no random source and no order of arrival bends it.
struct RankedLine<Key: Comparable & Sendable, Value: Sendable>: Sendable {
  struct Entry: Sendable {
    var key: Key
    var value: Value
    var weight: Double
  }

  /// What lies before a key.
  struct Ahead: Sendable, Hashable {
    var count = 0
    var weight = 0.0
  }

  private struct Node: Sendable {
    var entry: Entry
    var priority: UInt64
    var left = RankedLine.none
    var right = RankedLine.none
    /// Of the node and all below it.
    var all: Ahead
  }

  private static var none: Int { -1 }
  private var nodes: [Node] = []
  /// Places in `nodes` that hold nothing any more.
  private var free: [Int] = []
  private var root = RankedLine.none
  private var counter: UInt64 = 0

  var count: Int { all(root).count }
  var isEmpty: Bool { root == Self.none }

  var first: Entry? {
    var (node, found) = (root, Entry?.none)
    while node != Self.none { (found, node) = (nodes[node].entry, nodes[node].left) }
    return found
  }

  subscript(key: Key) -> Entry? {
    var node = root
    while node != Self.none {
      let at = nodes[node].entry.key
      if key == at { return nodes[node].entry }
      node = key < at ? nodes[node].left : nodes[node].right
    }
    return nil
  }

  /// What lies before `key`, which need not be there itself.
  func ahead(of key: Key) -> Ahead {
    var (node, ahead) = (root, Ahead())
    while node != Self.none {
      if nodes[node].entry.key < key {
        ahead.count += 1 + all(nodes[node].left).count
        ahead.weight += nodes[node].entry.weight + all(nodes[node].left).weight
        node = nodes[node].right
      } else {
        node = nodes[node].left
      }
    }
    return ahead
  }

  /// The first `most` entries, in order.
  func prefix(_ most: Int) -> [Entry] {
    var (entries, path, node) = ([Entry](), [Int](), root)
    while entries.count < most, node != Self.none || !path.isEmpty {
      while node != Self.none {
        path.append(node)
        node = nodes[node].left
      }
      node = path.removeLast()
      entries.append(nodes[node].entry)
      node = nodes[node].right
    }
    return entries
  }

  /// Takes the value in, or puts it in the place of the one that has its key.
  mutating func set(_ value: Value, weight: Double, for key: Key) {
    remove(key)
    counter += 1
    let new = Node(
      entry: Entry(key: key, value: value, weight: weight), priority: Self.mixed(counter),
      all: Ahead(count: 1, weight: weight))
    let place: Int
    if let old = free.popLast() {
      (place, nodes[old]) = (old, new)
    } else {
      place = nodes.count
      nodes.append(new)
    }
    root = inserted(place, below: root)
  }

  /// Nil where there is none.
  @discardableResult
  mutating func remove(_ key: Key) -> Value? {
    guard let value = self[key]?.value else { return nil }
    root = removed(key, below: root)
    if isEmpty { (nodes, free) = ([], []) }
    return value
  }

  // MARK: - The tree

  private func all(_ node: Int) -> Ahead { node == Self.none ? Ahead() : nodes[node].all }

  private mutating func recount(_ node: Int) {
    let (left, right) = (all(nodes[node].left), all(nodes[node].right))
    nodes[node].all = Ahead(
      count: 1 + left.count + right.count, weight: nodes[node].entry.weight + left.weight + right.weight)
  }

  private mutating func inserted(_ new: Int, below node: Int) -> Int {
    guard node != Self.none else { return new }
    if nodes[new].priority > nodes[node].priority {
      (nodes[new].left, nodes[new].right) = split(node, at: nodes[new].entry.key)
      recount(new)
      return new
    }
    if nodes[new].entry.key < nodes[node].entry.key {
      nodes[node].left = inserted(new, below: nodes[node].left)
    } else {
      nodes[node].right = inserted(new, below: nodes[node].right)
    }
    recount(node)
    return node
  }

  private mutating func removed(_ key: Key, below node: Int) -> Int {
    let at = nodes[node].entry.key
    if key == at {
      free.append(node)
      return merged(nodes[node].left, nodes[node].right)
    }
    if key < at {
      nodes[node].left = removed(key, below: nodes[node].left)
    } else {
      nodes[node].right = removed(key, below: nodes[node].right)
    }
    recount(node)
    return node
  }

  private mutating func split(_ node: Int, at key: Key) -> (Int, Int) {
    guard node != Self.none else { return (Self.none, Self.none) }
    if nodes[node].entry.key < key {
      let (left, right) = split(nodes[node].right, at: key)
      nodes[node].right = left
      recount(node)
      return (node, right)
    }
    let (left, right) = split(nodes[node].left, at: key)
    nodes[node].left = right
    recount(node)
    return (left, node)
  }

  private mutating func merged(_ left: Int, _ right: Int) -> Int {
    guard left != Self.none else { return right }
    guard right != Self.none else { return left }
    if nodes[left].priority > nodes[right].priority {
      nodes[left].right = merged(nodes[left].right, right)
      recount(left)
      return left
    }
    nodes[right].left = merged(left, nodes[right].left)
    recount(right)
    return right
  }

  /// SplitMix64: neighbours come out far apart.
  private static func mixed(_ number: UInt64) -> UInt64 {
    var mixed = number &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
