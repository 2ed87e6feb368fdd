/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libelf reads by descriptor here, never by mapping: a target that truncates
 * its file while we look must not end us with SIGBUS.
 */
#include "collector/elf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>
#include <lzma.h>

#include "common/err.h"
#include "common/limits.h"

enum {
	LOADS_MAX = 32,	   /* segments; a program has four to ten */
	SOURCES_MAX = 2,   /* files that names come from */
	BUILD_ID_MAX = 64, /* bytes; 20 is usual */
	ALIASES_MAX = 16,  /* symbols compared for one address */
	SYMBOL_MAX = 1024, /* bytes of a name that are read */
	CHUNK_BYTES = 64 * 1024,
	/* what unpacking may use: Fedora's files are made with 4 to 8 MiB */
	XZ_MEMORY_BYTES = 64 * 1024 * 1024,
};

static const uint32_t SOURCE_BIT = UINT32_C(1) << 31;

struct function {
	uint64_t start;
	uint32_t n_bytes; /* 0: unknown, reaches to the next */
	uint32_t name;	  /* offset in its source, which SOURCE_BIT tells */
};

/* A segment that can be executed: file offset -> address. */
struct load {
	uint64_t offset;
	uint64_t n_bytes;
	uint64_t address;
};

/* A file that holds names. */
struct source {
	int fd;
	uint64_t strings; /* offset of the string section */
	uint64_t n_strings;
};

struct elf_table {
	struct function *functions; /* by start */
	size_t n;
	size_t room;
	struct load loads[LOADS_MAX];
	size_t n_loads;
	struct source sources[SOURCES_MAX];
	size_t n_sources;
	uint8_t build_id[BUILD_ID_MAX];
	size_t n_build_id;
};

/* An ELF file while it is read. */
struct file {
	int fd; /* -1 once a table keeps it */
	Elf *elf;
};

static void file_close(struct file *f)
{
	if (f->elf)
		elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct file){ .fd = -1 };
}

/* Takes over fd. */
static int file_open(int fd, struct file *ret_f)
{
	struct file f = { .fd = fd };
	GElf_Ehdr header;

	if (elf_version(EV_CURRENT) != EV_NONE)
		f.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!f.elf || elf_kind(f.elf) != ELF_K_ELF ||
	    !gelf_getehdr(f.elf, &header) ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN)) {
		file_close(&f);
		return -EBADMSG;
	}
	*ret_f = f;
	return 0;
}

/* The section of that name, or of that type if name is NULL. */
static Elf_Scn *find_section(Elf *elf, const char *name, uint32_t type,
			     GElf_Shdr *ret_header)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *is;

		if (!gelf_getshdr(scn, ret_header) ||
		    (ret_header->sh_flags & SHF_COMPRESSED))
			continue;
		if (!name && ret_header->sh_type == type)
			return scn;
		is = name ? elf_strptr(elf, names, ret_header->sh_name) : NULL;
		if (is && strcmp(is, name) == 0 &&
		    ret_header->sh_type != SHT_NOBITS)
			return scn;
	}
	return NULL;
}

/* Its bytes as they are in the file, if there are at most max of them. */
static Elf_Data *section_bytes(Elf_Scn *scn, const GElf_Shdr *header,
			       uint64_t max)
{
	Elf_Data *data;

	if (header->sh_size == 0 || header->sh_size > max)
		return NULL;
	data = elf_rawdata(scn, NULL);
	return data && data->d_buf && data->d_size == header->sh_size ? data
								      : NULL;
}

static void read_loads(struct elf_table *t, Elf *elf)
{
	size_t n;
	GElf_Phdr p;

	if (elf_getphdrnum(elf, &n) < 0)
		return;
	for (size_t i = 0; i < n && i <= INT32_MAX; i++) {
		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD ||
		    !(p.p_flags & PF_X) || t->n_loads == LOADS_MAX)
			continue;
		t->loads[t->n_loads++] = (struct load){
			.offset = p.p_offset,
			.n_bytes = p.p_filesz,
			.address = p.p_vaddr,
		};
	}
}

