import AgentCore

/// What a model call sends: decided anew for each try.
extension WorkerRun {
  /// The step for its next try, at the provider that serves by now. What earlier tries left out stays out, so that one
  /// of an earlier life is sent as it was then, but where the agent's limit or the provider's has become smaller. After a
  /// try that a provider refused as too long, half of it.
  /// Throws what the task fails with where there is no such provider, or the conversation cannot be brought within them.
  func modelStep(number: Int, turn: Int) throws(Failure) -> ModelStep {
    let provider = try servingProvider()
    var shape = ConversationShape(carriedFrom: progress.history)
    if let begun = progress.history[number].map({ ConversationShape(input: $0.input) }) {
      (shape.repair, shape.isHalved) = (begun.repair, begun.isHalved)
    } else if let schema {
      shape.repair = AgentLoop.repair(of: progress.history, by: schema)
    }
    var step = modelStep(number: number, turn: turn, provider: provider, shape: shape)
    let own = worker.claimed.definition.contextTokens
    let fitting: ConversationShape
    do throws(AgentLoop.ContextOverflow) {
      if progress.isTooLong, !shape.isHalved {
        shape = try half(of: step)
        step = modelStep(number: number, turn: turn, provider: provider, shape: shape)
      }
      fitting = try AgentLoop.shape(
        shape, of: step.request, history: progress.history,
        keepingTo: .within(min(own, provider.traits.contextTokens ?? own)))
    } catch {
      throw error.failure
    }
    return fitting == shape ? step : modelStep(number: number, turn: turn, provider: provider, shape: fitting)
  }

  private func servingProvider() throws(Failure) -> any ModelProvider {
    do throws(ProviderError) {
      return try parts.providers.provider(named: worker.claimed.definition.provider)
    } catch {
      throw Failure(error)
    }
  }

  private func modelStep(
    number: Int, turn: Int, provider: any ModelProvider, shape: ConversationShape
  ) -> ModelStep {
    let definition = worker.claimed.definition
    // A repair round is for words alone.
    let names = shape.repair == nil ? definition.tools : []
    let rights = parts.rights.permissions
    let tools = names.filter { ToolRights.missing(for: $0, in: rights).isEmpty }
      .compactMap { parts.tools.tool(named: $0)?.descriptor }
    let images = images ?? []
    var task = worker.task
    task.input = sealing.shownInput
    // Providers that keep to a schema call no tools: with tools it is an instruction.
    let script = AgentLoop.Script(
      task: task, definition: definition, images: images.map(\.image),
      tellsSchema: schema != nil && !definition.tools.isEmpty,
      references: definition.tools.contains(where: SealedReference.isTaken) ? sealing.paths : [],
      filter: sealing.promptFilter, origins: sealing.origins)
    var request = ModelRequest(
      model: definition.model,
      messages: AgentLoop.messages(script, history: progress.history, shape: shape), tools: tools,
      temperature: definition.temperature, maxOutputTokens: definition.maxOutputTokens, task: worker.task.id,
      agent: definition.id, turn: turn, outputSchema: tools.isEmpty ? schema?.json : nil, extraBody: definition.body)
    request.reservedTokens = Budget.reservation(for: request)
    return ModelStep(number: number, provider: provider, request: request, shape: shape, images: images)
  }

  /// Whether the step, which its provider found too long, can be sent once more with half of it.
  func canHalve(_ step: ModelStep) -> Bool {
    // `try?`: that it cannot become so short is what is asked.
    !step.shape.isHalved && (try? half(of: step)) != nil
  }

  private func half(of step: ModelStep) throws(AgentLoop.ContextOverflow) -> ConversationShape {
    var shape = try AgentLoop.shape(step.shape, of: step.request, history: progress.history, keepingTo: .half)
    shape.isHalved = true
    return shape
  }

  /// The step's input is the call's parameters and a digest of the conversation, which the earlier steps hold. It stands
  /// in the row where it is another one than its last try's.
  func modelStart(_ step: ModelStep, attempt: Int, settling: ModelUsage?) -> StepStart {
    let input = step.input(parts.digester)
    let hash = parts.digester.digest(input)
    return StepStart(
      number: step.number, kind: .modelCall, name: step.provider.id.name, effect: .pure, attempt: attempt,
      input: progress.history[step.number]?.inputHash == hash ? .none : .some(input), inputHash: hash,
      reservedTokens: step.reservation, settling: settling)
  }
}

extension AgentLoop.ContextOverflow {
  fileprivate var failure: Failure {
    Failure(
      code: "context_too_long",
      detail: "the conversation takes about \(tokens) tokens, and its model's context has \(limit), with all elided "
        + "that can be")
  }
}
