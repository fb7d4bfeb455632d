// What libnl would look up names of hosts and protocols by, which ours never asks it to. With those of the C library each
// static tool would carry a resolver that loads libraries, and its linker warn of that.
#include <netdb.h>

extern "C" {

int getaddrinfo(const char *, const char *, const addrinfo *, addrinfo **) { return EAI_FAIL; }

int getnameinfo(const sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int) { return EAI_FAIL; }

protoent *getprotobyname(const char *) { return nullptr; }

protoent *getprotobynumber(int) { return nullptr; }
}
