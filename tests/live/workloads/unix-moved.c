// without: files.usk.name, files.usk.state
// Unix sockets whose file was renamed or linked to another name after bind(2), as supervisord does. Clients find
// them by the name that they have now, and one that came before is still connected.
#include "workload.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *directory, const char *name)
{
    struct sockaddr_un out = {.sun_family = AF_UNIX};
    int length = snprintf(out.sun_path, sizeof out.sun_path, "%s%s", directory, name);
    if (length >= (int)sizeof out.sun_path)
        skip("the directory has too long a name\n");
    return out;
}

static int bound(int type, struct sockaddr_un at)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    check(bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    return fd;
}

static int connected(int type, const char *name)
{
    struct sockaddr_un at = address("", name);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    check(connect(fd, (struct sockaddr *)&at, sizeof at) == 0, "connect");
    return fd;
}

static void check_talk(int from, int to, const char *what)
{
    char byte = 0;
    check(write(from, "x", 1) == 1 && read(to, &byte, 1) == 1 && byte == 'x', what);
}

int main(void)
{
    char directory[200];
    check(getcwd(directory, sizeof directory - 1) != NULL, "getcwd");
    strcat(directory, "/");
    int renamed = bound(SOCK_STREAM, address("", "renamed.new"));
    int linked = bound(SOCK_STREAM, address(directory, "linked.new"));
    int datagrams = bound(SOCK_DGRAM, address(directory, "datagrams.new"));
    check(listen(renamed, 5) == 0 && listen(linked, 5) == 0, "listen");
    check(rename("renamed.new", "renamed") == 0 && rename("datagrams.new", "datagrams") == 0, "rename");
    check(link("linked.new", "linked") == 0 && unlink("linked.new") == 0, "link");
    int client = connected(SOCK_STREAM, "renamed"), served = accept(renamed, NULL, NULL);
    int sender = connected(SOCK_DGRAM, "datagrams");
    ready();
    wait_for_go();
    check_talk(client, served, "the connection of before");
    check_talk(sender, datagrams, "the sender of before");
    client = connected(SOCK_STREAM, "renamed");
    check_talk(client, accept(renamed, NULL, NULL), "a connection to the renamed one");
    client = connected(SOCK_STREAM, "linked");
    check_talk(client, accept(linked, NULL, NULL), "a connection to the linked one");
    check_talk(connected(SOCK_DGRAM, "datagrams"), datagrams, "a datagram to the renamed one");
    return 0;
}
