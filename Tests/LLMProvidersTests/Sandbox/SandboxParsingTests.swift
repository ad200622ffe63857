import Testing

@testable import LLMProviders

@Suite("Reading tool results and texts")
struct SandboxParsingTests {
  @Test(
    "a folder's list is read as `file.list` writes it, whatever the names",
    arguments: [
      ("a.md (12 bytes)\nsub/\nlatest (link)\npipe (special)", ["a.md", "sub/", "latest"]),
      ("[the folder is empty]", []), ("", []),
      ("a (1).md (3 bytes)\nb.md (0 bytes)\n[2 more entries are not shown]", ["a (1).md", "b.md"]),
      ("file notes.txt (3 bytes)\nd x/\ndir/\nfolder a (link)", ["file notes.txt", "d x/", "dir/", "folder a"]),
      ("[id].ts (3 bytes)\n[slug]/\n(old).md (1 bytes)\n(group)/", ["[id].ts", "[slug]/", "(old).md", "(group)/"]),
      ("x (3 bytes) (5 bytes)\ny (link)/\nz (link) (2 bytes)", ["x (3 bytes)", "y (link)/", "z (link)"]),
      ("12 (1 bytes)\n- (2 bytes)\n a  3 (3 bytes)", ["12", "-", " a  3"]),
      ("a.md (7 bytes)\n[cut here: 3 more lines, 99 bytes]\n[at least 5 more entries are not shown]", ["a.md"]),
      ("what this tool never writes\na.md 12\nb (x bytes)", []),
    ])
  func listing(text: String, names: [String]) {
    let listing = FolderListing(folder: ".", text: text)
    #expect(listing.entries.map { $0.path + ($0.isFolder ? "/" : "") } == names)
    #expect(FolderListing(folder: "docs", text: "a.md (7 bytes)").entries.map(\.path) == ["docs/a.md"])
    #expect(FolderListing(folder: "docs", text: "a.md (7 bytes)").entries.map(\.bytes) == [7])
    #expect(FolderListing(folder: ".", text: "[id] (7 bytes)\n[2 more]").remarks == ["[2 more]"])
  }

  @Test(
    "found lines are read in the shapes that searches have",
    arguments: [
      ("a/b.md:12: text: more", [FoundLine(file: "a/b.md", line: 12, text: "text: more")]),
      ("a.md:3:\tx\n[stopped after 2 found lines]", [FoundLine(file: "a.md", line: 3, text: "x")]),
      (
        "a.md\n  4: x\n  9: y",
        [FoundLine(file: "a.md", line: 4, text: "x"), FoundLine(file: "a.md", line: 9, text: "y")]
      ),
      ("[no line contains it; files searched: 3]", []), ("", []), ("no matches", []),
      ("a:b.md:7: z", [FoundLine(file: "a:b.md", line: 7, text: "z")]),
    ])
  func found(text: String, lines: [FoundLine]) {
    #expect(FoundLines.parse(text) == lines)
  }

  @Test(
    "sentences end where sentences end",
    arguments: [
      (
        "One sentence here. Another one, e.g. this, follows! A third?",
        ["One sentence here.", "Another one, e.g. this, follows!"]
      ),
      ("Version 3.5 came out. Nobody noticed it.", ["Version 3.5 came out.", "Nobody noticed it."]),
      ("这是第一句话。“这是第二句话！”这是第三句。", ["这是第一句话。", "“这是第二句话！”", "这是第三句。"]),
      ("Wrapped over\ntwo lines. And one more.", ["Wrapped over\ntwo lines.", "And one more."]),
      ("- An item of a list\n- Another item\n  that goes on", ["An item of a list", "Another item\n  that goes on"]),
      ("---\ntitle: front matter\n---\n\nThe text begins here.", ["The text begins here."]),
      ("```\nCode is no sentence.\n```\nBut this one is.", ["But this one is."]),
      ("| a table | is none |\nA heading of old\n================\nText below it stands.", ["Text below it stands."]),
      ("First line ends here.\r\nSecond line follows.\r\n", ["First line ends here.", "Second line follows."]),
    ])
  func sentences(text: String, expected: [String]) {
    let sentences = SentenceSplitter.sentences(of: SandboxDocument(path: "a.md", text: text)).map { String($0.text) }
    #expect(sentences == expected)
    for sentence in sentences { #expect(ByteOccurrences.contains(sentence, in: text)) }
  }

  @Test("a cut read is known as such only where tools cut, and its remark is no text of the file")
  func cutRead() {
    let lines = String(repeating: "A line of a long file.\n", count: 6000)
    let cut = SandboxDocument(
      path: "a.txt", result: lines + "[lines 1-6000 of 9000; cut: 69000 more bytes, go on with from_line 6001]")
    #expect(cut.text == lines)
    #expect(cut.cutNote?.contains("of 9000") == true)
    let short = SandboxDocument(path: "a.txt", result: "text\n[lines 1-2 of 3]")
    #expect(short.cutNote == nil && short.text.hasSuffix("of 3]"))
  }

  @Test(
    "an edit is widened until what it replaces stands once, overlaps counted",
    arguments: ["aaa", "aa\naa\naab", "x aa y aa z"])
  func uniqueEdit(text: String) throws {
    var order = SandboxOrder()
    order.actions = [.replace]
    order.replacement = SandboxOrder.Replacement(old: "aa", new: "b")
    let document = SandboxDocument(path: "a.txt", text: text)
    let change = SandboxChange(
      order: order, documents: [document], knowledge: SandboxKnowledge([]), offered: ["file.edit"])
    let edit = try #require(change.edit(of: document))
    let places = ByteOccurrences.offsets(of: Array(edit.old.utf8), in: Array(text.utf8), overlapping: true)
    #expect(places.count == 1)
    #expect(text.replacing(edit.old, with: edit.new) == text.replacing("aa", with: "b"))
  }

  @Test("a stopped conversation says that it was stopped")
  func stopped() {
    let order = OrderReader.read("Summarise a.md", agent: "coder")
    let knowledge = SandboxKnowledge([])
    let report = SandboxReport(
      order: order, knowledge: knowledge, gathering: SandboxGathering(order: order, knowledge: knowledge, offered: []),
      offered: [])
    #expect(report.answer(maximumBytes: 4096, change: nil).contains("Stopped after 11 turns"))
  }
}
