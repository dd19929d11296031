/* SPDX-License-Identifier: Apache-2.0
 * Copyright the rtslib authors
 *
 * The floor in C: makes the calls that a script lists, and tells what they cost.
 *
 * usage: player SCRIPT     a letter, its path and perhaps a text, each ended by a zero byte
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char room[1 << 16];

static long with_file(const char *path, int flags, const char *text)
{
	int fd = open(path, flags);
	long found = fd;

	if (fd < 0)
		return -1;
	if (text)
		found = write(fd, text, strlen(text));
	else if (flags & O_DIRECTORY)
		while ((found = syscall(SYS_getdents64, fd, room, sizeof(room))) > 0)
			;
	else
		found = read(fd, room, 4096);
	close(fd);
	return found;
}

static long play(char letter, const char *path, const char *text)
{
	switch (letter) {
	case 'm': return mkdir(path, 0777);
	case 'd': return rmdir(path);
	case 's': return symlink(text, path);
	case 'u': return unlink(path);
	case 'k': return readlink(path, room, sizeof(room));
	case 'w': return with_file(path, O_WRONLY, text);
	case 'r': return with_file(path, O_RDONLY, NULL);
	case 'l': return with_file(path, O_RDONLY | O_DIRECTORY, NULL);
	}
	errno = EINVAL;
	return -1;
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int count, char **words)
{
	struct rusage usage;
	struct stat size;
	int fd = count > 1 ? open(words[1], O_RDONLY) : -1;
	double cpu, wall;
	char *at, *end;

	if (fd < 0 || fstat(fd, &size) < 0)
		return 2;
	at = mmap(NULL, size.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (at == MAP_FAILED)
		return 2;
	end = at + size.st_size;
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	while (at < end) {
		char letter = *at;
		const char *path = at + 1, *text = path + strlen(path) + 1;

		at = (char *)text + strlen(text) + 1;
		if (play(letter, path, text) < 0) {
			fprintf(stderr, "player: %c %s %s: %s\n", letter, path, text, strerror(errno));
			return 1;
		}
	}
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"cpu\": %.9f, \"wall\": %.9f, \"peak\": %ld}\n", cpu, wall, usage.ru_maxrss);
	return 0;
}
