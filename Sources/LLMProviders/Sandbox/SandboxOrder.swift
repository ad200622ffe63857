import AgentCore

/// What a prompt asks for, as far as the sandbox can tell.
struct SandboxOrder: Sendable, Hashable {
  struct Replacement: Sendable, Hashable {
    var old: String
    var new: String
  }

  var language = PromptLanguage.english
  /// Empty when nothing was understood.
  var actions: Set<SandboxAction> = []
  /// Files and folders to work on, as the prompt writes them, in order, each once.
  var sources: [String] = []
  /// What to search for.
  var needles: [String] = []
  var replacement: Replacement?
  /// The file to write.
  var target: String?
  /// The text to write, where the prompt gives it.
  var content: String?
  /// The result goes behind what stands in the target already.
  var isAppending = false
  var newTitle: String?
  /// How many sentences a summary should have.
  var sentenceLimit: Int?
  /// Terms that the prompt is about.
  var focus: Set<String> = []
  /// Words that may be the name of a file or folder.
  var names: Set<String> = []
  /// What was asked and is beyond extraction.
  var beyond: [String] = []
  /// A text that stands in the prompt itself, to be worked on.
  var pasted: String?
  var isRecursive = false

  var needsTexts: Bool { pasted == nil && actions.contains(where: \.needsTexts) }

  /// Results that are shown or written.
  var producing: [SandboxAction] { actions.filter(\.isProducing).sorted() }
}