/* The bytes of the note NT_GNU_BUILD_ID in a section of notes. */
static size_t build_id_of(Elf *elf, uint8_t *ret_id)
{
	GElf_Shdr header;
	Elf_Scn *scn = find_section(elf, ".note.gnu.build-id", 0, &header);
	Elf_Data *data;
	GElf_Nhdr note;
	size_t name_at;
	size_t id_at;

	if (!scn || header.sh_size > CHUNK_BYTES)
		return 0;
	data = elf_getdata(scn, NULL);
	if (!data || gelf_getnote(data, 0, &note, &name_at, &id_at) == 0 ||
	    note.n_type != NT_GNU_BUILD_ID || note.n_descsz > BUILD_ID_MAX ||
	    id_at > data->d_size || note.n_descsz > data->d_size - id_at)
		return 0;
	memcpy(ret_id, (const uint8_t *)data->d_buf + id_at, note.n_descsz);
	return note.n_descsz;
}

static bool is_function(const GElf_Sym *s)
{
	unsigned int type = GELF_ST_TYPE(s->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) &&
	       s->st_shndx != SHN_UNDEF && s->st_value != 0 && s->st_name != 0;
}

static int add_function(struct elf_table *t, const GElf_Sym *s, uint32_t bit)
{
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 256;
		struct function *grown;

		grown = realloc(t->functions, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		t->functions = grown;
		t->room = room;
	}
	t->functions[t->n++] = (struct function){
		.start = s->st_value,
		.n_bytes = s->st_size < UINT32_MAX ? (uint32_t)s->st_size
						   : UINT32_MAX,
		.name = s->st_name | bit,
	};
	return 0;
}

/*
 * Take the functions of f's symbol section of that type, and f's descriptor
 * with them.  Returns 0, -ENOENT if it has none, or -ENOMEM.
 */
static int add_symbols(struct elf_table *t, struct file *f, uint32_t type)
{
	GElf_Shdr header;
	GElf_Shdr strings;
	Elf_Scn *scn = find_section(f->elf, NULL, type, &header);
	uint32_t bit = t->n_sources == 0 ? 0 : SOURCE_BIT;
	Elf_Data *data = NULL;
	size_t n_before = t->n;
	GElf_Sym s;

	if (!scn || t->n_sources == SOURCES_MAX ||
	    header.sh_size > LIMIT_ELF_SYMTAB_BYTES ||
	    !gelf_getshdr(elf_getscn(f->elf, header.sh_link), &strings) ||
	    strings.sh_type != SHT_STRTAB ||
	    (strings.sh_flags & SHF_COMPRESSED))
		return -ENOENT;
	data = elf_getdata(scn, NULL);
	if (!data || header.sh_entsize == 0)
		return -ENOENT;
	for (size_t i = 1; i < data->d_size / header.sh_entsize &&
			   i <= INT32_MAX && gelf_getsym(data, (int)i, &s);
	     i++) {
		if (!is_function(&s) || s.st_name >= SOURCE_BIT)
			continue;
		if (add_function(t, &s, bit) < 0)
			return -ENOMEM;
	}
	if (t->n == n_before)
		return -ENOENT;
	t->sources[t->n_sources++] = (struct source){
		.fd = f->fd,
		.strings = strings.sh_offset,
		.n_strings = strings.sh_size,
	};
	f->fd = -1;
	return 0;
}

/* Unpack xz into fd.  False if it is damaged or too long. */
static bool unpack(const uint8_t *bytes, size_t len, int fd)
{
	static const lzma_stream fresh = LZMA_STREAM_INIT;
	lzma_stream xz = fresh;
	uint8_t *chunk = malloc(CHUNK_BYTES);
	lzma_ret rc = LZMA_OK;
	size_t total = 0;

	if (!chunk || lzma_stream_decoder(&xz, XZ_MEMORY_BYTES, 0) != LZMA_OK) {
		free(chunk);
		return false;
	}
	xz.next_in = bytes;
	xz.avail_in = len;
	while (rc == LZMA_OK) {
		size_t n;

		xz.next_out = chunk;
		xz.avail_out = CHUNK_BYTES;
		rc = lzma_code(&xz, LZMA_FINISH);
		n = CHUNK_BYTES - xz.avail_out;
		total += n;
		if (total > LIMIT_ELF_DEBUGDATA_BYTES ||
		    write(fd, chunk, n) != (ssize_t)n)
			rc = LZMA_DATA_ERROR;
	}
	lzma_end(&xz);
	free(chunk);
	return rc == LZMA_STREAM_END;
}

