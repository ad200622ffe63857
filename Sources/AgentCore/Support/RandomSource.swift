/// Where all code gets its randomness from, so that tests can repeat it.
package protocol RandomSource: Sendable {
  /// 64 bits, each as likely 0 as 1.
  func next() -> UInt64
}

extension RandomSource {
  /// Uniform in 0..<1.
  package func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// The operating system's generator.
package struct SystemRandom: RandomSource {
  package init() {}
  package func next() -> UInt64 { UInt64.random(in: .min ... .max) }
}
