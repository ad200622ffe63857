/// The version that this build calls itself.
enum ProductVersion {
  /// Semantic versioning 2.0.0.
  static let current = "0.1.0"
}