/* .gnu_debugdata: a small ELF file, packed, with what .dynsym leaves out. */
static int add_debugdata(struct elf_table *t, struct file *f)
{
	GElf_Shdr header;
	Elf_Scn *scn = find_section(f->elf, ".gnu_debugdata", 0, &header);
	Elf_Data *data =
		scn ? section_bytes(scn, &header, LIMIT_ELF_DEBUGDATA_BYTES)
		    : NULL;
	struct file inner = { .fd = -1 };
	int fd;
	int rc;

	if (!data)
		return -ENOENT;
	fd = memfd_create("debugdata", MFD_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	if (!unpack(data->d_buf, data->d_size, fd)) {
		close(fd);
		return -ENOENT;
	}
	if (file_open(fd, &inner) < 0)
		return -ENOENT;
	rc = add_symbols(t, &inner, SHT_SYMTAB);
	file_close(&inner);
	return rc;
}

/* Take the symbols of a debug file that is this file's by its build-id. */
static int add_debug_file(struct elf_table *t, int fd)
{
	struct file f;
	uint8_t id[BUILD_ID_MAX];
	int rc;

	if (fd < 0 || file_open(fd, &f) < 0)
		return -ENOENT;
	if (t->n_build_id > 0 && (build_id_of(f.elf, id) != t->n_build_id ||
				  memcmp(id, t->build_id, t->n_build_id) != 0))
		rc = -ENOENT;
	else
		rc = add_symbols(t, &f, SHT_SYMTAB);
	file_close(&f);
	return rc;
}

static int add_by_build_id(struct elf_table *t, elf_open_fn *open, void *arg)
{
	char path[64 + 2 * BUILD_ID_MAX];
	int at;

	if (t->n_build_id < 2)
		return -ENOENT;
	at = snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/",
		      t->build_id[0]);
	for (size_t i = 1; i < t->n_build_id; i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x",
			       t->build_id[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".debug");
	return add_debug_file(t, open(arg, path));
}

static bool checksum_holds(int fd, uint32_t want)
{
	uint8_t *chunk = malloc(CHUNK_BYTES);
	uint32_t sum = 0;
	off_t at = 0;
	ssize_t n = -1;

	while (chunk && (n = pread(fd, chunk, CHUNK_BYTES, at)) > 0) {
		sum = lzma_crc32(chunk, (size_t)n, sum);
		at += n;
	}
	free(chunk);
	return n == 0 && sum == want;
}

/* .gnu_debuglink: a file name, padded to four bytes, and a CRC-32. */
static int add_by_debuglink(struct elf_table *t, struct file *f,
			    const char *path, elf_open_fn *open, void *arg)
{
	static const char *const places[] = { "%.*s/%s", "%.*s/.debug/%s",
					      "/usr/lib/debug%.*s/%s" };
	GElf_Shdr header;
	Elf_Scn *scn = find_section(f->elf, ".gnu_debuglink", 0, &header);
	Elf_Data *data = scn ? section_bytes(scn, &header, 4096) : NULL;
	const char *slash = strrchr(path, '/');
	const char *name;
	size_t len;
	uint32_t sum;

	if (!data || !slash || data->d_size < 8)
		return -ENOENT;
	name = data->d_buf;
	len = strnlen(name, data->d_size - 4);
	if (len == 0 || len == data->d_size - 4 || memchr(name, '/', len))
		return -ENOENT;
	memcpy(&sum, name + data->d_size - 4, sizeof(sum));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char full[4096 + 300];
		int fd;

		snprintf(full, sizeof(full), places[i], (int)(slash - path),
			 path, name);
		fd = open(arg, full);
		if (fd < 0)
			continue;
		if (checksum_holds(fd, sum) && add_debug_file(t, fd) == 0)
			return 0;
	}
	return -ENOENT;
}

