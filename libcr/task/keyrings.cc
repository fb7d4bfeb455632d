#include "libcr/task/keyrings.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"

#include <linux/keyctl.h>
#include <sys/syscall.h>

namespace cr::task
{

// Asked so, neither is made where there is none.
KeyringQuestions::KeyringQuestions(inject::Calls &calls)
{
    auto id = [&](int which) { return calls.sys_result(SYS_keyctl, {KEYCTL_GET_KEYRING_ID, which, 0}); };
    thread = id(KEY_SPEC_THREAD_KEYRING);
    process = id(KEY_SPEC_PROCESS_KEYRING);
}

void KeyringQuestions::read(const inject::Calls &calls, ThreadFacts &facts) const
{
    facts.thread_keyring = calls.result(thread) > 0;
    facts.process_keyring = calls.result(process) > 0;
}

void meet_keyrings(const TaskFacts &facts, bool allowed)
{
    for (const ThreadFacts &thread : facts.threads) {
        if (!thread.thread_keyring && !thread.process_keyring)
            continue;
        std::string what = cat("thread ", thread.tid, " has a keyring of its ",
                               thread.thread_keyring ? "own" : "process", " (keyctl(2))");
        if (!allowed)
            refused(cat(what, ", which cannot be brought back"),
                    "give --allow-loss keyrings if the program can do without its keys");
        log::warning("pid ", facts.pid, ": ", what, ", which is lost");
    }
}

} // namespace cr::task
