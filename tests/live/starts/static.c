// build: -static
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *words[] = {"one", "two", "three", "four", "five", "six", "seven"};
static char zeros[1 << 16];
static int numbers[4096] = {1, 2, 3};

static void *count(void *argument) {
    long sum = 0;
    for (int i = 0; i < 300000; ++i)
        sum = sum * 31 + numbers[i % 4096] + i;
    *(long *)argument = sum;
    return NULL;
}

int main(void) {
    long sum = 0;
    for (int i = 0; i < 700; ++i) {
        char *text = malloc(100 + i);
        snprintf(text, 100, "%s %d", words[i % 7], zeros[i] + i);
        sum = sum * 31 + (long)strlen(text) + text[0];
        if (i % 3)
            free(text);
    }
    pthread_t thread;
    long counted = 0;
    pthread_create(&thread, NULL, count, &counted);
    pthread_join(thread, NULL);
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit((int)(sum & 63));
    waitpid(child, &status, 0);
    printf("%lx %lx %d\n", sum, counted, WEXITSTATUS(status));
    return 0;
}
