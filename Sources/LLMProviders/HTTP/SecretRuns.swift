import Foundation

/// Finds pieces of secrets in a text, letters' case ignored: a provider may quote a key cut, masked in its middle, or
/// encoded.
///
/// Works on hashes of all runs of `length` characters: that two of them meet is rare, and hides a word too many.
struct SecretRuns {
  private var hashes: Set<UInt64> = []

  /// Shorter runs are found in many a word, and tell little of a key.
  static let length = 8
  /// A run is most of a shorter secret: such ones are hidden as a whole alone.
  static let shortestSecret = 12

  init(_ secrets: [String]) {
    for form in secrets.flatMap(Self.forms) {
      hashes.formUnion(Self.hashes(of: form.unicodeScalars.map(Self.folded)))
    }
  }

  /// The text with each run that stands in a secret replaced, however long it is.
  func hidden(in text: String, by placeholder: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var isHidden = [Bool](repeating: false, count: scalars.count)
    for (start, hash) in Self.hashes(of: scalars.map(Self.folded)).enumerated() where hashes.contains(hash) {
      for index in start..<(start + Self.length) { isHidden[index] = true }
    }
    var shown = String.UnicodeScalarView()
    for index in scalars.indices {
      if !isHidden[index] {
        shown.append(scalars[index])
      } else if index == 0 || !isHidden[index - 1] {
        shown.append(contentsOf: placeholder.unicodeScalars)
      }
    }
    return String(shown)
  }

  /// As it stands, percent-encoded where it must be and all over, in hexadecimal, and in base64 at each of the three
  /// places where it can begin in a longer text.
  private static func forms(_ secret: String) -> [String] {
    let bytes = Array(secret.utf8)
    let digits = bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    let base64 = [(before: 0, mixed: 0), (1, 2), (2, 3)].map { place in
      String(Data([UInt8](repeating: 0, count: place.before) + bytes).base64EncodedString().dropFirst(place.mixed))
    }
    return [secret, secret.escaped, digits.map { "%\($0)" }.joined(), digits.joined()] + base64
  }

  /// In lower case, and in base64's alphabet for URLs.
  private static func folded(_ scalar: Unicode.Scalar) -> UInt32 {
    switch scalar {
    case "+": Unicode.Scalar("-").value
    case "/": Unicode.Scalar("_").value
    case "A"..."Z": scalar.value + 32
    case _ where scalar.isASCII: scalar.value
    default: scalar.properties.lowercaseMapping.unicodeScalars.first?.value ?? scalar.value
    }
  }

  /// Of the run that begins at each place; FNV-1a.
  private static func hashes(of scalars: [UInt32]) -> [UInt64] {
    guard scalars.count >= length else { return [] }
    return (0...(scalars.count - length)).map { start in
      scalars[start..<(start + length)].reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
  }
}
