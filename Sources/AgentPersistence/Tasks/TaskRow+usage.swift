import AgentCore

/// What model calls used and had set aside.
extension TaskRow {
  /// Books what a try used in the place of its reservation; nil: it used nothing.
  mutating func settle(_ usage: ModelUsage?) {
    tokensReserved = 0
    guard let usage else { return }
    tokensUsed += usage.totalTokens
    inputTokens += usage.inputTokens
    outputTokens += usage.outputTokens
    if let cost = usage.cost { nanoUSDUsed = (nanoUSDUsed ?? 0) + cost.amount }
  }

  /// Books a call that was cut after it was sent: nobody knows what it used, so all that was set aside counts. Nil
  /// when nothing was.
  mutating func settleReservation() -> ModelUsage? {
    guard tokensReserved > 0 else { return nil }
    // How a reservation parts into input and output is not known; as input the sum stays right.
    let usage = ModelUsage(inputTokens: tokensReserved, outputTokens: 0, isEstimated: true)
    settle(usage)
    return usage
  }

  var usage: TaskUsage {
    var usage = TaskUsage()
    (usage.inputTokens, usage.outputTokens) = (inputTokens, outputTokens)
    (usage.modelCalls, usage.toolCalls) = (modelCalls, toolCalls)
    usage.cost = nanoUSDUsed.map { NanoUSD($0) }
    return usage
  }
}
