/// The small alphabets of HTTP.
package enum HTTPToken {
  /// A method or field name (RFC 9110 section 5.6.2).
  package static func isToken(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
          || "!#$%&'*+-.^_`|~".utf8.contains($0)
      }
  }

  /// Nothing but blanks and tabs, or nothing at all: such a field's value is empty once it is sent (RFC 9110 section 5.5).
  package static func isBlank(_ value: String) -> Bool { value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 } }

  /// A field value: no control character but the tab, so no line break (RFC 9110 section 5.5).
  package static func isFieldValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
  }
}
