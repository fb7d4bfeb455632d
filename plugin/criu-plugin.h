/* What a plugin of a checkpoint is built against: a shared object that knows a kind of object that the tools do not
 * know. Names, numbers and calls are those of CRIU's interface for plugins (version 0.2.0), so that one source serves
 * both. It is loaded at the begin of a dump, a pre-dump or a restore from the directory of --libdir.
 *
 * A hook returns 0 (or a descriptor, where it says so), -ENOTSUP for what is not its own, so that the next plugin is
 * asked, or another negative number, which ends the dump or the restore.
 */
#ifndef __CRIU_PLUGIN_H__
#define __CRIU_PLUGIN_H__

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define CRIU_PLUGIN_GEN_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define CRIU_PLUGIN_VERSION_MAJOR 0
#define CRIU_PLUGIN_VERSION_MINOR 2
#define CRIU_PLUGIN_VERSION_SUBLEVEL 0
#define CRIU_PLUGIN_VERSION_OLD CRIU_PLUGIN_GEN_VERSION(0, 1, 0)
#define CRIU_PLUGIN_VERSION                                                                                            \
    CRIU_PLUGIN_GEN_VERSION(CRIU_PLUGIN_VERSION_MAJOR, CRIU_PLUGIN_VERSION_MINOR, CRIU_PLUGIN_VERSION_SUBLEVEL)

/* With the types of the functions. */
enum {
    CR_PLUGIN_HOOK__DUMP_UNIX_SK = 0,        /* int (int fd, int id) */
    CR_PLUGIN_HOOK__RESTORE_UNIX_SK = 1,     /* int (int id): a descriptor */
    CR_PLUGIN_HOOK__DUMP_EXT_FILE = 2,       /* int (int fd, int id) */
    CR_PLUGIN_HOOK__RESTORE_EXT_FILE = 3,    /* int (int id, bool *retry_needed): a descriptor */
    CR_PLUGIN_HOOK__DUMP_EXT_MOUNT = 4,      /* int (char *mountpoint, int id) */
    CR_PLUGIN_HOOK__RESTORE_EXT_MOUNT = 5,   /* int (int id, char *mountpoint, char *old_root, int *is_file) */
    CR_PLUGIN_HOOK__DUMP_EXT_LINK = 6,       /* int (int index, int type, char *kind) */
    CR_PLUGIN_HOOK__HANDLE_DEVICE_VMA = 7,   /* int (int fd, const struct stat *) */
    CR_PLUGIN_HOOK__UPDATE_VMA_MAP = 8,      /* int (const char *path, const uint64_t addr, const uint64_t old_pgoff,
                                                     uint64_t *new_pgoff, int *plugin_fd): 1 when it is its own */
    CR_PLUGIN_HOOK__RESUME_DEVICES_LATE = 9, /* int (int pid) */
    CR_PLUGIN_HOOK__PAUSE_DEVICES = 10,      /* int (int pid) */
    CR_PLUGIN_HOOK__CHECKPOINT_DEVICES = 11, /* int (int pid) */
    CR_PLUGIN_HOOK__POST_FORKING = 12,       /* int (void) */
    CR_PLUGIN_HOOK__RESTORE_INIT = 13,       /* int (void) */
    CR_PLUGIN_HOOK__DUMP_DEVICES_LATE = 14,  /* int (int id) */
    CR_PLUGIN_HOOK__MAX
};

enum { CR_PLUGIN_STAGE__DUMP, CR_PLUGIN_STAGE__PRE_DUMP, CR_PLUGIN_STAGE__RESTORE, CR_PLUGIN_STAGE_MAX };

#define DECLARE_PLUGIN_HOOK_ARGS(hook, ...) typedef int(hook##_t)(__VA_ARGS__)

