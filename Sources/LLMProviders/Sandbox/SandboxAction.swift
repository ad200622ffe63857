/// What the sandbox can do with files, in the order in which an answer shows it.
enum SandboxAction: Int, Sendable, Hashable, CaseIterable, Comparable {
  case list, count, outline, summarise, compare, table, search, answer, read, report
  case create, append, replace, fixTitle

  static func < (left: SandboxAction, right: SandboxAction) -> Bool { left.rawValue < right.rawValue }

  /// Its result is text that can be shown or written to a file.
  var isProducing: Bool {
    switch self {
    case .create, .append, .replace, .fixTitle: false
    default: true
    }
  }

  /// It cannot be done without the texts of files.
  var needsTexts: Bool {
    switch self {
    case .list, .search, .create: false
    default: true
    }
  }
}

/// The words by which actions are asked for.
enum ActionWords {
  static let english: [String: SandboxAction] = {
    var words: [String: SandboxAction] = [:]
    func add(_ action: SandboxAction, _ text: String) {
      for word in text.split(separator: " ") { words[String(word)] = action }
    }
    add(.list, "list lists listing ls enumerate")
    add(.read, "read show print cat display open copy view")
    add(.search, "search find grep locate occurrences occurrence lookup")
    add(.count, "count counts counting wc statistics stats")
    add(.outline, "outline outlines headings structure toc sections")
    add(
      .summarise,
      "summarise summarize summary summaries summarising summarizing abstract tldr overview gist digest describe explain condense"
    )
    add(.table, "table tabulate tabular")
    add(.compare, "compare comparison diff difference differences versus vs differ")
    add(.replace, "replace substitute")
    add(.append, "append")
    return words
  }()

  static let chinese: [(SandboxAction, [String])] = [
    (.list, ["列出", "列举", "有哪些文件", "哪些文件", "文件列表"]),
    (.read, ["读取", "阅读", "读", "显示", "打开", "查看", "看看", "看一下", "复制"]),
    (.search, ["搜索", "查找", "寻找", "找出", "查询", "检索", "搜一下", "包含"]),
    (.count, ["统计", "多少", "几行", "字数", "行数", "词数", "计数"]),
    (.outline, ["大纲", "提纲", "章节", "标题"]),
    (.summarise, ["摘要", "总结", "概括", "概述", "归纳", "要点", "简述", "主要内容", "讲了什么", "说了什么", "介绍"]),
    (.table, ["表格", "制表", "列表显示"]),
    (.compare, ["比较", "对比", "差异", "区别", "不同之处"]),
    (.replace, ["替换", "改为", "改成", "换成"]),
    (.append, ["追加"]),
    (.create, ["创建", "新建"]),
  ]

  /// Things that people ask of a language model and that cannot be done by extraction.
  static let beyondEnglish: Set<String> = [
    "translate", "translation", "delete", "remove", "move", "refactor", "implement", "rewrite", "paraphrase", "poem",
    "invent", "execute", "run", "download", "email", "deploy", "debug",
  ]
  static let beyondChinese = ["翻译", "删除", "移动", "重构", "实现", "改写", "润色", "写诗", "执行", "运行", "下载", "发送", "部署", "调试"]

  static let making: Set<String> = [
    "write", "create", "make", "produce", "prepare", "generate", "draft", "give", "compile", "build", "save", "compose",
  ]
  static let storing: Set<String> = [
    "write", "save", "store", "put", "output", "export", "record", "append", "dump", "create", "make", "add",
    "generate",
    "copy", "place", "produce", "draft",
  ]
  static let storingHan = [
    "写入", "写到", "写进", "写在", "保存到", "保存为", "保存在", "保存至", "存到", "存为", "存入", "输出到", "导出到", "另存为", "记录到",
    "放到", "放入", "生成", "创建", "新建", "创建文件", "新建文件", "追加到", "添加到", "复制到", "到文件", "为文件", "存成", "存至",
  ]
  static let interrogatives: Set<String> = [
    "what", "how", "why", "when", "who", "which", "where", "does", "do", "is", "are", "can", "should", "must",
  ]
  static let interrogativesHan = ["什么", "怎么", "怎样", "如何", "为什么", "为何", "哪里", "哪个", "谁", "吗", "是否", "何时", "多久"]
}
