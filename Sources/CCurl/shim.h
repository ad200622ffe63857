#ifndef AGENT_CCURL_SHIM_H
#define AGENT_CCURL_SHIM_H

// libcurl's option and query calls are variadic, which Swift cannot call. Each inline below fixes one argument type, so
// that a wrong type is an error of the compiler and not a wrong read at run time.

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static inline CURLcode agent_curl_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode agent_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}

// The text is copied by libcurl.
static inline CURLcode agent_curl_set_string(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}

// The bytes are copied by libcurl; `size` goes first, since the copy is made by it.
static inline CURLcode agent_curl_set_body(CURL *easy, const void *bytes, curl_off_t size) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, size);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, (const char *)bytes);
}

// The list is not copied: it lives as long as the handle.
static inline CURLcode agent_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *list) {
  return curl_easy_setopt(easy, option, list);
}

// `buffer` has CURL_ERROR_SIZE bytes and lives as long as the handle.
static inline CURLcode agent_curl_set_error_buffer(CURL *easy, char *buffer) {
  return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, buffer);
}

static inline CURLcode agent_curl_set_write(CURL *easy, curl_write_callback function, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, function);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
}

static inline CURLcode agent_curl_set_header(CURL *easy, curl_write_callback function, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, function);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
}

static inline CURLcode agent_curl_set_open_socket(CURL *easy, curl_opensocket_callback function, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, function);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
}

static inline CURLcode agent_curl_set_prerequest(CURL *easy, curl_prereq_callback function, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, function);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(easy, CURLOPT_PREREQDATA, context);
}

// The status of the proxy's last answer to CONNECT; 0 if there was none.
static inline long agent_curl_connect_code(CURL *easy) {
  long code = 0;
  return curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &code) == CURLE_OK ? code : 0;
}

static inline CURLMcode agent_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}

// Takes the next finished transfer off the multi handle's list; false when there is none.
static inline bool agent_curl_multi_next_finished(CURLM *multi, CURL **easy, CURLcode *code) {
  int left = 0;
  for (CURLMsg *message = curl_multi_info_read(multi, &left); message; message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    *easy = message->easy_handle;
    *code = message->data.result;
    return true;
  }
  return false;
}

// Writes the address (4 or 16 bytes, network order) and the port (host order); returns the family, 0 if it is neither.
static inline int agent_socket_address(const struct sockaddr *address, unsigned char bytes[16], unsigned short *port) {
  if (address->sa_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    memcpy(bytes, &v4.sin_addr, 4);
    *port = ntohs(v4.sin_port);
    return 4;
  }
  if (address->sa_family == AF_INET6) {
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    memcpy(bytes, &v6.sin6_addr, 16);
    *port = ntohs(v6.sin6_port);
    return 6;
  }
  return 0;
}

static inline const struct sockaddr *agent_curl_peer(const struct curl_sockaddr *peer) { return &peer->addr; }

static inline bool agent_curl_peer_is_unix(const struct curl_sockaddr *peer) { return peer->family == AF_UNIX; }

// The socket that libcurl would have made, closed in programs that we start.
static inline curl_socket_t agent_curl_open_socket(const struct curl_sockaddr *peer) {
  return socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

#endif
