import CCurl
import Glibc
import Synchronization

/// One thread with one multi handle: its own connections, its own names.
final class CurlMultiLoop: Sendable {
  let mailbox: CurlMailbox
  private let thread: Mutex<pthread_t?>

  /// What the new thread is handed.
  private final class Launch: Sendable {
    let multi: MultiHandle
    let mailbox: CurlMailbox
    let clock: ContinuousClock
    init(_ multi: MultiHandle, _ mailbox: CurlMailbox, _ clock: ContinuousClock) {
      (self.multi, self.mailbox, self.clock) = (multi, mailbox, clock)
    }
  }

  /// Throws `unreachable` when the machine has no memory or no thread left.
  init(clock: ContinuousClock, maximumTransfers: Int) throws(TransportError) {
    // Counted and thread-safe since libcurl 7.84; never undone, since a resolver's thread may outlive its transfer.
    guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let pointer = curl_multi_init() else {
      throw TransportError(.unreachable, "libcurl cannot start")
    }
    let multi = MultiHandle(pointer: pointer)
    mailbox = CurlMailbox(multi: multi, maximumTransfers: maximumTransfers)
    let launch = Unmanaged.passRetained(Launch(multi, mailbox, clock))
    var started = pthread_t()
    let code = pthread_create(
      &started, nil,
      { argument in
        guard let argument else { return nil }
        let launch = Unmanaged<Launch>.fromOpaque(argument).takeRetainedValue()
        // Signals are for the program's other threads; a SIGPIPE of a closed TLS connection must end nothing.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        CurlEngine(launch.multi, launch.mailbox, launch.clock).run()
        return nil
      }, launch.toOpaque())
    guard code == 0 else {
      launch.release()
      curl_multi_cleanup(pointer)
      throw TransportError(.unreachable, "no thread for the transport (errno \(code))")
    }
    thread = Mutex(started)
  }

  /// Ends every transfer and waits for the thread, some milliseconds. May be called more than once.
  func shutdown() {
    mailbox.close()
    let joinable = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let joinable { pthread_join(joinable, nil) }
  }

  deinit { shutdown() }
}
