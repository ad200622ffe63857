import AgentCore

/// A digester without a key (FNV-1a, 64 bits, repeated): equal bytes, equal digests; no test may rely on more.
package struct FixedDigester: Digester {
  package init() {}

  package func digest(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let digits = String(hash, radix: 16)
    return String(repeating: String(repeating: "0", count: 16 - digits.count) + digits, count: 4)
  }
}