static int by_start(const void *a, const void *b)
{
	const struct function *x = a;
	const struct function *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Any source but .dynsym; it is all that a stripped file needs to add. */
static int add_best(struct elf_table *t, struct file *f, const char *path,
		    elf_open_fn *open, void *arg)
{
	int rc = add_symbols(t, f, SHT_SYMTAB);

	if (rc != -ENOENT)
		return rc;
	rc = add_debugdata(t, f);
	if (rc == 0) {
		rc = add_symbols(t, f, SHT_DYNSYM);
		return rc == -ENOENT ? 0 : rc;
	}
	if (rc == -ENOENT && open)
		rc = add_by_build_id(t, open, arg);
	if (rc == -ENOENT && open)
		rc = add_by_debuglink(t, f, path, open, arg);
	if (rc == -ENOENT)
		rc = add_symbols(t, f, SHT_DYNSYM);
	return rc == -ENOENT ? 0 : rc;
}

int elf_table_new(int fd, const char *path, elf_open_fn *open, void *arg,
		  struct elf_table **ret_t, struct err *err)
{
	struct elf_table *t = NULL;
	struct file f = { .fd = -1 };
	int rc;

	rc = file_open(fd, &f);
	if (rc < 0)
		return err_set(err, rc, "%s: no ELF program or library", path);
	t = calloc(1, sizeof(*t));
	if (!t) {
		rc = -ENOMEM;
		goto out;
	}
	read_loads(t, f.elf);
	t->n_build_id = build_id_of(f.elf, t->build_id);
	rc = add_best(t, &f, path, open, arg);
	if (rc < 0)
		goto out;
	if (t->n > 0)
		qsort(t->functions, t->n, sizeof(*t->functions), by_start);
	*ret_t = t;
	t = NULL;
out:
	if (rc == -ENOMEM)
		err_set(err, rc, "%s: no memory for its symbols", path);
	file_close(&f);
	elf_table_free(t);
	return rc;
}

void elf_table_free(struct elf_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_sources; i++)
		close(t->sources[i].fd);
	free(t->functions);
	free(t);
}

size_t elf_table_bytes(const struct elf_table *t)
{
	return sizeof(*t) + t->room * sizeof(*t->functions);
}

size_t elf_table_n(const struct elf_table *t)
{
	return t->n;
}

const uint8_t *elf_table_build_id(const struct elf_table *t, size_t *ret_len)
{
	*ret_len = t->n_build_id;
	return t->n_build_id > 0 ? t->build_id : NULL;
}

/* Read a name; false if it does not lie in its section. */
static bool read_name(const struct elf_table *t, const struct function *fn,
		      char *ret_name, size_t room)
{
	const struct source *s = &t->sources[fn->name & SOURCE_BIT ? 1 : 0];
	uint64_t at = fn->name & ~SOURCE_BIT;
	uint64_t left;
	ssize_t n;

	if (at >= s->n_strings)
		return false;
	left = s->n_strings - at;
	if (left > room - 1)
		left = room - 1;
	n = pread(s->fd, ret_name, left, (off_t)(s->strings + at));
	if (n <= 0)
		return false;
	ret_name[n] = '\0';
	return ret_name[0] != '\0';
}

static bool is_better(const char *a, const char *b)
{
	size_t a_low = strspn(a, "_");
	size_t b_low = strspn(b, "_");
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);

	if (a_low != b_low)
		return a_low < b_low;
	return a_len != b_len ? a_len < b_len : strcmp(a, b) < 0;
}

/* How many functions start at or before address. */
static size_t n_before(const struct elf_table *t, uint64_t address)
{
	size_t lo = 0;
	size_t hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->functions[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int elf_table_find(const struct elf_table *t, uint64_t offset, char *ret_name,
		   size_t room)
{
	char best[SYMBOL_MAX] = "";
	char name[SYMBOL_MAX];
	const struct load *l = t->loads;
	uint64_t address;
	uint64_t start;
	size_t at;

	while (l < t->loads + t->n_loads &&
	       (offset < l->offset || offset - l->offset >= l->n_bytes))
		l++;
	if (l == t->loads + t->n_loads)
		return -ENOENT;
	address = offset - l->offset + l->address;
	at = n_before(t, address);
	if (at == 0)
		return -ENOENT;
	start = t->functions[at - 1].start;
	for (int i = 0; i < ALIASES_MAX && at > 0; i++, at--) {
		const struct function *fn = &t->functions[at - 1];

		if (fn->start != start)
			break;
		if (fn->n_bytes != 0 && address - fn->start >= fn->n_bytes)
			continue;
		if (read_name(t, fn, name, sizeof(name)) &&
		    (best[0] == '\0' || is_better(name, best)))
			memcpy(best, name, sizeof(best));
	}
	if (best[0] == '\0')
		return -ENOENT;
	snprintf(ret_name, room, "%s", best);
	return 0;
}
