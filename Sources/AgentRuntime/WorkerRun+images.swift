import AgentCore

/// A picture that goes with the prompt, with the path that the task names it by.
struct TaskImage: Sendable {
  var path: String
  var image: ChatImage

  /// `{"path","media_type","digest"}`: how it stands in a model call's input.
  var json: JSONValue {
    ["path": .string(path), "media_type": .string(image.mediaType), "digest": .string(image.digest)]
  }
}

/// The pictures of a task: read from its workspace at the first model call, and from the copies kept then ever after,
/// for the agent may change the files.
extension WorkerRun {
  /// They are in `images` when this returns nil; else why they cannot be.
  mutating func loadImages() async -> Failure? {
    guard images == nil else { return nil }
    let paths = TaskImages.paths(in: worker.task.input)
    let earlier = progress.history.current.first { $0.kind == .modelCall }?.input["images"]?.arrayValue
    do throws(Failure) {
      var loaded: [TaskImage] = []
      if let earlier {
        for image in earlier { loaded.append(try await copy(of: image)) }
      } else {
        for path in paths { loaded.append(try await read(path)) }
      }
      images = loaded
      return nil
    } catch {
      return error
    }
  }

  private func read(_ path: String) async throws(Failure) -> TaskImage {
    let task = worker.task
    let bytes = try await parts.workspaces.read(path, in: task.folder ?? parts.workspaces.path(for: task.id))
    guard let format = ImageFormat(of: bytes), TaskImages.problem(of: bytes) == nil else {
      throw Failure(code: "image_invalid", detail: "\(path): \(TaskImages.problem(of: bytes) ?? "is no picture")")
    }
    let digest = parts.digester.digest(bytes)
    try await parts.workspaces.keepImage(bytes, digest: digest, of: task.id)
    return TaskImage(path: path, image: ChatImage(mediaType: format.rawValue, digest: digest, bytes: bytes))
  }

  private func copy(of image: JSONValue) async throws(Failure) -> TaskImage {
    guard let path = image["path"]?.stringValue, let digest = image["digest"]?.stringValue,
      let mediaType = image["media_type"]?.stringValue
    else { throw Failure(code: "image_invalid", detail: "a picture's place in the journal cannot be read") }
    let bytes = try await parts.workspaces.image(digest, of: worker.task.id)
    guard parts.digester.digest(bytes) == digest else {
      throw Failure(code: "image_invalid", detail: "\(path): the copy that was kept of it has changed")
    }
    return TaskImage(path: path, image: ChatImage(mediaType: mediaType, digest: digest, bytes: bytes))
  }
}
