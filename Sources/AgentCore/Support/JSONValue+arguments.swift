extension JSONValue {
  /// What is wrong with these arguments of a tool call, which are no object: a sentence for the model that wrote them. A
  /// string is the text that came in place of an object.
  package var faultAsArguments: String {
    guard let text = stringValue else { return "the arguments are not a JSON object but a JSON \(typeName)" }
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try JSONValue(arguments: text)
    } catch {
      if error.code == .tooDeep { return "the arguments are \(error.detail)" }
      if error.code == .tooMany { return "the arguments hold \(error.detail)" }
      return "the arguments are not valid JSON: they must be a JSON object"
    }
    return "the arguments are not a JSON object but a JSON \(value.objectValue == nil ? value.typeName : typeName)"
  }
}
