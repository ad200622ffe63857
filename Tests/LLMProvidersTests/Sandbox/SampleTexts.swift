/// Texts in the manner of this project's documentation.
enum SampleTexts {
  static let backup = """
    # Backup and restore

    A backup is one file. It holds the database, the committed part of its log and the workspaces of all tasks. The
    backup is taken while the service runs; no writer waits for it.

    ## How to take a backup

    Run the backup command on the machine itself. The backup is encrypted with a key that only the master key opens.
    Nobody reads a backup without that key, e.g. after the disk was lost.

    ```sh
    agent-system backup nightly.bak  # This sentence stands in a fence. It is no prose.
    ```

    ## How to restore

    - Stop nothing: restore stages the backup beside the live data.
    - The data that it replaces is kept aside until you discard it.

    Restore verifies every chunk before it renames a single folder. A restore that was killed halfway is finished or
    undone at the next start!
    """

  static let queue = """
    # The queue

    Tasks wait in a queue until a worker claims them. A worker claims the oldest task of the highest priority. Priorities
    rise by one level a minute, so that no task starves.

    ## Claims

    A claim carries an epoch and a number. Every write of a worker names its claim. A worker whose claim is old writes
    nothing, however late it wakes.

    ## Limits

    The queue holds five million tasks. TODO: say what happens to the next one.
    """

  static let chinese = """
    # 备份手册

    备份是一个加密的文件。备份包含数据库、日志和所有任务的工作目录。备份期间服务不会停止，写入也不会等待。

    ## 恢复

    恢复之前会检查备份的每一个数据块。被替换的数据会保留在旁边，直到操作员确认删除！恢复中断以后，下次启动会继续完成恢复。

    ## 密钥

    没有主密钥，任何人都不能打开备份。请把恢复码保存在另一个地方。主密钥丢失以后，备份就没有用处了。
    """

  static let source = """
    import Glibc

    /// Counts tokens in a bucket that refills evenly.
    struct TokenBucket {
      /// How many tokens there are at this moment.
      var level = 0

      // Takes one token if there is one, and says whether it did.
      mutating func take() -> Bool {
        guard level > 0 else { return false }
        level -= 1
        return true
      }
    }
    """

  static let project: [String: String] = [
    "README.md": "# Agent notes\n\nThese notes say how an agent is run. Start with the docs folder.\n",
    "docs/backup.md": backup, "docs/queue.md": queue, "docs/备份.md": chinese, "src/TokenBucket.swift": source,
    "data/numbers.csv": "name,value\nalpha,1\nbeta,2\n",
  ]
}
