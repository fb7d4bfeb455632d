// refused: TCP_MD5SIG
// dump-options: --tcp-established
// A listening socket with an MD5 key for its peers.
#include "workload.h"
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct tcp_md5sig key = {.tcpm_keylen = 3, .tcpm_key = "key"};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    memcpy(&key.tcpm_addr, &address, sizeof address);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    if (setsockopt(server, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof key) != 0)
        skip("this kernel signs no TCP segments (CONFIG_TCP_MD5SIG): %s\n", strerror(errno));
    check(listen(server, 1) == 0, "listen");
    ready();
    wait_for_go();
    pass();
}
