import AgentCore
import Foundation

/// The one codec for what callers, models and tools wrote: byte 0 names the format, the rest is in that format. It seals
/// nothing: what is sealed stands in the JSON as marks by then (`SealedMark`).
///
/// `00`: canonical JSON. A reader that meets a format it does not know says so instead of guessing.
package enum JSONColumn {
  /// Why stored bytes could not be read.
  package enum Failure: String, Error, Sendable {
    case formatUnknown = "sealed_format_unknown"
    case contentInvalid = "sealed_content_invalid"
  }

  private static let clearJSON: UInt8 = 0

  package static func encode(_ value: JSONValue) -> Data {
    var bytes = [clearJSON]
    value.append(to: &bytes)
    return Data(bytes)
  }

  /// - Throws: `Failure`.
  package static func decode(_ bytes: some Collection<UInt8>) throws(Failure) -> JSONValue {
    guard bytes.first == clearJSON else { throw .formatUnknown }
    do {
      return try JSONValue(stored: bytes.dropFirst())
    } catch {
      throw .contentInvalid
    }
  }
}