#ifdef __cplusplus
extern "C" {
#endif

DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__DUMP_UNIX_SK, int fd, int id);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__RESTORE_UNIX_SK, int id);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__DUMP_EXT_FILE, int fd, int id);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__RESTORE_EXT_FILE, int id, bool *retry_needed);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__DUMP_EXT_MOUNT, char *mountpoint, int id);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__RESTORE_EXT_MOUNT, int id, char *mountpoint, char *old_root, int *is_file);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__DUMP_EXT_LINK, int index, int type, char *kind);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__HANDLE_DEVICE_VMA, int fd, const struct stat *stat);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__UPDATE_VMA_MAP, const char *path, const uint64_t addr,
                         const uint64_t old_pgoff, uint64_t *new_pgoff, int *plugin_fd);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__RESUME_DEVICES_LATE, int pid);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__PAUSE_DEVICES, int pid);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__CHECKPOINT_DEVICES, int pid);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__POST_FORKING, void);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__RESTORE_INIT, void);
DECLARE_PLUGIN_HOOK_ARGS(CR_PLUGIN_HOOK__DUMP_DEVICES_LATE, int id);

/* The one symbol that a plugin exports. */
typedef struct {
    const char *name;
    int (*init)(int stage);
    void (*exit)(int stage, int ret);
    unsigned int version;
    unsigned int max_hooks;
    void *hooks[CR_PLUGIN_HOOK__MAX];
} cr_plugin_desc_t;

extern cr_plugin_desc_t CR_PLUGIN_DESC;

static inline int cr_plugin_dummy_init(int stage)
{
    (void)stage;
    return 0;
}

static inline void cr_plugin_dummy_exit(int stage, int ret)
{
    (void)stage;
    (void)ret;
}

#define CR_PLUGIN_REGISTER(plugin_name, plugin_init, plugin_exit)                                                      \
    cr_plugin_desc_t CR_PLUGIN_DESC = {                                                                                \
        .name = plugin_name,                                                                                           \
        .init = plugin_init,                                                                                           \
        .exit = plugin_exit,                                                                                           \
        .version = CRIU_PLUGIN_VERSION,                                                                                \
        .max_hooks = CR_PLUGIN_HOOK__MAX,                                                                              \
    };

#define CR_PLUGIN_REGISTER_DUMMY(plugin_name)                                                                          \
    CR_PLUGIN_REGISTER(plugin_name, cr_plugin_dummy_init, cr_plugin_dummy_exit)

#define CR_PLUGIN_REGISTER_HOOK(hook, function)                                                                        \
    static void __attribute__((constructor)) cr_plugin_register_hook_##function(void)                                  \
    {                                                                                                                  \
        CR_PLUGIN_DESC.hooks[hook] = (void *)function;                                                                 \
    }

/* What a plugin may call. */

/* The directory of the images, a descriptor that stays open. */
extern int criu_get_image_dir(void);
/* On a dump: the images cannot be restored without the plugin of that name. */
extern int add_inventory_plugin(const char *name);
/* On a restore: 1 when they say so of this one, which has heard it herewith; else 0. `n` is the length of the name. */
extern int check_and_remove_inventory_plugin(const char *name, size_t n);
/* Into the log of the tool: 1 errors, 2 warnings, 3 information, 4 details. */
extern void print_on_level(unsigned int loglevel, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The older way, without CR_PLUGIN_DESC: functions of these names are exported, as many as the plugin has. */
typedef int(cr_plugin_init_t)(void);
typedef void(cr_plugin_fini_t)(void);
typedef int(cr_plugin_dump_unix_sk_t)(int fd, int id);
typedef int(cr_plugin_restore_unix_sk_t)(int id);
typedef int(cr_plugin_dump_file_t)(int fd, int id);
typedef int(cr_plugin_restore_file_t)(int id);
/* (also cr_plugin_dump_ext_file and cr_plugin_restore_ext_file) */
typedef int(cr_plugin_dump_ext_mount_t)(char *mountpoint, int id);
typedef int(cr_plugin_restore_ext_mount_t)(int id, char *mountpoint, char *old_root, int *is_file);
typedef int(cr_plugin_dump_ext_link_t)(int index, int type, char *kind);
typedef int(cr_plugin_handle_device_vma_t)(int fd, const struct stat *stat);
typedef int(cr_plugin_update_vma_map_t)(const char *path, const uint64_t addr, const uint64_t old_pgoff,
                                        uint64_t *new_pgoff, int *plugin_fd);
typedef int(cr_plugin_resume_devices_late_t)(int pid);

#ifdef __cplusplus
}
#endif

#endif
