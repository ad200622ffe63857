/// The formats of pictures that every provider takes, told by their first bytes.
package enum ImageFormat: String, Sendable, CaseIterable {
  case png = "image/png"
  case jpeg = "image/jpeg"
  case gif = "image/gif"
  case webp = "image/webp"

  /// Nil for bytes that begin like none of them, whatever the file is called.
  package init?(of bytes: [UInt8]) {
    func begins(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: text.utf8) }
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if begins("GIF87a") || begins("GIF89a") {
      self = .gif
    } else if begins("RIFF"), begins("WEBP", at: 8) {
      self = .webp
    } else {
      return nil
    }
  }
}

/// The pictures that a task's input names: `{"prompt":"…","images":["photo.png"]}`, paths in its workspace.
package enum TaskImages {
  /// What providers take of one picture.
  package static let maximumBytes = 5 * 1024 * 1024
  /// As many as all of them take in one request.
  package static let maximumCount = 20

  /// The paths, in order; empty where the input names none.
  package static func paths(in input: JSONValue) -> [String] {
    input["images"]?.arrayValue?.compactMap(\.stringValue) ?? []
  }

  /// Why those bytes are no picture that a model can be shown; nil: they are one.
  package static func problem(of bytes: [UInt8]) -> String? {
    if bytes.count > maximumBytes { return "a picture has at most \(maximumBytes) bytes" }
    return ImageFormat(of: bytes) == nil ? "is no picture: its bytes are neither png, jpeg, gif nor webp" : nil
  }
}
