// What the tools and the program that has plugins loaded (plugin/host.cc) say to each other, over a SOCK_SEQPACKET
// socket. One question at a time; its answer is any number of Log and Now, and one Done, all with the question's number:
// who asked before may have died without waiting for its answer.
#pragma once

#include <cstdint>

namespace cr::plugin
{

enum class Hook : uint32_t {
    DumpUnixSocket,
    RestoreUnixSocket,
    DumpFile,
    RestoreFile,
    DumpMount,
    RestoreMount,
    DumpLink,
    HandleDeviceArea,
    UpdateArea,
    ResumeDevices,
    PauseDevices,
    CheckpointDevices,
    PostForking,
    RestoreInit,
    DumpDevicesLate,
    Count
};

enum class What : uint32_t {
    // questions
    Load, // stage; text: the directory; a: whether all in it must be loaded; b: seconds for one hook; fd: of the images
    Need, // text: a plugin that the images need; before Load
    Run,  // hook, a, b, u, text; fd
    Left, // text of the answer: a plugin that is needed and has not said that it is there; empty: none
    Add,  // text of the answer: the next plugin without which the images cannot be restored; empty: no more
    End,  // a: what became of it all
    // answers
    Log,  // a: level; text
    Now,  // text: the plugin that is run
    Done, // a: the result; b, u, fd: what else the hook gave; hooks of Load: which there are
};

struct Message {
    uint64_t number; // of the question
    What what;
    Hook hook;
    uint32_t stage;
    int32_t a, b;
    uint32_t hooks; // bits by Hook
    uint64_t u[2];
    char text[3800];
};

} // namespace cr::plugin
